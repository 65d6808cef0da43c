"""Folding: spellings that people take for the same text become one, and each character keeps its place in the original.

Compatibility forms, accents, Arabic and Hebrew points, and invisible characters are folded. Vowel signs that spell
another word (Thai, Devanagari) and the voicing marks of kana stay. It doesn't find words: terms_english.py and terms_pieces.py do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from handler.light_typing import Any
from handler.named import NamedTuple

# A character and the marks after it are folded together. A longer run of marks is cut: Unicode's own limit is 30 marks,
# and normalising a run takes the square of its length.
MAX_CLUSTER = 32

# Ranges of code points, first and last, as one string. No patterns: compiling those takes 20 ms at the start.
# Marks that are left out, all of them of the categories Mn and Me.
_MARKS = (
    "\u0300\u036f\u0483\u0489\u0591\u05bd\u05bf\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u05c7\u0610\u061a\u064b\u065f"
    "\u0670\u0670\u06d6\u06dc\u06df\u06e4\u06e7\u06e8\u06ea\u06ed\u1ab0\u1aff\u1dc0\u1dff\u20d0\u20ff\ufe00\ufe0f"
    "\ufe20\ufe2f\U000e0100\U000e01ef"
)
# Letters that Unicode doesn't decompose, Arabic's stretching sign, the skin tones of emoji, signs that are no letters.
_SPELLINGS = str.maketrans(
    {
        "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ħ": "h", "Ħ": "H", "ı": "i",
        "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th", "ß": "ss", "ẞ": "SS", "ʼ": "'", "\u0640": "",
        **dict.fromkeys(map(chr, range(0x1F3FB, 0x1F400)), ""),
    }
)  # fmt: skip
_NO_LETTERS = str.maketrans({"™": " ", "℠": " "})

# Scripts that put no space between words, and Hangul, whose particles are written onto the word.
_UNSPACED = (
    "\u0e00\u0eff\u0f40\u0fbc\u1000\u109f\u1100\u115f\u1780\u17ff\u3005\u3007\u3040\u30ff\u3100\u312f"
    "\u31a0\u31bf\u31f0\u31ff\u3400\u4dbf\u4e00\u9fff\ua960\ua97f\uaa60\uaa7f\uac00\ud7a3\uf900\ufaff"
    "\U0001b000\U0001b16f\U00020000\U0003ffff"
)
_EMOJI = "\u2600\u27bf\u2b1b\u2b1c\u2b50\u2b50\u2b55\u2b55\U0001f000\U0001f1e5\U0001f200\U0001faff"
_FLAG_LETTERS = "\U0001f1e6\U0001f1ff"
_SIGNS = {"-": "-", "_": "-", "\u2010": "-", "&": "-", "'": "'", "\u2018": "'", "\u2019": "'"}
_SIGNS |= {".": ".", ",": ",", "+": "+", "#": "#"}


class Folded(NamedTuple):
    """A folded text in lower case, the shape of each character, and each one's span in the original.

    A shape is one character: `a` letter, `A` capital letter, `0` digit, `m` mark, `z` character of a script without
    spaces, `e` emoji, `r` half of a flag, one of - ' . , + # for signs that join words, and a space for all else.
    """

    text: str
    shape: str
    starts: Sequence[int]
    ends: Sequence[int]


def fold(text: str) -> Folded:
    """Folds a text. All three of its sequences are as long as the folded text."""
    if text.isascii():
        length = len(text)
        return Folded(text.lower(), text.translate(_SHAPES), range(length), range(1, length + 1))
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        spelled = _SPELLED[text[start:end]] if end - start == 1 else _spell(text[start:end])
        folded.append(spelled)
        starts.extend([start] * len(spelled))
        ends.extend([end] * len(spelled))
    cased = "".join(folded)
    # _spell leaves no character that becomes several.
    return Folded(cased.casefold(), cased.translate(_SHAPES), starts, ends)


def _clusters(text: str) -> list[tuple[int, int]]:
    """Returns the spans of a text's characters, each with the marks and invisible characters after it."""
    bounds = [0]
    for place, character in enumerate(text):
        if place and (not _JOINS[character] or place - bounds[-1] == MAX_CLUSTER):
            bounds.append(place)
    bounds.append(len(text))
    return list(pairwise(bounds))


def _spell(cluster: str) -> str:
    """Folds a character and the marks after it."""
    import unicodedata  # only for texts that aren't ASCII

    decomposed = unicodedata.normalize("NFKD", cluster.translate(_NO_LETTERS))
    spelled = []
    for character in decomposed.translate(_SPELLINGS):
        category = unicodedata.category(character)
        # Cf are invisible characters; U+200B is a place between two words.
        if (category == "Cf" and character != "\u200b") or _within(character, _MARKS):
            continue
        if category == "Nd":
            spelled.append(str(unicodedata.decimal(character)))
        else:
            folded = character.casefold()
            spelled.append(character if len(folded) == 1 else folded)
    return unicodedata.normalize("NFC", "".join(spelled))


def _within(character: str, ranges: str) -> bool:
    # The bounds ascend: an odd number of them before a character means that it is in a range.
    place = bisect_left(ranges, character)
    return place % 2 == 1 or ranges[place : place + 1] == character


# Characters that a table keeps, 3 MB in all three: texts of all Unicode's million would take 300 MB.
MOST_KEPT = 2**13


class _Spelled(dict[str, str]):
    """Folds single characters, each once."""

    def __missing__(self, character: str) -> str:
        _make_room(self)
        self[character] = spelled = character if character.isascii() else _spell(character)
        return spelled


class _Joins(dict[str, bool]):
    """Tells whether a character belongs to the one before it."""

    def __missing__(self, character: str) -> bool:
        import unicodedata

        joins = unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf") and character != "\u200b"
        # The second and third letters of a Hangul syllable, the voicing marks of narrow kana, skin tones.
        joins = joins or _within(character, "\u1160\u11ff\uff9e\uff9f\U0001f3fb\U0001f3ff")
        _make_room(self)
        self[character] = joins
        return joins


class _Shapes(dict[int, str]):
    """Gives the shape of a character by its number, as str.translate asks."""

    def __missing__(self, code: int) -> str:
        _make_room(self)
        self[code] = shape = _shape_of(chr(code))
        return shape


def _make_room(table: dict[Any, Any]) -> None:
    # Emptied, not closed: a text of rare characters mustn't slow down all texts after it.
    if len(table) >= MOST_KEPT:
        table.clear()


def _shape_of(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if _within(character, _UNSPACED) and (character.isalpha() or character in "\u3005\u3006\u3007"):
        return "z"
    if _within(character, _EMOJI):
        return "e"
    if _within(character, _FLAG_LETTERS):
        return "r"
    if character.isdecimal():
        return "0"
    if character.isalnum():
        return "A" if character.isupper() else "a"
    if character.isascii():
        return " "
    import unicodedata

    return "m" if unicodedata.category(character) in ("Mn", "Mc") else " "


_SPELLED = _Spelled()
_JOINS = _Joins()
_SHAPES = _Shapes()
