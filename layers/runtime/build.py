"""Builds the runtime layer: the handler's dependencies, pruned and compiled, for one Python and processor.

It installs the locked wheels on any machine (it runs nothing of the target), deletes what prune.txt lists, and compiles
bytecode if this machine has the target's Python. The same lock gives the same bytes. It resolves no versions: lock.py
does.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from layers import EPOCH
from layers.runtime.bundle import bundle, drop_bytecode, modules_of, read_start_list
from layers.runtime.bytecode import compile_tree
from layers.runtime.elf import strip
from layers.runtime.prune import prune, read_prune
from layers.runtime.targets import RUNTIME, TARGETS, BuildError, lock_of, pip_install, pip_target, tag_of

# Each has a file of pinned distributions beside this module.
ENGINES = ("postgresql",)
# What the function imports before it looks for the file of all its modules (handler/app.py).
FIRST_MODULES = ("__init__", "app", "bundled", "later", "light_typing", "named")
# What /docs and /openapi.json alone need.
DOCS_LIST = RUNTIME / "without_docs.txt"


def main() -> int:
    """Parses the command line and builds; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m layers.runtime.build", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--target", required=True, choices=TARGETS)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="gets python/, as Lambda unpacks it"
    )
    parser.add_argument("--code", type=Path, metavar="DIR", help="copy and compile this package instead")
    parser.add_argument(
        "--stamp", type=Path, nargs="*", default=[], metavar="FILE", help="files that the layers are made of"
    )
    parser.add_argument("--engine", choices=("", *ENGINES), default="", help="add the client of this engine")
    parser.add_argument(
        "--docs", choices=("on", "off"), default="on", help="off: leave out what /docs alone needs"
    )
    options = parser.parse_args()
    try:
        if options.code:
            build_code(options.target, options.code, options.out, options.stamp)
        else:
            build_layer(options.target, options.out, options.engine, docs=options.docs == "on")
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def build_layer(target: str, out: Path, engine: str = "", *, docs: bool = True) -> None:
    """Builds the layer into out/python, with the client of an engine where one is named, and with /docs or without."""
    tree = out / "python"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    install(target, lock_of(target), tree)
    if engine:
        install(target, RUNTIME / f"{engine}.txt", tree)
    installed = size_of(tree)
    prune(tree, read_prune())
    if not docs:
        prune(tree, read_prune(DOCS_LIST))
    for library in sorted(tree.rglob("*.so*")):
        library.write_bytes(strip(library.read_bytes()))
    pruned = size_of(tree)
    compiled = compile_tree(target, tree, "/opt/python", sources=False)
    if compiled:
        bundle(tree, tree, tag_of(target), read_start_list())
    settle(tree)
    megabytes = [f"{n / 1e6:.1f}" for n in (installed, pruned, size_of(tree))]
    bytecode = "with bytecode" if compiled else "without bytecode"
    print(
        f"runtime layer {target}: {megabytes[0]} MB installed, {megabytes[1]} pruned, {megabytes[2]} {bytecode}"
    )


def build_code(target: str, package: Path, out: Path, stamp: Sequence[Path] = ()) -> None:
    """Copies a package into out, under its own name, and compiles it.

    Writes the hashes of the stamp's files to layers.sha256. SAM publishes a version for new code, not for new layers
    (serverless-application-model #1640), so without that file the alias would still serve the old corpus.
    """
    shutil.rmtree(out / package.name, ignore_errors=True)
    shutil.copytree(package, out / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))
    if compile_tree(target, out, "/var/task", sources=True):
        bundle(out, out / package.name, tag_of(target), modules_of(package))
        drop_bytecode(out / package.name, FIRST_MODULES)
    if stamp:
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in stamp]
        (out / "layers.sha256").write_text("\n".join(digests) + "\n")
    settle(out)


def install(target: str, lock: Path, tree: Path) -> None:
    """Installs a target's lock; raises BuildError where pip refuses, for example a file of another hash."""
    command = [*pip_install(), "--no-deps", "--require-hashes", "--no-compile"]
    command += ["--target", str(tree), *pip_target(target), "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or [done.stderr[-300:]]
        raise BuildError(f"pip can't install {lock.name} of {target}: {lines[0]}")


def settle(tree: Path) -> None:
    """Sets one time and one mode for every file: readable by Lambda's user, and the same on every machine."""
    for path in [*tree.rglob("*"), tree]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def size_of(tree: Path) -> int:
    """Returns the bytes of all files."""
    return sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
