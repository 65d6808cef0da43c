"""The extras: packages that `pip install seeklet` leaves out, and which command needs which."""

from __future__ import annotations

from importlib.util import find_spec

from handler.errors import SeekletError

# For each extra, packages without which none of its commands can run.
PACKAGES = {
    "export": ("torch", "transformers", "optimum", "onnx", "safetensors", "tqdm"),
    "serve": ("fastapi", "mangum", "uvicorn"),
    "demo": ("botocore",),
    "aws": ("botocore",),
}


def require(extra: str, what: str) -> None:
    """Raises SeekletError where a package of `extra` isn't installed. `what` names who needs it."""
    missing = [name for name in PACKAGES[extra] if find_spec(name) is None]
    if missing:
        raise SeekletError(
            f'{what} needs {", ".join(missing)}, not installed here: pip install "seeklet[{extra}]"'
        )
