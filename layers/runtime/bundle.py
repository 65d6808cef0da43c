"""Writes the bytecode of a start's modules into one file, which handler/bundled.py imports them from.

    4 bytes   length of the index, little-endian
    index     JSON: module -> path below the file's folder, place and length of its bytecode file
    files     one bytecode file after the other

start.txt names the packages' modules. Their own bytecode files stay: whoever imports them without the file has no sources. The
function's go, but for the first ones: its sources are there.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from handler.bundled import LENGTH_BYTES, NAME
from layers.runtime.targets import RUNTIME, BuildError

START_LIST = RUNTIME / "start.txt"


def read_start_list(path: Path = START_LIST) -> list[str]:
    """Returns the names of the modules that a start imports from the layer."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def bundle(tree: Path, out: Path, tag: str, modules: Iterable[str]) -> None:
    """Writes start.TAG.bin into `out`, `tree` or a package in it, from the bytecode of modules that are below `out`.

    `tag` is a Python's, as the names of its bytecode files have it: cpython-313. Raises BuildError where a module is missing.
    """
    index: dict[str, tuple[str, int, int]] = {}
    bodies: list[bytes] = []
    place = 0
    for name in sorted(modules):
        path, bytecode = _find(tree, name, tag)
        body = bytecode.read_bytes()
        index[name] = path.relative_to(out).as_posix(), place, len(body)
        bodies.append(body)
        place += len(body)
    written = json.dumps(index, separators=(",", ":")).encode()
    head = len(written).to_bytes(LENGTH_BYTES, "little") + written
    (out / NAME.format(tag=tag)).write_bytes(b"".join([head, *bodies]))


def drop_bytecode(package: Path, kept: Collection[str]) -> None:
    """Deletes the bytecode beside a package's sources, but that of some modules of the package itself."""
    for cache in package.rglob("__pycache__"):
        for path in cache.iterdir():
            if cache.parent != package or path.name.partition(".")[0] not in kept:
                path.unlink()
        if not any(cache.iterdir()):
            cache.rmdir()


def modules_of(package: Path) -> list[str]:
    """Returns the names of all modules of a package, from its sources."""
    names = []
    for path in package.rglob("*.py"):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        names.append(".".join(parts).removesuffix(".__init__"))
    return names


def _find(tree: Path, name: str, tag: str) -> tuple[Path, Path]:
    """Returns a module's file, and the one of its bytecode: the same where sources were replaced."""
    place = tree.joinpath(*name.split("."))
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.with_suffix(".pyc").exists():
            return path.with_suffix(".pyc"), path.with_suffix(".pyc")
        cached = path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc"
        if cached.exists():
            return path, cached
    raise BuildError(f"start.txt: this layer has no module {name}: delete or mend the line")
