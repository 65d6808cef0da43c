"""Changes single bytes of an artifact at random, and counts what a load and `seeklet verify` make of it.

    python -m soak.corruptions ARTIFACT [--count 1000] [--seed 0] [--json FILE]

Half of the bytes are chosen evenly over the files, the manifest included, half evenly over all bytes. For each change: a load
refuses it; or an answer does, with 500; or every answer is the intact one's (harmless); or one differs (served wrong).
`verify` is its first step, the SHA-256 of every file: what passes that is compared too. soak/swaps.py has cut and swapped files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from handler.artifact import Artifact
from handler.errors import ArtifactError, SeekletError
from handler.manifest import MANIFEST_FILE
from soak.answers import ask, ask_intact, make_events
from soak.children import CrashError, lines_of_child, starting, tell
from soak.senders import Event

BATCH = 100
FILES, BYTES = "files", "bytes"
# What a load makes of a change.
REFUSED, FAILED, HARMLESS, WRONG = "refused", "refused by an answer", "harmless", "served wrong"
CRASHED = "crashed"
FATES = (REFUSED, FAILED, HARMLESS, WRONG, CRASHED)


class Change(NamedTuple):
    """One byte of one file, and the bits of it that are flipped. `spread` is FILES or BYTES: how the byte was chosen."""

    spread: str
    file: str
    place: int
    flipped: int


def choose(sizes: Mapping[str, int], seed: int, number: int) -> Change:
    """Chooses the change of a number; the same seed and number always give the same change."""
    rng = random.Random(f"{seed} {number}")
    spread = (FILES, BYTES)[number % 2]
    names = sorted(name for name, size in sizes.items() if size)
    weights = None if spread == FILES else [sizes[name] for name in names]
    name = rng.choices(names, weights)[0]
    return Change(spread, name, rng.randrange(sizes[name]), rng.randrange(1, 256))


def flip(directory: Path, change: Change) -> None:
    """Changes the byte in place; a second time changes it back."""
    descriptor = os.open(directory / change.file, os.O_RDWR)
    try:
        byte = os.pread(descriptor, 1, change.place)[0]
        os.pwrite(descriptor, bytes([byte ^ change.flipped]), change.place)
    finally:
        os.close(descriptor)


def passes_verify(directory: Path) -> bool:
    """Tells whether the manifest and the hashes are as `seeklet verify` wants them, before it runs any model."""
    try:
        Artifact.open(directory).check_hashes()
    except ArtifactError:
        return False
    return True


def fate_of(directory: Path, events: Sequence[Event], intact: Sequence[str | None]) -> tuple[str, str]:
    """Returns one of FATES, and the refusal's sentence."""
    outcome = ask(directory, events)
    if outcome.refused is not None:
        return REFUSED, outcome.refused
    pairs = list(zip(outcome.answers, intact, strict=True))
    if any(answer not in (None, expected) for answer, expected in pairs):
        return WRONG, ""
    return (HARMLESS if all(answer == expected for answer, expected in pairs) else FAILED), ""


def run_child(artifact: Path, copy: Path, seed: int, numbers: range) -> None:
    """Makes the changes of some numbers to a copy of the artifact, and tells the fate of each."""
    with starting():
        sizes = sizes_of(artifact)
        events = make_events(artifact)
        intact = ask_intact(artifact, events)
    # What fails from here on is a change's crash.
    tell(begins=True)
    for number in numbers:
        change = choose(sizes, seed, number)
        flip(copy, change)
        fate, why = fate_of(copy, events, intact)
        tell(number=number, fate=fate, why=why, verified=passes_verify(copy))
        flip(copy, change)


def sizes_of(directory: Path) -> dict[str, int]:
    """Returns the bytes of each file of the artifact, the manifest among them."""
    names = [*Artifact.open(directory).manifest.files, MANIFEST_FILE]
    return {name: (directory / name).stat().st_size for name in names}


def fates(artifact: Path, count: int, seed: int) -> Iterator[tuple[Change, dict[str, Any]]]:
    """Makes the changes in child processes, on a copy; gives each with its fate.

    Raises StartError where a child fails before its first change, as it does where the intact artifact doesn't answer.
    """
    sizes = sizes_of(artifact)
    number = 0
    while number < count:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copytree(artifact, Path(folder) / "artifact"))
            stop = min(number + BATCH, count)
            # A child has another current folder.
            arguments = [
                str(artifact.resolve()),
                "--child",
                str(copy),
                f"{number}:{stop}",
                "--seed",
                str(seed),
            ]
            try:
                for told in lines_of_child("soak.corruptions", arguments):
                    if "fate" in told:
                        yield choose(sizes, seed, number), told
                        number += 1
            except CrashError as crash:
                yield (
                    choose(sizes, seed, number),
                    {"fate": CRASHED, "why": str(crash), "verified": passes_verify(copy)},
                )
                number += 1


def count_fates(found: Iterator[tuple[Change, dict[str, Any]]]) -> dict[str, Any]:
    """Counts the fates: by spread, and by file where something was served wrong, crashed, or passed `verify`."""
    counts: dict[str, Counter[str]] = {FILES: Counter(), BYTES: Counter()}
    wrong: Counter[str] = Counter()
    verified: Counter[str] = Counter()
    crashes = []
    for change, told in found:
        counts[change.spread][told["fate"]] += 1
        if told["fate"] == WRONG:
            wrong[change.file] += 1
        if told["fate"] == CRASHED:
            crashes.append({**change._asdict(), "why": told["why"]})
        if told["verified"]:
            verified[told["fate"]] += 1
    return {
        "at load": {spread: {fate: counts[spread][fate] for fate in FATES} for spread in (FILES, BYTES)},
        "served wrong, by file": dict(wrong.most_common()),
        "passed verify": {fate: verified[fate] for fate in FATES},
        "crashes": crashes,
    }


def is_kept(figures: Mapping[str, Any]) -> bool:
    """Tells whether nothing was served wrong after `verify`, and nothing crashed."""
    passed = figures["passed verify"]
    return not figures["crashes"] and not passed[WRONG] and not passed[FAILED]


def table_of(head: str, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Returns the lines of a table: how often each fate was met, a line for each name."""
    rows = [f"{head:20}" + "".join(f"{fate:>22}" for fate in FATES)]
    for name, counted in counts.items():
        rows.append(f"{name:20}" + "".join(f"{counted[fate]:>22,}" for fate in FATES))
    return rows


def show(figures: Mapping[str, Any]) -> str:
    """Returns the figures as a table for people."""
    rows = table_of("chosen evenly over", {**figures["at load"], "passed verify": figures["passed verify"]})
    rows += [f"served wrong: {name}: {number:,}" for name, number in figures["served wrong, by file"].items()]
    rows += [f"crashed: {crash}" for crash in figures["crashes"]]
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the status is 1 where a change was served wrong after `verify` or crashed, 2 where it can't begin."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        copy, numbers = options.child
        run_child(options.artifact, Path(copy), options.seed, range(*map(int, numbers.split(":"))))
        return 0
    try:
        figures = count_fates(fates(options.artifact, options.count, options.seed))
    except SeekletError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(show(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if is_kept(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
