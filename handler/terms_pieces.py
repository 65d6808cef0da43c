"""The terms of the kind `pieces`: the word pieces of the model's own tokenizer. docs/keywords.md says what is found by what."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handler.folding import Folded, fold
from handler.light_typing import Any
from handler.words import MAX_WORD, Word, grams

# A longer text is tokenised in parts: 10 MB at once take more than 1 GB.
MAX_PART = 1 << 15
# A word or an emoji in the shape of a text (folding.py).
_RUN = re.compile(rf"[aA0][aA0m]{{0,{MAX_PART}}}|z[zm]{{0,{MAX_PART}}}|e|rr?")


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
                    found += dict.fromkeys([whole, *grams(folded, begin, end)])
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
