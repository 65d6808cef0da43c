"""prune.txt, the list of what the layer does without: reads it, and deletes what it names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layers.runtime.targets import RUNTIME, BuildError

PRUNE_LIST = RUNTIME / "prune.txt"
# The modules that take others' places.
STAND_INS = RUNTIME / "stand_ins"


@dataclass(frozen=True, slots=True)
class PruneLine:
    """What is left out, and the reason.

    kind     "" deletes the paths of a glob, "empty" leaves modules without content, "without" leaves a distribution out
             of the lock, and any other kind is the stand-in that takes their place
    pattern  the glob, or the distribution's name
    """

    kind: str
    pattern: str
    reason: str

    @property
    def distribution(self) -> bool:
        """Whether it names a distribution."""
        return self.kind == "without"


def read_prune(path: Path = PRUNE_LIST) -> list[PruneLine]:
    """Reads the lines of a prune list; raises BuildError where one lacks its reason."""
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"(?:(without|empty|as \w+) )?(\S+)\s+# (\S.*)", line)
        if not found:
            raise BuildError(f"{path.name}, line {number}: write `pattern  # reason`")
        lines.append(PruneLine((found[1] or "").removeprefix("as "), found[2], found[3]))
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
            if line.kind == "empty":
                path.write_bytes(b"")
            elif line.kind:
                shutil.copyfile(STAND_INS / f"{line.kind}.py", path)
            elif path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
