"""Words: what the analyzers of a text's terms have in common. terms.py says which analyzers there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handler.folding import Folded
from handler.light_typing import Protocol
from handler.named import NamedTuple

# A longer word is cut: such a thing is no word that people type, and would make the index large.
MAX_WORD = 64

# A character of a script without spaces, and its marks, in the shape of a text (folding.py).
_UNIT = re.compile("zm*")


class Word(NamedTuple):
    """A word as it is looked up, and its span in the text: code points, start < end."""

    text: str
    start: int
    end: int


class Analyzer(Protocol):
    """Finds a text's words, and the term that each counts for."""

    def words(self, text: str) -> list[Word]:
        """Returns the words in the order of the text, by start and then by end. They may overlap."""

    def term(self, word: str) -> str:
        """Returns the term of a word that `words` found."""


def grams(folded: Folded, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Yields each character of a script without spaces, and each two neighbours."""
    units = [match.span() for match in _UNIT.finditer(folded.shape, start, end)]
    for number, (first, last) in enumerate(units):
        yield folded.text[first:last], first, last
        if number + 1 < len(units):
            after = units[number + 1][1]
            yield folded.text[first:after], first, after
