"""Cuts, swaps and mixes the files of two artifacts, and counts what a load and `seeklet verify` make of it.

    python -m soak.swaps ARTIFACT OTHER [--json FILE]

OTHER has other documents, of the same model or another one. soak/corruptions.py has single bytes, and the meaning of the fates.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from handler.artifact import ENCODER_FILES, Artifact
from handler.errors import SeekletError
from handler.manifest import FORMAT_VERSION, MANIFEST_FILE
from soak.answers import ask_intact, make_events
from soak.children import CrashError, lines_of_child, starting, tell
from soak.corruptions import CRASHED, FAILED, FATES, WRONG, fate_of, passes_verify, sizes_of, table_of

# Changes a copy of the first artifact; the second folder is the other artifact. False: there is nothing to change.
Damage = Callable[[Path, Path], bool]


def _write(name: str, change: Callable[[bytes], bytes], copy: Path, _other: Path) -> bool:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(change(data))
    return change(data) != data


def _remove(name: str, copy: Path, _other: Path) -> bool:
    (copy / name).unlink()
    return True


def _bring(names: Sequence[str], copy: Path, other: Path) -> bool:
    """Replaces files by the other artifact's."""
    changed = False
    for name in names:
        if (other / name).exists() and (copy / name).exists():
            changed |= (other / name).read_bytes() != (copy / name).read_bytes()
            shutil.copyfile(other / name, copy / name)
    return changed


def _say_version(version: int, copy: Path, _other: Path) -> bool:
    """Writes the manifest as a release of another format would, with its own checksum."""
    manifest = Artifact.open(copy).manifest._replace(format_version=version)
    (copy / MANIFEST_FILE).write_bytes(manifest.to_json())
    return True


def _halves(data: bytes) -> bytes:
    """Exchanges the two halves: the size stays."""
    middle = len(data) // 2
    return data[middle:] + data[:middle]


def _lines(data: bytes) -> bytes:
    """Moves the first line to the end: a whole file of the same size, whose lines are other documents'."""
    first, _, rest = data.partition(b"\n")
    return rest + first + b"\n"


def damages(artifact: Path) -> dict[tuple[str, str], Damage]:
    """Returns every damage of an artifact, by its kind and the file that it is done to."""
    names = sorted(sizes_of(artifact))
    changes: dict[str, Callable[[bytes], bytes]] = {
        "cut to half": lambda data: data[: len(data) // 2],
        "one byte short": lambda data: data[:-1],
        "one byte more": lambda data: data + b"\n",
        "empty": lambda _: b"",
        "halves exchanged": _halves,
        "lines rotated": _lines,
        "all zeros": lambda data: bytes(len(data)),
    }
    made: dict[tuple[str, str], Damage] = {
        (kind, name): partial(_write, name, change) for kind, change in changes.items() for name in names
    }
    made |= {("missing", name): partial(_remove, name) for name in names}
    made |= {("another artifact's", name): partial(_bring, [name]) for name in names}
    index = [name for name in names if name not in (*ENCODER_FILES, MANIFEST_FILE)]
    made["another artifact's", "the model"] = partial(_bring, ENCODER_FILES)
    made["another artifact's", "the index"] = partial(_bring, index)
    for version in sorted({1, FORMAT_VERSION - 1, FORMAT_VERSION + 1} - {FORMAT_VERSION}):
        made["another format", str(version)] = partial(_say_version, version)
    return made


def run_child(artifact: Path, other: Path) -> None:
    """Does every damage to a copy, and tells its fate."""
    with starting():
        # A folder that is no artifact has no file to bring: nothing would be mixed, and nobody would see it.
        Artifact.open(other)
        events = make_events(artifact)
        intact = ask_intact(artifact, events)
    for (kind, name), damage in damages(artifact).items():
        tell(kind=kind, name=name, begins=True)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copytree(artifact, Path(folder) / "artifact"))
            if damage(copy, other):
                fate, why = fate_of(copy, events, intact)
                tell(kind=kind, name=name, fate=fate, why=why, verified=passes_verify(copy))


def fates(artifact: Path, other: Path) -> Iterator[dict[str, Any]]:
    """Gives the fate of every damage. A crash is the fate of the damage that had begun, and ends the rest.

    Raises StartError where the child fails before its first damage, as it does where a folder is no artifact.
    """
    begun: dict[str, Any] = {}
    try:
        for told in lines_of_child("soak.swaps", [str(artifact), str(other), "--child"]):
            begun = told
            if "fate" in told:
                yield told
    except CrashError as crash:
        yield {**begun, "fate": CRASHED, "why": str(crash), "verified": True}


def count_fates(found: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Counts the fates by kind, and names each damage that was served wrong, failed or crashed after `verify`."""
    kinds: dict[str, Counter[str]] = {}
    wrong, broken = [], []
    for told in found:
        kinds.setdefault(told["kind"], Counter())[told["fate"]] += 1
        if told["fate"] == WRONG:
            wrong.append(f"{told['kind']}: {told['name']}")
        if told["fate"] == CRASHED or (told["verified"] and told["fate"] in (WRONG, FAILED)):
            broken.append(f"{told['kind']}: {told['name']}: {told['why']}")
    return {
        "at load": {kind: {fate: counts[fate] for fate in FATES} for kind, counts in kinds.items()},
        "served wrong": wrong,
        "broken promises": broken,
    }


def show(figures: Mapping[str, Any]) -> str:
    """Returns the figures as a table for people."""
    rows = table_of("damage", figures["at load"])
    rows += [f"served wrong until verified: {name}" for name in figures["served wrong"]]
    rows += [f"broken promise: {name}" for name in figures["broken promises"]]
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the status is 1 where a damage was served wrong after `verify` or crashed, 2 where it can't begin."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        run_child(options.artifact, options.other)
        return 0
    try:
        figures = count_fates(fates(options.artifact, options.other))
    except SeekletError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(show(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if figures["broken promises"] else 0


if __name__ == "__main__":
    sys.exit(main())
