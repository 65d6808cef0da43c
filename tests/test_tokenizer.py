"""A text that was cut first has the tokens of the whole text, and the work doesn't grow with the text."""

from __future__ import annotations

import functools
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizer_families import FAMILIES, IDEOGRAPHS, NOWHERE, PIECES, SPACES, with_token, wordpiece

from handler.artifact import TOKENIZER_FILE
from handler.errors import ArtifactError
from handler.tokenizer import CHARS_PER_TOKEN, GROWTH, BoundedTokenizer, boundary_of, load_tokenizer

CUT = [name for name, (where, _) in FAMILIES.items() if where != NOWHERE]
# Pieces beside each other, with and without spaces between them; and any text at all.
HOSTILE = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=40).map("".join),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80),
)
MANY = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@functools.cache
def family(name: str) -> Any:
    return FAMILIES[name][1]()


def check_every_cut(tokenizer: Any, text: str) -> int:
    """Compares the tokens before each boundary with the whole text's first; returns how many boundaries there are."""
    boundary = boundary_of(tokenizer)
    assert boundary is not None
    tokenizer.no_truncation()
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    cuts = [match.start() for match in boundary.finditer(text)]
    for cut in cuts:
        first = tokenizer.encode(text[:cut], add_special_tokens=False).ids
        assert first == whole[: len(first)], (text[:cut], text[cut:])
    return len(cuts)


def check_bounded(tokenizer: Any, text: str, max_length: int, chars_per_token: int) -> None:
    tokenizer.enable_truncation(max_length)
    whole = tokenizer.encode(text)
    found = BoundedTokenizer(tokenizer, max_length, chars_per_token=chars_per_token).encode(text)
    assert found.ids == whole.ids
    assert bool(found.overflowing) == bool(whole.overflowing)


@pytest.mark.parametrize("name", FAMILIES)
def test_where_a_family_is_cut(name: str) -> None:
    boundary = boundary_of(family(name))
    if FAMILIES[name][0] == NOWHERE:
        assert boundary is None
        return
    assert boundary is not None
    expected = {SPACES: ["ab| 東京| c", "é| \t東"], IDEOGRAPHS: ["ab| |東|京| c", "é| \t東"]}
    for marked in expected[FAMILIES[name][0]]:
        text = marked.replace("|", "")
        places = {match.start() for match in boundary.finditer(text)}
        # "ab |東": the ideograph after a space is no boundary of its own.
        wanted = {len(part) for part in _heads(marked) if not part.endswith(" ")}
        assert places == wanted, marked


def _heads(marked: str) -> list[str]:
    parts = marked.split("|")
    return ["".join(parts[: count + 1]) for count in range(len(parts) - 1)]


@pytest.mark.parametrize("name", CUT)
@MANY
@given(text=HOSTILE)
def test_the_tokens_before_a_cut_are_the_whole_texts_first(name: str, text: str) -> None:
    check_every_cut(family(name), text)


@pytest.mark.parametrize("name", CUT)
def test_each_piece_before_and_after_a_cut(name: str) -> None:
    cuts = 0
    for piece in PIECES:
        for start in range(0, len(PIECES), 8):
            others = PIECES[start : start + 8]
            cuts += check_every_cut(family(name), " ".join(f"{piece}{other}" for other in others))
            cuts += check_every_cut(family(name), "漢".join(f"{other}{piece}" for other in others))
            cuts += check_every_cut(family(name), "\r\n".join(f"{piece}{other}" for other in others[::3]))
    assert cuts > 5_000


@pytest.mark.parametrize("name", FAMILIES)
@MANY
@given(text=HOSTILE, max_length=st.integers(3, 8), chars_per_token=st.sampled_from([1, 2, CHARS_PER_TOKEN]))
def test_the_same_ids_and_the_same_flag(name: str, text: str, max_length: int, chars_per_token: int) -> None:
    check_bounded(family(name), text, max_length, chars_per_token)


