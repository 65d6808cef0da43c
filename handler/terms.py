"""Terms: finds the words of a text that keywords are counted by, the same way in the corpus and in a query.

Kind `english` splits at spaces and signs, and its terms are English stems. Kind `pieces` takes the word pieces of the model's
own tokenizer, which suits every language. It counts nothing and knows no index. docs/keywords.md says what is found by what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from handler.english import STOP_WORDS, load_stemmer
from handler.errors import ArtifactError
from handler.folding import Folded, fold
from handler.light_typing import Any, Protocol
from handler.manifest import REMEDY
from handler.named import NamedTuple

KINDS = ("english", "pieces")
# A longer word is cut: such a thing is no word that people type, and would make the index large.
MAX_WORD = 64
# A longer text is tokenised in parts: 10 MB at once take more than 1 GB.
MAX_PART = 1 << 15


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


def analyzer(kind: str, tokenizer: Any | None = None) -> Analyzer:
    """Returns the analyzer of that kind; `pieces` needs a tokenizer of the tokenizers package, which may truncate.

    Words beyond the tokenizer's limit are found all the same. Raises ArtifactError where the kind is unknown.
    """
    if kind == "english":
        return English()
    if kind != "pieces":
        known = ", ".join(KINDS)
        raise ArtifactError(f"the artifact's kind of terms is {kind!a:.40}, this code has {known}: {REMEDY}")
    if tokenizer is None:
        raise TypeError("the kind pieces needs the model's tokenizer")
    return Pieces(tokenizer)


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
_UNIT = re.compile("zm*")
_RUN = re.compile(rf"[aA0][aA0m]{{0,{MAX_PART}}}|z[zm]{{0,{MAX_PART}}}|e|rr?")
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
            yield from _grams(folded, start, end)
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


def _grams(folded: Folded, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Yields each character of a script without spaces, and each two neighbours."""
    units = [match.span() for match in _UNIT.finditer(folded.shape, start, end)]
    for number, (first, last) in enumerate(units):
        yield folded.text[first:last], first, last
        if number + 1 < len(units):
            after = units[number + 1][1]
            yield folded.text[first:after], first, after


class Pieces:
    """The word pieces of the model's tokenizer. Where it knows single letters only, the written word is a term besides them.

    A tokenizer takes a run of a script without spaces for one word. If it knows at most single characters of it, the run, each
    character and each two neighbours are terms.
    """

    def __init__(self, tokenizer: Any) -> None:
        """Takes a tokenizer of the tokenizers package."""
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder().items()
        self._special = {number for number, token in added if token.special}

    def words(self, text: str) -> list[Word]:
        """Returns the pieces of letters, digits and emoji, by start and then by end."""
        folded = fold(text)
        found: list[tuple[str, int, int]] = []
        for spaced, places in _spaced(folded):
            for pieces in self._cut(spaced):
                start = pieces[0][1]
                unspaced = folded.shape[places[start]] == "z"
                # Letters alone tell words badly apart, and a character may have several of them.
                if all(last - first == 1 for _, first, last in pieces) and (unspaced or len(pieces) > 1):
                    pieces = [("", start, pieces[-1][2]), *([] if unspaced else pieces)]
                for token, first, last in pieces:
                    begin, end = places[first], places[last - 1] + 1
                    if token:
                        found.append((token, begin, end))
                        continue
                    # A tokenizer may drop marks, those at the word's end too.
                    while folded.shape.startswith("m", end):
                        end += 1
                    whole = folded.text[begin:end], begin, end
                    found += dict.fromkeys([whole, *_grams(folded, begin, end)])
        found = [(word[:MAX_WORD], folded.starts[start], folded.ends[end - 1]) for word, start, end in found]
        return [Word(*word) for word in sorted(found, key=lambda word: word[1:])]

    def term(self, word: str) -> str:
        """Returns the piece itself."""
        return word

    def _cut(self, spaced: str) -> Iterator[list[tuple[str, int, int]]]:
        """Yields each word's pieces and their spans; a piece that the tokenizer doesn't know is ""."""
        encoding = self._tokenizer.encode(spaced, add_special_tokens=False)
        pieces: list[tuple[str, int, int]] = []
        before = None
        # A tokenizer that truncates keeps the rest of the tokens in `overflowing`.
        for part in (encoding, *encoding.overflowing):
            found = zip(part.ids, part.tokens, part.offsets, part.word_ids, strict=True)
            for number, token, (start, end), word in found:
                surface = spaced[max(start, 1) : end].strip()
                if not surface or not token.strip("▁Ġ"):
                    continue  # a piece of a space
                first = spaced.index(surface, max(start, 1))
                # Some tokenizers take all that they are given for one word.
                if pieces and (word != before or (spaced[first - 1] == " " and first > pieces[-1][1])):
                    yield pieces
                    pieces = []
                # The unknown token is the same for all that the tokenizer doesn't know.
                pieces.append(("" if number in self._special else token, first, first + len(surface)))
                before = word
        if pieces:
            yield pieces


def _spaced(folded: Folded) -> Iterator[tuple[str, list[int]]]:
    """Yields the text in parts, each a point and its words, and each character's place in `folded`.

    One space is before each word or emoji. So a word has the same pieces at the start of a text, after a space and
    after a bracket.
    """
    # Some tokenizers drop a space at the start, none drops one after a sign.
    parts, places = ["."], [0]
    for match in _RUN.finditer(folded.shape):
        start, end = match.span()
        parts += " ", folded.text[start:end]
        places += start, *range(start, end)
        if len(places) > MAX_PART:
            yield "".join(parts), places
            parts, places = ["."], [0]
    if len(parts) > 1:
        yield "".join(parts), places
