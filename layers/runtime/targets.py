"""What the runtime layer is built for: each Python and processor of Lambda's, and how pip is told of one."""

from __future__ import annotations

from pathlib import Path

RUNTIME = Path(__file__).resolve().parent
TARGETS = tuple(f"python3.{minor}-{arch}" for minor in (12, 13, 14) for arch in ("x86_64", "arm64"))
# Lambda's python3.12 and later have glibc 2.34. pip wants every older tag by name too.
GLIBC_TAGS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


class BuildError(Exception):
    """Raise when the layer can't be built; the message says how to go on."""


def lock_of(target: str) -> Path:
    """The target's pinned distributions, each with its SHA-256."""
    return RUNTIME / target / "requirements.txt"


def pip_target(target: str) -> list[str]:
    """pip's options for another machine's wheels."""
    python, arch = target.removeprefix("python").split("-")
    machine = {"arm64": "aarch64"}.get(arch, arch)
    platforms = [part for tag in GLIBC_TAGS for part in ("--platform", f"{tag}_{machine}")]
    return ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
