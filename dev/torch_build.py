"""`make setup`: finds the build of torch for this machine, and prints pip's arguments that install it by hash.

On Linux, PyPI has torch for NVIDIA GPUs, which brings CUDA. PyTorch's CPU builds have a version of their own, such as
2.13.0+cpu, and the next lock. They are looked for in what pip is given, by pip itself, so that its configuration
counts. Where that has none and there is no GPU, they are looked for in PyTorch's index of CPU builds. It installs
nothing. It runs in an environment that has nothing but pip.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# PyTorch's own index; `make setup TORCH_INDEX=...` names a mirror.
INDEX = "https://download.pytorch.org/whl/cpu"
# Seconds that an index may be silent: what pip is given may be a slow mirror, and has to answer.
GIVEN_LIMIT, INDEX_LIMIT = 10.0, 3.0
# Seconds more that pip may take: it starts, and reads a page.
PIP_LIMIT = 7.0

PIN = re.compile(r"^torch==([^\s\\]+)", re.MULTILINE)
LISTED = re.compile(r"^Available versions: (.+)$", re.MULTILINE)
CPU_LOCK = ["-r", "requirements-torch-cpu.txt"]
PYPI_LOCK = ["-r", "requirements-torch.txt"]
CUDA_LOCK = [*PYPI_LOCK, "-r", "requirements-torch-cuda.txt"]
# Of Linux on x86-64, by `du`; the download is the sum of the wheels.
SIZE = "about 2.7 GB to download and 4.6 GB on disk (CUDA 2.7, torch 1.2, triton 0.7)"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints pip's arguments, and on stderr what is large; returns 0, or 2 where pip would find no torch."""
    parser = argparse.ArgumentParser(prog="python -m dev.torch_build", description=__doc__.split("\n\n")[0])
    parser.add_argument("--index", default=INDEX, metavar="URL", help="PyTorch's index of CPU builds")
    options = parser.parse_args(argv)
    pin = pinned(Path("requirements-torch.txt"))
    try:
        arguments, note = choose(pin, options.index, installed=installed(), cuda=brings_cuda(), gpu=has_gpu())
    except LookupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if note:
        print(note, file=sys.stderr)
    print(" ".join(arguments))
    return 0


def choose(
    pin: str, index: str, *, installed: str | None, cuda: bool, gpu: bool, limit: float = INDEX_LIMIT
) -> tuple[list[str], str]:
    """Chooses the build.

    Args:
        pin: torch's version, without a build.
        index: the URL of PyTorch's index of CPU builds.
        installed: the version of torch that the environment has, with its build.
        cuda: whether PyPI's build for this machine brings CUDA.
        gpu: whether the machine has an NVIDIA GPU.
        limit: seconds that `index` may be silent.

    Returns:
        pip's arguments, and a line for the user, empty where nothing large comes.

    Raises:
        LookupError: neither pip's indexes nor `index` have the version, or none answers.
    """
    cpu = f"{pin}+cpu"
    if not cuda:
        return PYPI_LOCK, ""
    if installed is not None and installed.split("+")[0] == pin:
        return {cpu: CPU_LOCK, pin: CUDA_LOCK}.get(installed, PYPI_LOCK), ""
    given = listed(limit=GIVEN_LIMIT)
    if cpu in given:
        return CPU_LOCK, ""
    if not gpu and cpu in listed("--index-url", index, limit=limit):
        return ["--index-url", index, *CPU_LOCK], ""
    if pin not in given:
        here = f"Python {platform.python_version()} on {sys.platform} {platform.machine()}"
        raise LookupError(
            f"pip finds no torch {pin} for {here}, and {index} no CPU build: see whether there is a network"
        )
    nowhere = (
        f"neither pip's indexes nor {index} gave a CPU build (`make setup TORCH_INDEX=URL` asks another)"
    )
    return CUDA_LOCK, f"torch {pin} comes with CUDA, {SIZE}: {'there is an NVIDIA GPU' if gpu else nowhere}"


def pinned(lock: Path) -> str:
    """Returns the version of torch that a lock pins."""
    found = PIN.search(lock.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{lock} pins no torch")
    return found[1]


def installed() -> str | None:
    """Returns the version of torch in this environment, None where it has none."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def listed(*options: str, limit: float) -> list[str]:
    """Returns the versions of torch that pip could install here; none where no index answers.

    Args:
        options: pip's options that say where to look.
        limit: seconds that an index may be silent.
    """
    command = [sys.executable, "-m", "pip", "index", "versions", "torch", *options]
    command += ["--timeout", f"{limit:g}", "--retries", "0", "--no-input", "--disable-pip-version-check"]
    try:
        # Looking up a name may take longer than a silent server.
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit + PIP_LIMIT,
            env={**os.environ, "PIP_QUIET": "0"},
        )
    except subprocess.TimeoutExpired:
        return []
    found = LISTED.search(done.stdout)
    return found[1].split(", ") if found else []


def brings_cuda(system: str = sys.platform, machine: str | None = None) -> bool:
    """Returns whether PyPI's torch for a system and a processor is a build for CUDA."""
    return system == "linux" and (machine or platform.machine()) in ("x86_64", "aarch64")


def has_gpu(root: Path = Path("/")) -> bool:
    """Returns whether an NVIDIA driver runs: on Linux itself, in a container, or under Windows (WSL)."""
    drivers = ("proc/driver/nvidia/version", "dev/nvidiactl", "usr/lib/wsl/lib/nvidia-smi")
    return any((root / name).exists() for name in drivers)


if __name__ == "__main__":
    sys.exit(main())
