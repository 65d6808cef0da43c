"""What `pip install seeklet` leaves out: which packages a command needs, and how to get them."""

from __future__ import annotations

from importlib.util import find_spec

from handler.errors import SeekletError

# What each extra is known by: packages that no command of it can do without.
PACKAGES = {
    "export": ("torch", "transformers", "optimum", "onnx", "safetensors", "tqdm"),
    "serve": ("fastapi", "mangum", "uvicorn"),
    "demo": ("botocore",),
    "aws": ("botocore",),
}


def require(extra: str, what: str) -> None:
    """Raises SeekletError where a package of `extra` isn't installed; `what` needs it."""
    missing = [name for name in PACKAGES[extra] if find_spec(name) is None]
    if missing:
        raise SeekletError(
            f'{what} needs {", ".join(missing)}, not installed here: pip install "seeklet[{extra}]"'
        )
