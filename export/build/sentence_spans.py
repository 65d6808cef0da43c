"""Finds the sentences of a text, in any script, by their marks and line breaks.

A passage begins and ends where a sentence does, so a wrong place costs little: this is a set of rules, no model. It
knows no tokens (windows.py does). Its time is linear in the text: every rule looks at a few characters only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from handler.passages import Span

# Marks after which a sentence ends where a space follows, and those of scripts that write no space.
_MARKS = ".!?…؟۔।॥።፧"
_WIDE_MARKS = "。！？｡"
_CLOSERS = "\"'”’»›)]}」』）】》〉"
_OPENERS = "\"'“‘«‹([{¿¡「『（【《〈„‚-–—*•"
# Every run of spaces once, and every run of wide marks with what closes it.
_PLACES = re.compile(rf"(?P<space>\s+)|[{_WIDE_MARKS}]+[{re.escape(_CLOSERS)}]*")
_LINE_END = re.compile(r"\r\n|[\n\r\v\f\u0085\u2028\u2029]")
# No rule looks further back than this.
_LOOK_BACK = 40
# Words whose full stop shortens them: a name or a number follows.
_SHORTENED = re.compile(
    "al|app|approx|art|bd|bzw|ca|capt|cf|ch|chap|col|dept|dr|eds?|eqs?|est|ex|figs?|gen|gov|hon|inc|jr|lt|mrs?|ms|mt|"
    "mme|mlle|nos?|nr|op|para|pp?|prof|refs?|rep|rev|sec|sen|sgt|sr|st|str|tab|tel|univ|vgl|viz|vols?|vs|abb"
)
_LAST_WORD = re.compile(r"[^\W_]+(?:\.[^\W_]+)*$")


def sentence_spans(text: str) -> Iterator[Span]:
    """Yields the sentences, without the spaces around them. Every character that is no space lies in one of them."""
    start = 0
    for place in _PLACES.finditer(text):
        if place["space"] is None:
            # "。" with a space after it ends at the space, by the same rule.
            yield Span(start, place.end())
            start = place.end()
        elif place.start() == start:
            start = place.end()
        elif place.end() < len(text) and _is_end(text, start, place.start(), place.end()):
            yield Span(start, place.start())
            start = place.end()
    end = len(text.rstrip())
    if start < end:
        yield Span(start, end)


def _is_end(text: str, start: int, end: int, after: int) -> bool:
    """Tells whether a sentence that began at `start` ends at `end`, before spaces that reach to `after`."""
    # A few characters of the spaces are enough to see a blank line; a text may have a million spaces.
    lines = len(_LINE_END.findall(text[end : min(after, end + _LOOK_BACK)]))
    if lines > 1:
        return True
    following = text[after : after + _LOOK_BACK].lstrip(_OPENERS)[:1]
    if lines:
        # A line that goes on in lower case was only wrapped.
        return not following.islower()
    before = text[max(start, end - _LOOK_BACK) : end].rstrip(_CLOSERS)
    if before[-1:] not in _MARKS or not before:
        return False
    if following.islower() or following in tuple(",;:"):
        return False
    return before[-1] != "." or not _is_shortened(before[:-1], end - start <= _LOOK_BACK)


def _is_shortened(before: str, whole: bool) -> bool:
    """Tells whether a full stop after these characters shortens a word; `whole`: they are the sentence from its start."""
    found = _LAST_WORD.search(before)
    if found is None:
        return False
    word = found[0].lower()
    # "e.g.", "U.S.", an initial, or the number of a list's item.
    if all(len(part) == 1 and part.isalpha() for part in word.split(".")):
        return True
    return _SHORTENED.fullmatch(word) is not None or (word.isdecimal() and whole and found.start() == 0)
