"""WordPiece without the library's model: BERT's words are cut by a vocabulary that is read as far as queries need it.

    "Storms reach"  ->  normalised and split by the tokenizers package  ->  storms, reach  ->  the longest pieces first

The tokenizers package takes as long to read tokenizer.json as ONNX Runtime takes for the model, and keeps all of it.
wordpieces.json has the vocabulary by the pieces' first two characters, and a query has few of them. The ids are those of the
package (tests/test_wordpieces.py). export/build/write_wordpieces.py writes the file, for tokenizers that it knows.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from handler.artifact import WORDPIECES_FILE
from handler.errors import ArtifactError
from handler.manifest import REMEDY
from handler.named import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

# The settings of BERT's normaliser, by the library's names.
NORMALIZER = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
# Words whose ids are kept: 1 MB, or 3 where all are long.
KEPT_WORDS = 4096


class Tokens(NamedTuple):
    """A text's token ids, and those that were cut off, by the names of the library's Encoding."""

    ids: list[int]
    overflowing: list[int]


class Vocabulary:
    """Pieces and their ids, by the pieces' first two characters. A line is searched as it is: as dicts, all take 3 MB."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        """Takes a line for each pair, or for a piece of one character: each piece and its id, with spaces between."""
        self._lines = lines

    def find(self, piece: str) -> int | None:
        """Returns a piece's id; None where the vocabulary hasn't the piece. Raises ArtifactError where a line is damaged."""
        line = self._lines.get(piece[:2])
        if not line:
            return None
        try:
            if line.count(" ") % 2 == 0:
                # A piece without an id, or an id without a piece.
                raise ValueError
            if piece.isdigit():
                # An id may look like it, so only every other part is one.
                parts = line.split(" ")
                pieces = parts[::2]
                return int(parts[2 * pieces.index(piece) + 1]) if piece in pieces else None
            _, found, after = f" {line} ".partition(f" {piece} ")
            return int(after.partition(" ")[0]) if found else None
        except (ValueError, IndexError):
            raise ArtifactError(
                f"{WORDPIECES_FILE}: the vocabulary's line {piece[:2]!a} is damaged: {REMEDY}"
            ) from None


class WordPieces:
    """A BERT tokenizer that truncates. What else the library's Tokenizer can, it loads the library's for."""

    def __init__(self, settings: Mapping[str, Any], max_length: int, load: Callable[[], Any]) -> None:
        """Takes what wordpieces.json has, the limit in tokens with the special ones, and what loads the library's tokenizer."""
        self.normalizer = BertNormalizer(**{name: settings["normalizer"][name] for name in NORMALIZER})
        self.pre_tokenizer = BertPreTokenizer()
        self._unknown: int = settings["unknown"]
        self._longest_word: int = settings["longest_word"]
        self._before: list[int] = settings["before"]
        self._after: list[int] = settings["after"]
        self._added: dict[str, int] = settings["added"]
        self._room = max_length - len(self._before) - len(self._after)
        self._load = load
        words, parts = Vocabulary(settings["words"]), Vocabulary(settings["parts"])
        cut = functools.partial(cut_word, words, parts, settings["longest_piece"], self._unknown)
        # Common words come again and again. The cache holds no tokenizer: such a cycle would never be freed (app.py).
        self._ids = functools.lru_cache(KEPT_WORDS)(cut)
        for lines in (settings["words"], settings["parts"]):
            if not all(type(line) is str for line in lines.values()):
                raise TypeError
        lengths = [self._unknown, self._longest_word, settings["longest_piece"]]
        ids = [*self._before, *self._after, *self._added.values()]
        if not all(type(number) is int and number >= 0 for number in (*lengths, *ids)):
            raise TypeError

    @classmethod
    def open(cls, path: Path, max_length: int, load: Callable[[], Any]) -> WordPieces:
        """Reads wordpieces.json; raises ArtifactError where it isn't such a file."""
        try:
            pieces = cls(json.loads(path.read_bytes()), max_length, load)
        except OSError as error:
            raise ArtifactError(f"{path} can't be read ({error.strerror}): {REMEDY}") from None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise ArtifactError(f"{path} is damaged: {REMEDY}") from None
        if pieces._room < 1:
            raise ArtifactError(
                f"{path} adds {max_length - pieces._room} tokens to a text, the manifest's max_length is {max_length}: "
                f"{REMEDY}"
            )
        return pieces

    @functools.cached_property
    def library(self) -> Any:
        """The library's own tokenizer."""
        return self._load()

    def __getattr__(self, name: str) -> Any:
        # Only what this class hasn't comes here. A private name isn't the library's: `copy` asks a new object,
        # which is still empty, for such names.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.library, name)

    def get_added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Returns the special tokens by their ids, as the library does."""
        return {number: AddedToken(content, special=True) for content, number in self._added.items()}

    def encode(self, text: str, **options: Any) -> Any:
        """Returns the ids of the text's first tokens, and the others in `overflowing`, as the library's encode does."""
        # A special token in the text is rare, and the library's to find.
        if options or any(content in text for content in self._added):
            return self.library.encode(text, **options)
        ids: list[int] = []
        for word, _ in self.pre_tokenizer.pre_tokenize_str(self.normalizer.normalize_str(text)):
            ids += self._ids(word) if len(word) <= self._longest_word else [self._unknown]
        return Tokens([*self._before, *ids[: self._room], *self._after], ids[self._room :])


def cut_word(words: Vocabulary, parts: Vocabulary, longest: int, unknown: int, word: str) -> list[int]:
    """Cuts a word into the longest pieces from its start on; a word that can't be cut so is the unknown token.

    Args:
        words: the pieces that begin a word.
        parts: those that go on within it.
        longest: the characters of the longest piece.
        unknown: the unknown token's id.
        word: a word without spaces.
    """
    length = len(word)
    ids, start, pieces = [], 0, words
    while start < length:
        for end in range(min(length, start + longest), start, -1):
            number = pieces.find(word[start:end])
            if number is not None:
                break
        else:
            return [unknown]
        ids.append(number)
        start, pieces = end, parts
    return ids
