"""prune.txt, the list of what the layer does without: reads it, and deletes what it names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layers.runtime.targets import RUNTIME, BuildError

PRUNE_LIST = RUNTIME / "prune.txt"


@dataclass(frozen=True, slots=True)
class PruneLine:
    """A glob to delete, a module to empty, or a distribution to leave out, and the reason."""

    pattern: str
    reason: str
    distribution: bool
    empty: bool


def read_prune(path: Path = PRUNE_LIST) -> list[PruneLine]:
    """Reads the lines of a prune list; raises BuildError where one lacks its reason."""
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"(without |empty )?(\S+)\s+# (\S.*)", line)
        if not found:
            raise BuildError(f"{path.name}, line {number}: write `pattern  # reason`")
        lines.append(PruneLine(found[2], found[3], found[1] == "without ", found[1] == "empty "))
    return lines


def prune(tree: Path, lines: Sequence[PruneLine]) -> None:
    """Deletes in `tree` what the lines name; raises BuildError where a line matches nothing: it is out of date."""
    for line in lines:
        if line.distribution:
            continue
        matches = list(tree.glob(line.pattern))
        if not matches:
            raise BuildError(
                f"prune.txt: {line.pattern} matches nothing in this layer: delete or mend the line"
            )
        for path in matches:
            if line.empty:
                path.write_bytes(b"")
            elif path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
