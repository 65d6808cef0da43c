"""The tokenizer: turns a text into its first max_length tokens, and reads little more of the text than they need.

The tokenizers package tokenises the whole text and then cuts it: 64 KB of Chinese take 90 ms, 10 MB take more than
1 GB. So a long text is cut first, where a cut can't change the tokens before it. docs/tokenizer.md has the argument.
"""

from __future__ import annotations

import functools
import json
import re

from handler.errors import ArtifactError, is_defect, reason
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY
from handler.open_file import OpenFile

if TYPE_CHECKING:
    from pathlib import Path

# English has 4 to 5 characters for a token, so the first part of a long text nearly always has enough tokens.
CHARS_PER_TOKEN = 8
# If a part has too few tokens, the next one is this many times as long.
GROWTH = 4

# Splitters that split at a space, so that no token contains one between two words. The first three drop the space
# as well.
_DROP_SPACES = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
_SPLIT_AT_SPACES = _DROP_SPACES | {"Metaspace", "ByteLevel"}
# Normalisers whose result for a character depends only on it and on the marks after it. Nothing depends on text
# beyond a space.
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
# Letters that NFKC spells with a space.
_SPACED_LETTERS = "\u037a\ufc5e-\ufc63\ufdfa\ufdfb\ufe70-\ufe7f"
# Unicode's Grapheme_Cluster_Break=Prepend: it forms one grapheme with the character after it, and Precompiled
# replaces graphemes as a whole.
_PREPENDED = (
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U000113d1"
    "\U0001193f\U00011941\U00011a3a\U00011a84-\U00011a89\U00011d46\U00011f02"
)
_AFTER_LETTER = rf"(?<=[!-~\w])(?<![{_SPACED_LETTERS}{_PREPENDED}])(?<![{_PREPENDED}].)"
_BEFORE_SPACE = rf"{_AFTER_LETTER} "
# To a splitter that drops spaces, a tab and a line's end are such too.
_BEFORE_BREAK = rf"{_AFTER_LETTER}[ \t\r\n]"
# BERT's normaliser puts spaces around each of these.
_IDEOGRAPHS = "\u4e00-\u9fff"
_BEFORE_IDEOGRAPH = rf"{_AFTER_LETTER}(?=[{_IDEOGRAPHS}])"


def load_tokenizer(path: Path, max_length: int) -> Any:
    """Reads tokenizer.json, and sets truncation at max_length tokens and no padding.

    Raises ArtifactError where the file is no tokenizer.
    """
    return read_tokenizer(open_tokenizer_file(path), max_length)


def open_tokenizer_file(path: Path) -> OpenFile:
    """Opens tokenizer.json, to be read later; raises ArtifactError where it can't be opened."""
    try:
        return OpenFile(path)
    except (OSError, UnicodeEncodeError) as error:
        raise ArtifactError(f"{path} can't be read ({reason(error)}): {REMEDY}") from None


def read_tokenizer(file: OpenFile, max_length: int) -> Any:
    """Reads an open tokenizer.json as `load_tokenizer` does."""
    # Not at the start: a BERT tokenizer's word pieces do without it.
    from tokenizers import Tokenizer

    path = file.path
    try:
        tokenizer = Tokenizer.from_buffer(file.read_all())
        # Both are set here whatever the file says: a tokenizer that pads or cuts elsewhere changes every vector.
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length)
    except BaseException as error:
        if not is_defect(error):
            raise
        raise ArtifactError(f"{path} can't be loaded as a tokenizer ({reason(error)}): {REMEDY}") from None
    special = tokenizer.num_special_tokens_to_add(False)
    if special >= max_length:
        # With less room than that, tokenizers cuts nothing.
        raise ArtifactError(
            f"{path} adds {special} tokens to a text, the manifest's max_length is {max_length}: {REMEDY}"
        )
    return tokenizer


