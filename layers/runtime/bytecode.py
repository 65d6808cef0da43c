"""Bytecode by the target's own Python, which is looked for on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from layers.runtime.targets import BuildError


def compile_tree(target: str, tree: Path, place: str, *, sources: bool) -> bool:
    """Compiles by the target's own Python; False, and nothing done, where this machine has none.

    Unchecked: the zip sets every file's time to 1980, which makes ordinary bytecode look stale. Without sources
    the bytecode takes their place, docstrings and asserts left out: a traceback has file and line, not the text.
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
    """A working interpreter of that minor version: this one, on PATH, or of pyenv."""
    candidates = [sys.executable, shutil.which(name)]
    candidates += sorted(
        map(str, Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/*/bin/{name}"))
    )
    version = "import sys; print('python%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        # A pyenv shim exists for versions that aren't there.
        if (
            candidate
            and subprocess.run([candidate, "-c", version], capture_output=True, text=True).stdout.strip()
            == name
        ):
            return candidate
    return None
