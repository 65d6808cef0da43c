"""The targets of the runtime layer, each a Python and a processor of Lambda, and pip's options for one."""

from __future__ import annotations

import sys
from pathlib import Path

RUNTIME = Path(__file__).resolve().parent
TARGETS = tuple(f"python3.{minor}-{arch}" for minor in (12, 13, 14) for arch in ("x86_64", "arm64"))
# Lambda's python3.12 and later have glibc 2.34. pip must be given every older tag by name too.
GLIBC_TAGS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")

# What each way to deploy sets for glibc's malloc. What has more bytes than the first is mapped, and goes back to the system when
# it is freed. By itself malloc raises this threshold, up to 32 MB, and keeps gaps that grow with the largest answers. Where it may
# not, it gives back all but 128 KB at the heap's end too, which each request then asks for again: so it keeps the second.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4194304", "MALLOC_TRIM_THRESHOLD_": "1048576"}


class BuildError(Exception):
    """Raised when the layer can't be built; the message says what to do."""


def lock_of(target: str) -> Path:
    """Returns the file of the target's pinned distributions, each with its SHA-256."""
    return RUNTIME / target / "requirements.txt"


def tag_of(target: str) -> str:
    """Returns what the names of the target's bytecode files have: cpython-313."""
    return f"cpython-{target.removeprefix('python').split('-')[0].replace('.', '')}"


def pip_install(python: str = sys.executable) -> list[str]:
    """Returns the beginning of a command that installs packages with that interpreter's pip."""
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def pip_target(target: str) -> list[str]:
    """Returns pip's options for the wheels of another machine."""
    python, arch = target.removeprefix("python").split("-")
    machine = {"arm64": "aarch64"}.get(arch, arch)
    platforms = [part for tag in GLIBC_TAGS for part in ("--platform", f"{tag}_{machine}")]
    return ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