@MANY
@given(text=HOSTILE, max_length=st.integers(3, 8))
def test_the_default_models_tokenizer(artifact: Path, text: str, max_length: int) -> None:
    tokenizer = load_tokenizer(artifact / TOKENIZER_FILE, max_length)
    check_bounded(tokenizer, text, max_length, 1)
    check_every_cut(tokenizer, text)


class Counted:
    """A tokenizer that counts the characters it is given."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.characters = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def encode(self, text: str) -> Any:
        self.characters += len(text)
        return self._tokenizer.encode(text)


@pytest.mark.parametrize(
    "words",
    [
        "Winter storms sweep across Europe, study says. ",
        "storm\r\n",
        "storm\t",
        "冬の嵐がヨーロッパを襲う。",
        "東京都",
        "겨울 폭풍이 유럽을 ",
        "١٢٣ مرحبا ",
    ],
)
def test_ten_megabytes_are_not_tokenised_whole(artifact: Path, words: str) -> None:
    max_length = 256
    counted = Counted(load_tokenizer(artifact / TOKENIZER_FILE, max_length))
    text = words * (10_000_000 // len(words.encode()))
    encoding = BoundedTokenizer(counted, max_length).encode(text)
    assert len(encoding.ids) == max_length
    assert encoding.overflowing
    assert 0 < counted.characters <= CHARS_PER_TOKEN * max_length
    assert encoding.ids == counted.encode(text[:20_000]).ids


def test_long_words_take_a_larger_part(artifact: Path) -> None:
    max_length = 256
    counted = Counted(load_tokenizer(artifact / TOKENIZER_FILE, max_length))
    # 200 characters give one token, so that 254 tokens need 51,000 of them.
    text = ("x" * 200 + " ") * 50_000
    encoding = BoundedTokenizer(counted, max_length).encode(text)
    assert len(encoding.ids) == max_length
    assert encoding.overflowing
    assert counted.characters <= 2 * GROWTH * 51_000


def test_a_short_text_is_tokenised_once(artifact: Path) -> None:
    counted = Counted(load_tokenizer(artifact / TOKENIZER_FILE, 256))
    BoundedTokenizer(counted, 256).encode("storm")
    assert counted.characters == len("storm")


def test_no_letter_before_a_cut_changes_by_what_follows() -> None:
    """No character that may stand before a cut is spelled with a space, or takes the next one into its grapheme."""
    # Python's own re knows no grapheme classes; transformers brings regex along.
    regex = pytest.importorskip("regex")
    boundary = boundary_of(wordpiece())
    assert boundary is not None
    letters = [
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if not "\ud800" <= letter <= "\udfff" and boundary.search(f"{letter} ")
    ]
    assert len(letters) > 100_000
    for letter in letters:
        assert not any(part.isspace() for part in unicodedata.normalize("NFKD", letter)), ascii(letter)
    for letter in map(chr, range(sys.maxunicode + 1)):
        if regex.match(r"\p{Grapheme_Cluster_Break=Prepend}", letter):
            assert not boundary.search(f"{letter} "), ascii(letter)
            assert not boundary.search(f"{letter}0 "), ascii(letter)


@pytest.mark.parametrize("max_length", [1, 2])
def test_no_room_for_a_text(tmp_path: Path, max_length: int) -> None:
    # Within two special tokens' room the tokenizers package would cut nothing.
    wordpiece().save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ArtifactError, match=rf"adds 2 tokens to a text, .* max_length is {max_length}: run"):
        load_tokenizer(tmp_path / "tokenizer.json", max_length)
    assert load_tokenizer(tmp_path / "tokenizer.json", 3).encode("storm storm").overflowing


def test_padding_and_truncation_are_the_manifests(tmp_path: Path) -> None:
    tokenizer = with_token(wordpiece(), "x")
    tokenizer.enable_padding(length=128)
    tokenizer.enable_truncation(5, direction="left")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = load_tokenizer(tmp_path / "tokenizer.json", 8)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    whole = tokenizer.encode("the storm " * 20).ids
    assert loaded.encode("the storm " * 20).ids == [*whole[:7], whole[-1]]
    assert len(loaded.encode("a").ids) == 3
