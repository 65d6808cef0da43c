"""WordPiece without the library's model: BERT's words are cut by a vocabulary that is read as far as queries need it.

    "Storms reach"  ->  normalised and split  ->  storms, reach  ->  the longest pieces first

The tokenizers package takes as long to read tokenizer.json as ONNX Runtime takes for the model, and keeps all of it.
wordpieces.json has the vocabulary by the pieces' first two characters, and a query has few of them. The package normalises and
splits a text that isn't ASCII, and is imported for the first one. The ids are those of the package (tests/test_wordpieces.py).
export/build/write_wordpieces.py writes the file, for tokenizers that it knows.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping

from handler.artifact import WORDPIECES_FILE
from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY
from handler.named import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

# The settings of BERT's normaliser, by the library's names.
NORMALIZER = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
# Words whose ids are kept: 1 MB, or 3 where all are long.
KEPT_WORDS = 4096
# BERT's words of a text in ASCII: letters and digits together, and each other sign alone.
_ascii_words = re.compile(r"[0-9A-Za-z]+|[!-/:-@\[-`{-~]").findall


class Tokens(NamedTuple):
    """A text's token ids, and those that were cut off, by the names of the library's Encoding."""

    ids: list[int]
    overflowing: list[int]


class Vocabulary:
    """Pieces and their ids, by the pieces' first two characters. A line is searched as it is: as dicts, all take 3 MB."""

    def __init__(self, lines: dict[str, str]) -> None:
        """Takes a line for each pair, or for a piece of one character: each piece and its id, with spaces between.

        The dict is the vocabulary's from then on: a line that was searched has a space before and behind. Beside the others,
        those would take the memory twice.
        """
        self._lines = lines

    def find_longest(self, word: str, start: int, most: int) -> tuple[int, int] | None:
        """Finds the longest piece, of at most so many characters, that a word has at `start`.

        Returns its id and its end; None where there is none. Raises ArtifactError where a line is damaged.
        """
        line = self._line(word[start : start + 2])
        for end in range(min(len(word), start + most), start, -1):
            piece = word[start:end]
            if len(piece) == 1:
                line = self._line(piece)
            try:
                number = _number_of(piece, line)
            except (ValueError, IndexError):
                raise _damaged(piece) from None
            if number is not None:
                return number, end
        return None

    def _line(self, first: str) -> str:
        line = self._lines.get(first)
        if line is None:
            return ""
        if line[:1] != " ":
            if line.count(" ") % 2 == 0:
                # A piece without an id, or an id without a piece.
                raise _damaged(first)
            self._lines[first] = line = f" {line} "
        return line


def _number_of(piece: str, line: str) -> int | None:
    """Returns a piece's id from a line with spaces around; None where the line hasn't the piece."""
    if piece.isdigit():
        # An id may look like it, so only every other part is one.
        parts = line.split(" ")
        pieces = parts[1:-1:2]
        return int(parts[2 * pieces.index(piece) + 2]) if piece in pieces else None
    place = line.find(f" {piece} ")
    if place < 0:
        return None
    place += len(piece) + 2
    return int(line[place : line.index(" ", place)])


def _damaged(piece: str) -> ArtifactError:
    return ArtifactError(f"{WORDPIECES_FILE}: the vocabulary's line {piece[:2]!a} is damaged: {REMEDY}")


class WordPieces:
    """A BERT tokenizer that truncates. What else the library's Tokenizer can, it loads the library's for."""

    def __init__(self, settings: Mapping[str, Any], max_length: int, load: Callable[[], Any]) -> None:
        """Takes what wordpieces.json has, the limit in tokens with the special ones, and what loads the library's tokenizer."""
        self._normalizer: dict[str, bool | None] = {name: settings["normalizer"][name] for name in NORMALIZER}
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
        if not all(
            type(value) is bool or (name, value) == ("strip_accents", None)
            for name, value in self._normalizer.items()
        ):
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
    def normalizer(self) -> Any:
        """The library's normaliser."""
        from tokenizers.normalizers import BertNormalizer

        return BertNormalizer(**self._normalizer)

    @functools.cached_property
    def pre_tokenizer(self) -> Any:
        """The library's splitter."""
        from tokenizers.pre_tokenizers import BertPreTokenizer

        return BertPreTokenizer()

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

    def get_added_tokens_decoder(self) -> dict[int, Any]:
        """Returns the special tokens by their ids, as the library does."""
        from tokenizers import AddedToken

        return {number: AddedToken(content, special=True) for content, number in self._added.items()}

    def encode(self, text: str, **options: Any) -> Any:
        """Returns the ids of the text's first tokens, and the others in `overflowing`, as the library's encode does."""
        # A special token in the text is rare, and the library's to find.
        if options or any(content in text for content in self._added):
            return self.library.encode(text, **options)
        ids: list[int] = []
        for word in self._words(text):
            ids += self._ids(word) if len(word) <= self._longest_word else [self._unknown]
        return Tokens([*self._before, *ids[: self._room], *self._after], ids[self._room :])

    def _words(self, text: str) -> list[str]:
        """Normalises a text, and splits it into BERT's words."""
        if text.isascii() and text.isprintable():
            # Of all that the normaliser does, only small letters are left to make.
            return _ascii_words(text.lower() if self._normalizer["lowercase"] else text)
        return [word for word, _ in self.pre_tokenizer.pre_tokenize_str(self.normalizer.normalize_str(text))]


def cut_word(words: Vocabulary, parts: Vocabulary, longest: int, unknown: int, word: str) -> list[int]:
    """Cuts a word into the longest pieces from its start on; a word that can't be cut so is the unknown token.

    Args:
        words: the pieces that begin a word.
        parts: those that go on within it.
        longest: the characters of the longest piece.
        unknown: the unknown token's id.
        word: a word without spaces.
    """
    ids: list[int] = []
    start, pieces = 0, words
    while start < len(word):
        found = pieces.find_longest(word, start, longest)
        if found is None:
            return [unknown]
        number, start = found
        ids.append(number)
        pieces = parts
    return ids
