"""Compiles bytecode with the target's own Python, if this machine has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from layers.runtime.targets import BuildError


def compile_tree(target: str, tree: Path, place: str, *, sources: bool) -> bool:
    """Compiles with the target's own Python. Where this machine has none, it does nothing and returns False.

    The bytecode is unchecked: SAM's zip sets every file's time to 1980, which makes ordinary bytecode look out of date.
    Without `sources` the bytecode replaces them, without docstrings and asserts: a traceback then has file and line,
    but not the text.
    """
    python = find_python(target.split("-")[0])
    if python is None:
        print(
            f"note: no {target.split('-')[0]} here, so no bytecode: the first import takes about twice as long"
        )
        return False
    # One process and a fixed hash seed: the order of sets and of interned names is part of the bytes.
    command = [python, "-I", "-m", "compileall", "-q", "-f", "-j1", "--invalidation-mode", "unchecked-hash"]
    if not sources:
        command += ["-b", "-o", "2"]
    done = subprocess.run(
        [*command, "-s", str(tree), "-p", place, str(tree)],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BuildError(f"compileall failed: {(done.stdout + done.stderr)[-500:]}")
    if not sources:
        for source in tree.rglob("*.py"):
            source.unlink()
    return True


def find_python(name: str) -> str | None:
    """Finds an interpreter of that minor version: this one, one on PATH, or one of pyenv; None where there is none."""
    candidates = [sys.executable, shutil.which(name)]
    candidates += sorted(
        map(str, Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/*/bin/{name}"))
    )
    version = "import sys; print('python%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        # pyenv has shims for versions that aren't installed.
        if (
            candidate
            and subprocess.run([candidate, "-c", version], capture_output=True, text=True).stdout.strip()
            == name
        ):
            return candidate
    return None
