"""The packages of the function and of the export: from their locks and from their own metadata. It judges nothing.

The function's are those of a built runtime layer, as they are packed. The export's are in .venv: all that the extras ask
for on this machine.
"""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
# What an export, its service and its places on S3 install.
EXTRAS = ("export", "serve", "aws")
# One distribution with its hashes, in any of our locks.
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)((?:[\s\\]+--hash=sha256:[0-9a-f]{64})*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """One distribution of a lock. `optional` is what only another engine needs, `needs` are names in the same list."""

    name: str
    version: str
    hashes: tuple[str, ...]
    metadata: Mapping[str, str]
    classifiers: tuple[str, ...]
    needs: tuple[str, ...]
    optional: bool = False


def normal(name: str) -> str:
    """Returns a name as PyPI compares it: `Typing_Extensions` is `typing-extensions`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Reads a lock: name -> version and SHA-256 of each file that may be installed."""
    found = PIN.findall(path.read_text(encoding="utf-8"))
    return {
        normal(name): (version, tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes)))
        for name, version, hashes in found
    }


def locks(root: Path = ROOT) -> list[Path]:
    """Returns every lock of the repository."""
    return [
        *sorted(root.glob("requirements*.txt")),
        *sorted((root / "benchmarks").glob("requirements*.txt")),
        *sorted((root / "layers" / "runtime").glob("*/requirements.txt")),
        root / "layers" / "runtime" / "postgresql.txt",
    ]


def function_packages(layer: Path, target: str, root: Path = ROOT) -> list[Package]:
    """Returns the packages of a built layer with the client of PostgreSQL; raises ValueError where it isn't its locks'."""
    runtime = root / "layers" / "runtime"
    always, engine = read_lock(runtime / target / "requirements.txt"), read_lock(runtime / "postgresql.txt")
    pins, built = always | engine, in_folder(layer)
    if pins.keys() != built.keys():
        raise ValueError(f"the layer {layer} has other packages than its locks: {pins.keys() ^ built.keys()}")
    if wrong := [name for name in pins if built[name].version != pins[name][0]]:
        raise ValueError(f"the layer {layer} has another version of {wrong[0]} than its lock")
    return [make(built[name], pins[name][1], pins, optional=name not in always) for name in sorted(built)]


def export_packages(environment: Path, root: Path = ROOT) -> list[Package]:
    """Returns what the extras of an export install, without seeklet itself, from an environment's packages."""
    hashes: dict[tuple[str, str], tuple[str, ...]] = {}
    # The lock of .venv itself has the last word.
    for path in (*sorted(root.glob("requirements*.txt")), root / "requirements.txt"):
        hashes |= {(name, version): files for name, (version, files) in read_lock(path).items() if files}
    installed = in_folder(environment)
    names = closure(installed, "seeklet", EXTRAS) - {"seeklet"}
    return [
        make(installed[name], hashes.get((name, installed[name].version), ()), names)
        for name in sorted(names)
    ]


def main_environment() -> Path:
    """Returns the folder of .venv's packages, which this environment reads beside its own (mk/supply.mk)."""
    link = Path(sysconfig.get_path("purelib")) / "main-environment.pth"
    return Path(link.read_text(encoding="utf-8").strip())


def in_folder(folder: Path) -> dict[str, Distribution]:
    """Returns the distributions of a folder by their names."""
    return {normal(found.name): found for found in distributions(path=[str(folder)])}


def closure(installed: Mapping[str, Distribution], name: str, extras: Iterable[str] = ()) -> set[str]:
    """Returns the names of a distribution and of all that it asks for here; raises ValueError where one isn't installed."""
    found: dict[str, set[str]] = {}
    waiting = [(name, set(extras))]
    while waiting:
        name, asked = waiting.pop()
        if name in found and asked <= found[name]:
            continue
        if name not in installed:
            raise ValueError(f"{name} isn't installed: run `make setup`")
        found[name] = found.get(name, set()) | asked
        waiting += [
            (normal(each.name), each.extras) for each in requirements(installed[name], ("", *found[name]))
        ]
    return set(found)


def requirements(distribution: Distribution, extras: Iterable[str] = ("",)) -> list[Requirement]:
    """Returns what a distribution asks for on this machine, with some of its extras."""
    asked = [Requirement(text) for text in distribution.requires or ()]
    return [
        each
        for each in asked
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def make(
    distribution: Distribution, hashes: tuple[str, ...], names: Iterable[str], *, optional: bool = False
) -> Package:
    """Makes a package of a distribution and its lock's hashes; it needs what it asks for among `names`."""
    known = set(names)
    metadata = distribution.metadata
    return Package(
        name=normal(distribution.name),
        version=distribution.version,
        hashes=hashes,
        metadata={
            key: metadata[key] for key in ("License-Expression", "License", "Summary") if key in metadata
        },
        classifiers=tuple(metadata.get_all("Classifier") or ()),
        needs=tuple(sorted({normal(each.name) for each in requirements(distribution)} & known)),
        optional=optional,
    )
