"""The extras: packages that `pip install seeklet` leaves out, and who needs which."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from handler.errors import SeekletError

# For each extra, packages without which nothing of it can run.
PACKAGES = {
    "export": ("torch", "transformers", "optimum", "onnx", "safetensors", "tqdm"),
    "ray": ("ray", "pyarrow"),
    "serve": ("fastapi", "mangum", "uvicorn"),
    "demo": ("botocore",),
    "aws": ("botocore",),
    "postgres": ("pg8000",),
    "langchain": ("langchain_core",),
    "llama-index": ("llama_index.core",),
}

# PyTorch's builds for the CPU.
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


def require(extra: str, what: str) -> None:
    """Raises SeekletError where a package of `extra` isn't installed. `what` names who needs it."""
    missing = [name for name in PACKAGES[extra] if not _is_installed(name)]
    if missing:
        raise SeekletError(
            f'{what} needs {", ".join(missing)}, not installed here: pip install "seeklet[{extra}]"{_index(extra)}'
        )


def _index(extra: str) -> str:
    """Returns the index from which pip takes torch for the CPU; PyPI's torch for Linux brings CUDA."""
    if extra != "export" or sys.platform != "linux":
        return ""
    return f" --extra-index-url {TORCH_INDEX} (that index is for Linux without an NVIDIA GPU)"


def _is_installed(name: str) -> bool:
    """Tells whether a package can be imported; the one that it is in may be missing too."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
