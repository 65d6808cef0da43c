"""The documents and their fenced blocks, for the tests that hold them to the code."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts[:-1])
    and path.relative_to(ROOT).parts[0] != "build"
]
# What a reader is told to type.
RUNNABLE = ("sh", "console", "python")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block; `answer` is the JSON block that follows at once, or ""."""

    document: str  # relative to the project's folder
    line: int
    language: str
    text: str
    answer: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """The document and the block's first line, without the comment at its end."""
        return self.document, re.sub(r"\s+#.*", "", self.text.strip().splitlines()[0])

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def read_blocks(path: Path) -> Iterator[Block]:
    """A document's fenced blocks, in its order."""
    text = path.read_text(encoding="utf-8")
    fences = list(_FENCE.finditer(text))
    for place, fence in enumerate(fences):
        answer = ""
        for after in fences[place + 1 : place + 2]:
            if after["language"] == "json" and not text[fence.end() : after.start()].strip():
                answer = after["text"]
        yield Block(
            str(path.relative_to(ROOT)),
            text.count("\n", 0, fence.start()) + 1,
            fence["language"],
            textwrap.dedent(fence["text"]),
            textwrap.dedent(answer),
        )
