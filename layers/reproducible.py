"""`make reproducible`: builds the function and its layers twice, and compares every byte that is deployed.

The second build is like another person's: from a copy in another folder, whose files have another age, with another umask,
locale, time zone, home, hash seed and, where there is one, another Python. It runs the makefiles that `sam build` runs.

It doesn't make the artifact anew: the model layer is copied from one. It doesn't change the clock either.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layers.archives import archive
from layers.runtime.bytecode import find_python
from layers.runtime.targets import TARGETS, BuildError
from layers.size import RESOURCES

ROOT = Path(__file__).resolve().parent.parent
# What the makefiles read.
SOURCES = ("handler", "layers")
MAKEFILES = {"SearchFunction": "runtime", "RuntimeLayer": "runtime", "ModelLayer": "model"}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What may differ between two builds of one commit. `age` is a time in seconds since 1970; None leaves it as it is."""

    umask: int
    variables: Mapping[str, str]
    python: str
    age: int | None = None


def main() -> int:
    """Builds twice; prints both hashes of each part, and returns 0 where they are equal, 1 where not, 2 without a build."""
    parser = argparse.ArgumentParser(
        prog="python -m layers.reproducible", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--target", required=True, choices=TARGETS)
    parser.add_argument("--artifact", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            built = [
                build(Path(scratch) / name, options.target, options.artifact.resolve(), circumstances)
                for name, circumstances in two_builders().items()
            ]
        except BuildError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        return compare(*built)


def two_builders() -> dict[str, Circumstances]:
    """Returns the circumstances of both builds, by the name of the folder that each is in."""
    # A Python that differs from this one: its pip installs, and the target's own compiles in any case.
    others = [find_python(f"python3.{minor}") for minor in (14, 13, 12, 11) if minor != sys.version_info[1]]
    other = next((python for python in others if python and has_pip(python)), sys.executable)
    mine = Circumstances(0o022, {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "1"}, sys.executable)
    # Half a day ahead, letters that sort and fold otherwise, and files that nobody else may read.
    theirs = {"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "2"}
    return {"a": mine, "another-folder-of-a-longer-name": Circumstances(0o077, theirs, other, age=10**9)}


def build(folder: Path, target: str, artifact: Path, circumstances: Circumstances) -> Path:
    """Builds all parts from a copy of the sources, and zips them; returns the folder of RESOURCES and their archives."""
    sources, parts = folder / "sources", folder / "parts"
    for name in SOURCES:
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    if circumstances.age is not None:
        for path in sources.rglob("*"):
            os.utime(path, (circumstances.age, circumstances.age))
    home = folder / "home"
    home.mkdir()
    for part in RESOURCES:
        (parts / part).mkdir(parents=True)
        within = sources / "layers" / MAKEFILES[part]
        where = within / target if MAKEFILES[part] == "runtime" else within
        done = subprocess.run(
            ["make", "-C", str(where), "-f", str(within / "Makefile"), f"build-{part}"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "LC_"))},
                **circumstances.variables,
                # pip's cache stays where it is: the wheels are the same, by their hashes.
                "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip")),
                "PYENV_ROOT": os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")),
                "HOME": str(home),
                "PYTHON": circumstances.python,
                "ARTIFACT": str(artifact),
                "ARTIFACTS_DIR": str(parts / part),
            },
            umask=circumstances.umask,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise BuildError(f"{part} can't be built: {(done.stderr or done.stdout)[-600:].strip()}")
        archive(parts / part, parts / f"{part}.zip")
    return parts


def compare(first: Path, second: Path) -> int:
    """Prints the hashes of each part's archive and tree; returns 0 where both builds have the same, else 1."""
    status = 0
    for part in RESOURCES:
        hashes = [digest(folder / f"{part}.zip") for folder in (first, second)]
        trees = [tree(folder / part) for folder in (first, second)]
        same = hashes[0] == hashes[1] and trees[0] == trees[1]
        print(f"{part:14}  {hashes[0]}  {hashes[1]}  {'same' if same else 'DIFFERENT'}")
        if not same:
            status = 1
            names = sorted(trees[0].keys() | trees[1].keys())
            for name in [name for name in names if trees[0].get(name) != trees[1].get(name)][:20]:
                print(f"  {name}: {trees[0].get(name, 'none')}, {trees[1].get(name, 'none')}")
    return status


def tree(folder: Path) -> dict[str, str]:
    """Returns mode, time and SHA-256 of each file by its path: all of a tree that can be in an archive of any tool."""
    return {
        path.relative_to(folder).as_posix(): (
            f"{path.stat().st_mode:o} {path.stat().st_mtime:.0f} {digest(path)}"
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def digest(path: Path) -> str:
    """Returns a file's SHA-256, in hex."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def has_pip(python: str) -> bool:
    """Says whether an interpreter can install packages."""
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