class BoundedTokenizer:
    """A tokenizer whose work is bounded by max_length, not by the text, wherever a text may be cut."""

    def __init__(self, tokenizer: Any, max_length: int, *, chars_per_token: int = CHARS_PER_TOKEN) -> None:
        """Takes a tokenizer of the tokenizers package that truncates at max_length tokens.

        It is kept as `whole`. The first part of a long text has chars_per_token * max_length characters.
        """
        self.whole = tokenizer
        self._first = chars_per_token * max_length

    def encode(self, text: str) -> Any:
        """Tokenises a text. The ids, and whether `overflowing` is empty, are the same as for the whole text."""
        length = self._first
        while length < len(text) and self._boundary:
            end = self._last_boundary(text, length)
            if end:
                encoding = self.whole.encode(text[:end])
                if encoding.overflowing:
                    return encoding
            length *= GROWTH
        return self.whole.encode(text)

    def _last_boundary(self, text: str, end: int) -> int:
        """Returns the last place up to `end` where the text may be cut; 0 where there is none after end // 2."""
        assert self._boundary is not None
        last = 0
        for match in self._boundary.finditer(text, end // 2, end + 1):
            last = match.start()
        return last

    @functools.cached_property
    def _boundary(self) -> re.Pattern[str] | None:
        # Not at load: few functions ever see a long text.
        return boundary_of(self.whole)


def boundary_of(tokenizer: Any) -> re.Pattern[str] | None:
    """A pattern that matches where a text may be cut: the tokens before it are the first of the whole text's.

    None for a tokenizer that isn't known to keep words apart.
    """
    splitters = _kinds(tokenizer.pre_tokenizer)
    normalizers = _kinds(tokenizer.normalizer)
    # The first splitter decides: those after it work within its words.
    if not splitters or not _splits_at_spaces(splitters[0]):
        return None
    splitter = splitters[0]
    if not all(_is_local(normalizer, splitter) for normalizer in normalizers):
        return None
    added = tokenizer.get_added_tokens_decoder().values()
    contents = "".join(_as_seen(tokenizer, token.content) for token in added)
    # An added token with such a character could reach over a cut.
    if re.search(rf"[\s{_IDEOGRAPHS}]", contents) or splitter.get("replacement", " ") in contents:
        return None
    before = _BEFORE_BREAK if splitter["type"] in _DROP_SPACES else _BEFORE_SPACE
    if not any(n.get("handle_chinese_chars") for n in normalizers if n["type"] == "BertNormalizer"):
        return re.compile(before)
    # A splitter that keeps spaces would make tokens of those around an ideograph.
    if splitter["type"] not in _DROP_SPACES:
        return None
    # Such a token is found where no letter follows; an ideograph is one.
    if any(token.single_word for token in added):
        return re.compile(before)
    return re.compile(f"{before}|{_BEFORE_IDEOGRAPH}")


def _as_seen(tokenizer: Any, content: str) -> str:
    """An added token as it is written, and as it is looked for in a normalised text."""
    normalizer = tokenizer.normalizer
    return content + (normalizer.normalize_str(content) if normalizer else "")


def _splits_at_spaces(splitter: dict[str, Any]) -> bool:
    splits = splitter.get("split", True) and splitter.get("use_regex", True)
    return bool(splitter["type"] in _SPLIT_AT_SPACES and splits)


def _is_local(normalizer: dict[str, Any], splitter: dict[str, Any]) -> bool:
    """Tells whether the result for a character never depends on text beyond the next space."""
    if normalizer["type"] == "Replace":
        # XLM-RoBERTa's: several spaces become one, or the sign that its splitter puts for one.
        spaces = [" ", splitter["replacement"]] if splitter["type"] == "Metaspace" else [" "]
        return normalizer.get("pattern") == {"Regex": " {2,}"} and normalizer.get("content") in spaces
    return normalizer["type"] in _LOCAL


def _kinds(component: Any) -> list[dict[str, Any]]:
    """Returns the settings of a normaliser or splitter, or of each one in a sequence."""
    if component is None:
        return []
    settings: dict[str, Any] = json.loads(component.__getstate__())
    return list(settings.get("pretokenizers") or settings.get("normalizers") or [settings])
