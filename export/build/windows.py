"""Cuts a text into passages: windows of whole sentences, of at most so many tokens, that overlap.

A window ends where a sentence ends. A sentence that is longer than a window is cut between words, or between tokens
where it has no spaces. No passage has more tokens than the plan says, counted as the encoder counts them: of the passage
alone, with the prompt before it. The time is linear in the text. This module reads no corpus and writes no file
(write_passages.py does).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from export.build.sentence_spans import sentence_spans
from handler.errors import OptionError
from handler.passages import Span
from handler.tokenizer import BoundedTokenizer, load_tokenizer

# Fewer tokens are no passage, and a single character of some scripts has up to 18.
LEAST_TOKENS = 20
# docs/passages.md has the measurement. A longer passage is about more things, and its vector says less of each.
DEFAULT_TOKENS = 128
DEFAULT_OVERLAP = 32
# A sentence with more characters for each token of a window is looked at in parts: a tokenizer needs 100 bytes a token.
CHARS_PER_TOKEN = 16


class PassagePlan(NamedTuple):
    """How texts are cut: the most tokens of a passage, and the most that it shares with the one before."""

    tokens: int
    overlap: int

    @classmethod
    def choose(
        cls, passages: bool, tokens: int | None, overlap: int | None, most: int, *, early: bool = False
    ) -> PassagePlan | None:
        """Completes the options; returns None without passages.

        Args:
            passages: whether --passages was given.
            tokens: --passage-tokens, or None.
            overlap: --passage-overlap, or None.
            most: how many tokens the model reads beside the special ones and the document prompt.
            early: whether these two are counted in `most`, because no tokenizer has told yet how many they are.

        Raises:
            OptionError: a value can't be used, or is given without --passages.
        """
        if not passages:
            if tokens is not None or overlap is not None:
                name = "--passage-tokens" if tokens is not None else "--passage-overlap"
                raise OptionError(f"{name} is given without --passages: add --passages, or leave {name} out")
            return None
        reads = f"the model reads {most} tokens {'with' if early else 'beside'} the special ones and the document prompt"
        if most < LEAST_TOKENS:
            raise OptionError(
                f"{reads}, a passage needs {LEAST_TOKENS}: raise --max-length, or leave --passages out"
            )
        if tokens is not None and not LEAST_TOKENS <= tokens <= most:
            fits = f"at least {LEAST_TOKENS} and less than {most}" if early else f"{LEAST_TOKENS} to {most}"
            raise OptionError(f"--passage-tokens is {tokens}, {reads}: choose {fits}")
        size = min(DEFAULT_TOKENS, most) if tokens is None else tokens
        if overlap is not None and not 0 <= 2 * overlap < size:
            raise OptionError(
                f"--passage-overlap is {overlap}, a passage has {size} tokens: choose 0 to {(size - 1) // 2}"
            )
        return cls(size, min(DEFAULT_OVERLAP, size // 4) if overlap is None else overlap)


class _Unit(NamedTuple):
    """A sentence, or a part of one that is too long, and how many tokens it has."""

    start: int
    end: int
    tokens: int


class Cutter:
    """Cuts texts by a plan and the artifact's own tokenizer."""

    def __init__(self, tokenizer: Path, prompt: str, plan: PassagePlan) -> None:
        """Takes the path of tokenizer.json, the words before every document, and the plan."""
        self.plan = plan
        self._prompt = prompt
        self._around = tokens_around(tokenizer, prompt)
        limit = plan.tokens + self._around
        self._bounded = BoundedTokenizer(load_tokenizer(tokenizer, limit), limit)
        self._tokenizer = _untruncated(tokenizer)
        self._most_chars = CHARS_PER_TOKEN * plan.tokens

    def cut(self, text: str) -> list[Span]:
        """Returns the passages, in the text's order; a text that is short enough is one passage, unchanged."""
        if not self._bounded.encode(self._prompted(text)).overflowing:
            return [Span(0, len(text))]
        units = list(self._units(text))
        spans: list[Span] = []
        first = last = 0
        while last < len(units):
            first, last = self._window(text, units, first, last)
            spans.append(Span(units[first].start, units[last - 1].end))
        return spans

    def _window(self, text: str, units: Sequence[_Unit], before: int, covered: int) -> tuple[int, int]:
        """Returns the next window, units first to last.

        `before` is the first unit of the window before it, which ends at unit `covered`. The new one begins after
        `before` and holds `covered`, so each window gets on.
        """
        size, first, last = 0, covered, covered
        room = min(self.plan.overlap, self.plan.tokens - units[covered].tokens)
        while first - 1 > before and size + units[first - 1].tokens <= room:
            first -= 1
            size += units[first].tokens
        while last < len(units) and size + units[last].tokens <= self.plan.tokens:
            size += units[last].tokens
            last += 1
        # Sentences together may have more tokens than each of them alone, such as those of the spaces between.
        while (
            last - first > 1 and (excess := self._excess(text[units[first].start : units[last - 1].end])) > 0
        ):
            while excess > 0 and last - first > 1:
                if last - covered > 1:
                    last -= 1
                    dropped = units[last]
                else:
                    dropped = units[first]
                    first += 1
                excess -= max(dropped.tokens, 1)
        return first, last

    def _units(self, text: str) -> Iterator[_Unit]:
        for start, end in sentence_spans(text):
            if end - start <= self._most_chars:
                tokens = len(self._encode(text[start:end]).ids)
                # The prompt may change how a sentence is split, but not by half a window.
                if 2 * tokens <= self.plan.tokens or self._excess(text[start:end]) <= 0:
                    yield _Unit(start, end, min(tokens, self.plan.tokens))
                    continue
            yield from self._parts(text, start, end)

    def _parts(self, text: str, start: int, end: int) -> Iterator[_Unit]:
        """Cuts a sentence that is too long."""
        while start < end:
            stop = min(end, start + self._most_chars)
            begins = [start + begin for begin, _ in self._encode(text[start:stop]).offsets]
            taken = 0
            # With the prompt before it, the whole may be too long where its tokens alone are not.
            while len(begins) - taken > self.plan.tokens or (
                (stop == end or not taken) and self._excess(text[start:stop].strip()) > 0
            ):
                taken = self._next_part(text, start, begins, taken)
                cut = max(begins[taken] if taken < len(begins) else stop, start + 1)
                yield from self._part(text, start, cut)
                start = cut
            if stop == end:
                yield from self._part(text, start, end)
                return
            if not taken:
                # Few tokens for many characters. The last word may go on after `stop`.
                cut = max((place for place in range(start + 1, stop) if text[place].isspace()), default=stop)
                yield from self._part(text, start, cut)
                start = cut

    def _next_part(self, text: str, start: int, begins: Sequence[int], taken: int) -> int:
        """Returns the token before which the part ends that begins at `start`, with token `taken`."""
        size = min(self.plan.tokens, len(begins) - taken - 1)
        while size > 1:
            token = _last_cut(text, begins, taken + size // 2, taken + size)
            if begins[token] > start and self._excess(text[start : begins[token]].strip()) <= 0:
                return token
            size = size * 3 // 4
        return taken + 1

    def _part(self, text: str, start: int, end: int) -> Iterator[_Unit]:
        part = text[start:end]
        if stripped := part.strip():
            start += len(part) - len(part.lstrip())
            tokens = len(self._encode(stripped).ids)
            yield _Unit(start, start + len(stripped), min(tokens, self.plan.tokens))

    def _excess(self, text: str) -> int:
        """Returns by how many tokens a passage is too long; not above 0 where it isn't."""
        return len(self._tokenizer.encode(self._prompted(text)).ids) - self._around - self.plan.tokens

    def _prompted(self, text: str) -> str:
        # As the encoder does.
        return (self._prompt + text).strip()

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)


def _last_cut(text: str, begins: Sequence[int], least: int, most: int) -> int:
    """Returns the last token from `most` down to `least` that begins a word; or else a character; or else `most`."""
    tokens = [i for i in range(max(least, 1), most + 1) if begins[i] > begins[i - 1]]
    words = [i for i in tokens if text[begins[i] - 1].isspace() or text[begins[i]].isspace()]
    return (words or tokens or [most])[-1]


def tokens_around(tokenizer: Path, prompt: str) -> int:
    """Counts the tokens that every document has beside its own: the special ones and the prompt's."""
    return len(_untruncated(tokenizer).encode(prompt.strip()).ids)


def _untruncated(path: Path) -> Any:
    tokenizer = load_tokenizer(path, max_length=2**20)
    tokenizer.no_truncation()
    return tokenizer
