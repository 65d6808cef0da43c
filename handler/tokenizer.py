"""The tokenizer: a text to its first max_length tokens, without reading much more of the text than they need.

The tokenizers package tokenises a whole text and cuts it then: 64 KB of Chinese take 90 ms, a text of 10 MB more than
1 GB. So a long text is cut first, where a cut can't change the tokens before it. docs/tokenizer.md has the argument.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from handler.errors import ArtifactError
from handler.manifest import REMEDY

# English has 4 to 5 characters a token, so that a longer text nearly always has enough of them in its first part.
CHARS_PER_TOKEN = 8
# If the first part has too few tokens, the next one is so many times as long.
GROWTH = 4

# Splitters that keep words apart at a space: no token reaches over it.
_SPLIT_AT_SPACES = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Metaspace", "ByteLevel"}
# Normalisers that change a character by itself and by marks that follow it; a space begins something new.
_LOCAL = {
    "BertNormalizer",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "StripAccents",
    "Precompiled",
    "Nmt",
    "Strip",
}
_BEFORE_SPACE = r"(?<=[!-~\w]) "
# BERT's normaliser puts spaces around each of these.
_BEFORE_IDEOGRAPH = r"(?<=[!-~\w])(?=[\u4e00-\u9fff])"


def load_tokenizer(path: Path, max_length: int) -> Any:
    """Reads tokenizer.json, and lets it cut at max_length tokens and never pad.

    Raises ArtifactError where it is no tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
        # Both are set here whatever the file says: a tokenizer that pads or cuts elsewhere changes every vector.
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length)
    except Exception as error:  # noqa: BLE001 - tokenizers raises bare Exception
        raise ArtifactError(f"{path} can't be loaded as a tokenizer ({error}): {REMEDY}") from None
    return tokenizer


class BoundedTokenizer:
    """A tokenizer whose work is bounded by max_length, not by the text."""

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        """Takes a tokenizer of the tokenizers package that truncates at max_length tokens."""
        self._tokenizer = tokenizer
        self._first = CHARS_PER_TOKEN * max_length

    def encode(self, text: str) -> Any:
        """Tokenises as the whole text would be: the same ids, and `overflowing` where there are more of them."""
        length = self._first
        while length < len(text) and self._boundary:
            end = self._last_boundary(text, length)
            if end:
                encoding = self._tokenizer.encode(text[:end])
                if encoding.overflowing:
                    return encoding
            length *= GROWTH
        return self._tokenizer.encode(text)

    def _last_boundary(self, text: str, end: int) -> int:
        """The last place up to `end` where the text may be cut; 0 where its second half has none."""
        assert self._boundary is not None
        last = 0
        for match in self._boundary.finditer(text, end // 2, end + 1):
            last = match.start()
        return last

    @functools.cached_property
    def _boundary(self) -> re.Pattern[str] | None:
        """Where a text may be cut; None where this tokenizer isn't known to keep words apart."""
        splitters = _kinds(self._tokenizer.pre_tokenizer)
        normalizers = _kinds(self._tokenizer.normalizer)
        added = "".join(token.content for token in self._tokenizer.get_added_tokens_decoder().values())
        # The first splitter decides: those after it work within its words.
        if not splitters or not _splits_at_spaces(splitters[0]):
            return None
        if not all(_is_local(normalizer, splitters[0]) for normalizer in normalizers):
            return None
        if re.search(r"[\s\u4e00-\u9fff]", added):
            return None
        spaced = any(n.get("handle_chinese_chars") for n in normalizers if n["type"] == "BertNormalizer")
        return re.compile(f"{_BEFORE_SPACE}|{_BEFORE_IDEOGRAPH}" if spaced else _BEFORE_SPACE)


def _splits_at_spaces(splitter: dict[str, Any]) -> bool:
    splits = splitter.get("split", True) and splitter.get("use_regex", True)
    return bool(splitter["type"] in _SPLIT_AT_SPACES and splits)


def _is_local(normalizer: dict[str, Any], splitter: dict[str, Any]) -> bool:
    """Whether what it makes of a character depends on nothing beyond a space that follows."""
    if normalizer["type"] == "Replace":
        # XLM-RoBERTa's: several spaces become one, or the sign that its splitter puts for one.
        spaces = [" ", splitter["replacement"]] if splitter["type"] == "Metaspace" else [" "]
        return normalizer.get("pattern") == {"Regex": " {2,}"} and normalizer.get("content") in spaces
    return normalizer["type"] in _LOCAL


def _kinds(component: Any) -> list[dict[str, Any]]:
    """The settings of a normaliser or splitter, those of a sequence one by one."""
    if component is None:
        return []
    settings: dict[str, Any] = json.loads(component.__getstate__())
    return list(settings.get("pretokenizers") or settings.get("normalizers") or [settings])
