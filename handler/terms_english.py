"""The terms of the kind `english`: stems of the words between spaces and signs. docs/keywords.md says what is found by what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from handler.english import STOP_WORDS, load_stemmer
from handler.folding import Folded, fold
from handler.words import MAX_WORD, Word, grams

# These patterns are matched with the shape of a text (folding.py), never with the text itself.
# A number keeps its points, and its commas before three digits.
_CORE = "[aA0](?:[aA0m]|(?<=0)[.](?=0)|(?<=0),(?=000(?!0)))*+"
_FOUND = re.compile(
    # Letters with points, as in U.S.A.
    rf"(?P<initials>(?<![aA0m])(?:[aA]m*+[.]){{2,}}+(?:[aA](?![aA0m]))?)"
    # Most words. The next pattern finds them too, and takes longer.
    r"|(?P<plain>(?:A?a++|A++)(?![aA0m+#]|[-'][aA0]))"
    # C++ and C#, numbers, and words joined by hyphen, underscore or apostrophe.
    rf"|(?P<compound>{_CORE}(?:[-']{_CORE})*+(?P<sign>[+][+]|[#](?![aA0z]))?)"
    r"|(?P<unspaced>z[zm]*+)"
    r"|(?P<emoji>e|rr?)"
)
# A text of plain words, as most queries are. It is matched as it is: folding and the pattern above take longer.
_EASY = re.compile("(?:[A-Za-z]?[a-z]*+[,;:]? )*+[A-Za-z]?[a-z]*+[.?!]?")
_LETTERS = re.compile("[A-Za-z]+")
# Where a compound is divided: at signs, between lower and upper case, and between letters and digits. IDs is one word.
_DIVIDED = re.compile(r"[-'+#]+|(?<=a)(?=A)|(?<=A)(?=Aa[aA])|(?<=[aAm])(?=0)|(?<=0)(?=[aA])")
# What follows an apostrophe and belongs to the grammar.
_ENDINGS = frozenset({"s", "d", "m", "ll", "re", "ve"})


class English:
    """Words between spaces and signs; a compound is found by its parts and by the whole without its signs."""

    def __init__(self) -> None:
        self._stem: Callable[[str], str] | None = None

    def words(self, text: str) -> list[Word]:
        """Returns the words without stop words, by start and then by end."""
        if _EASY.fullmatch(text):
            found = [(match[0].lower(), *match.span()) for match in _LETTERS.finditer(text)]
            return [Word(word[:MAX_WORD], *span) for word, *span in found if word not in STOP_WORDS]
        folded = fold(text)
        return [
            Word(word[:MAX_WORD], folded.starts[start], folded.ends[end - 1])
            for word, start, end in _find(folded)
            if word not in STOP_WORDS
        ]

    def term(self, word: str) -> str:
        """Returns the word's stem. The first call imports the stemmer."""
        if not word.isalpha() or not word.isascii():
            return word
        if self._stem is None:
            self._stem = load_stemmer()
        return self._stem(word)


def _find(folded: Folded) -> Iterator[tuple[str, int, int]]:
    """Yields each word and its span in the folded text."""
    text, shape = folded.text, folded.shape
    for match in _FOUND.finditer(shape):
        start, end = match.span()
        kind = match.lastgroup
        if kind == "compound":
            yield from _compound(folded, start, end)
        elif kind == "unspaced":
            yield from grams(folded, start, end)
        elif kind == "initials":
            yield text[start:end].replace(".", ""), start, end
        else:
            yield text[start:end], start, end


def _compound(folded: Folded, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Yields a compound's parts, and the whole without the signs between them."""
    text, shape = folded.text, folded.shape
    sign = shape[start:end].rstrip("+#")
    tail = text[start + len(sign) : end]
    stop = start + len(sign)
    # The possessive and the short forms of verbs: dog's is dog, we'll is we.
    apostrophe = shape.rfind("'", start, stop)
    if apostrophe != -1 and text[apostrophe + 1 : stop] in _ENDINGS:
        stop = apostrophe
    elif apostrophe != -1 and text[apostrophe - 1] + text[apostrophe + 1 : stop] == "nt":
        # Don't is dont, and not don: people leave out the apostrophe.
        yield text[start:apostrophe] + "t", start, stop
        return
    parts = []
    place = start
    for cut in _DIVIDED.finditer(shape, start, stop):
        if cut.start() == start:
            continue  # a mark without a letter is before the first part
        parts.append((place, cut.start()))
        place = cut.end()
    parts.append((place, stop))
    whole = "".join(text[first:last] for first, last in parts).replace(",", "") + tail
    words = []
    if len(parts) > 1 or tail:
        for first, last in parts:
            if last - first > 1 or shape[first] == "0":
                words.append((text[first:last].replace(",", ""), first, last))
    if len(whole) <= MAX_WORD or not words:
        words.append((whole, start, end if tail else stop))
    yield from sorted(words, key=lambda word: word[1:])
