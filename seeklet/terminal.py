"""Texts on a terminal: control characters are replaced, and a line of a table fits the terminal's width.

A document may hold an escape sequence that would move the cursor or rename the window. So every text of a corpus, a
service or a path goes through this module before it is printed.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from typing import Any

# C0 controls and DEL become their pictures (ESC is U+241B). C1, the bidirectional controls and the line separators have
# no pictures, and become U+FFFD.
_STANDS_FOR = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_STANDS_FOR |= dict.fromkeys(
    [*range(0x80, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)], 0xFFFD
)
# Without C0, which JSON escapes itself.
_NOT_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_IN_SYLLABLE = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")


def printable(text: str) -> str:
    r"""Replaces each control character, line breaks too, by a visible one.

    >>> printable("a\x1b[2Jb\nc")
    'a␛[2Jb␊c'
    """
    return text.translate(_STANDS_FOR)


def printable_lines(text: str) -> str:
    """Does the same as `printable`, but keeps line breaks."""
    return "\n".join(printable(line) for line in text.split("\n"))


def cut(text: str, width: int) -> str:
    """Cuts a text to `width` columns of a terminal; a text that was cut ends in "...".

    >>> cut("a message to a phone", 12)
    'a message...'
    """
    if columns(text) <= width:
        return text
    kept, left = [], width - 3
    for character in text:
        left -= _columns(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "..."[: max(width, 0)]


def columns(text: str) -> int:
    """Counts a text's columns on a terminal: 2 for a wide character, 0 for a combining one."""
    return sum(map(_columns, text))


def pad(text: str, width: int) -> str:
    """Adds spaces up to `width` columns."""
    return text + " " * (width - columns(text))


def to_json(value: Any, indent: int | None = None) -> str:
    """Writes JSON that is safe on a terminal: control characters that JSON allows are escaped too."""
    # Where standard output isn't UTF-8, a character that it lacks must become a JSON escape, not one of Python's.
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, allow_nan=False)
    return _NOT_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _columns(character: str) -> int:
    # A vowel or a last letter of Hangul stands within its syllable.
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or _IN_SYLLABLE.match(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
