"""Pieces are the same wherever a word stands and however it is spelled, for every family of tokenizers."""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyword_corpora import open_keywords
from tokenizer_families import FAMILIES, PIECES
from tokenizers import Tokenizer

from export.model.places import default_folder
from handler.terms import analyzer
from handler.terms_pieces import MAX_PART
from handler.words import MAX_WORD, Analyzer

TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
MANY = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@functools.cache
def family(name: str) -> tuple[Any, Analyzer]:
    tokenizer = FAMILIES[name][1]()
    return tokenizer, analyzer("pieces", tokenizer)


def texts(pieces: Analyzer, text: str) -> list[str]:
    return [word.text for word in pieces.words(text)]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_word_has_the_same_pieces_everywhere(name: str) -> None:
    _, pieces = family(name)
    alone = texts(pieces, "storm")
    assert alone
    for text in ("(Storm)", "STORM!", "\n“storm”", "ｓｔｏｒｍ", "sto\u00adrm", "👍storm"):
        kept = [word for word in texts(pieces, text) if word in alone]
        assert kept == alone, text
    assert texts(pieces, "the-storm") == texts(pieces, "the storm") == texts(pieces, "THE, storm")
    assert texts(pieces, "?! … —") == texts(pieces, "") == []


@pytest.mark.parametrize("name", FAMILIES)
@MANY
@given(text=TEXTS)
def test_any_text_has_pieces_with_spans_in_order(name: str, text: str) -> None:
    _, pieces = family(name)
    found = pieces.words(text)
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert [word[1:] for word in found] == sorted(word[1:] for word in found)
    assert all(0 < len(word.text) <= MAX_WORD and pieces.term(word.text) == word.text for word in found)
    assert found == pieces.words(text)
    assert texts(pieces, unicodedata.normalize("NFC", text)) == texts(
        pieces, unicodedata.normalize("NFD", text)
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tokenizer_that_truncates_cuts_no_pieces(name: str) -> None:
    tokenizer, pieces = family(name)
    text = "the storm reaches Europe, 42 naïve 猫 " * 9
    whole = pieces.words(text)
    tokenizer.enable_truncation(7)
    assert pieces.words(text) == whole
    tokenizer.no_truncation()


def test_a_long_text_has_the_pieces_of_its_words() -> None:
    _, pieces = family("BERT, lower case")
    once = pieces.words("The storm. ")
    repeats = 2 * MAX_PART // 11
    found = pieces.words("The storm. " * repeats)
    assert [word.text for word in found] == [word.text for word in once] * repeats
    assert found[-1].end == once[-1].end + 11 * (repeats - 1)


def test_pieces_of_a_real_kind_of_tokenizer() -> None:
    """Without signs, these are the tokenizer's own tokens."""
    tokenizer, pieces = family("BERT, lower case")
    text = "the storm reaches europe naive 42"
    encoding = tokenizer.encode(text, add_special_tokens=False)
    assert [tuple(word) for word in pieces.words(text)] == [
        (token, *span) for token, span in zip(encoding.tokens, encoding.offsets, strict=True)
    ]


def test_what_the_tokenizer_does_not_know_is_found_by_itself() -> None:
    tokenizer, pieces = family("BERT, lower case")
    assert tokenizer.encode("𝄞ψ🪁", add_special_tokens=False).tokens == ["[UNK]"]
    text = "the 🪁 ψψ🪁"
    found = pieces.words(text)
    assert [(word.text, text[word.start : word.end]) for word in found[-3:]] == [
        ("🪁", "🪁"),
        ("ψψ", "ψψ"),
        ("🪁", "🪁"),
    ]
    assert texts(pieces, "[UNK]") == texts(pieces, "unk")


@pytest.mark.parametrize(
    ("word", "found", "other"),
    [
        ("กุ้ง", "ฉันอยากกินข้าวผัดกุ้งที่กรุงเทพ", "วันนี้อากาศดีมาก"),
        ("コンピューター", "あたらしいコンピューターがこわれた", "まどべにすわっている"),
        ("고양이", "검은고양이가창가에앉아있다", "오늘서울의날씨는매우좋습니다"),
        ("ឆ្មា", "ខ្ញុំចិញ្ចឹមឆ្មាមួយ", "ថ្ងៃនេះមេឃស្រឡះ"),
    ],
)
def test_a_word_is_found_within_a_run_that_the_tokenizer_does_not_know(
    word: str, found: str, other: str, tmp_path: Path
) -> None:
    """Scripts without spaces: the text that holds the word comes before one that holds a character of it at most."""
    tokenizer, pieces = family("BERT, lower case")
    for text in (found, found * 20):  # such a tokenizer gives up after 100 characters, whichever they are
        assert "[UNK]" in tokenizer.encode(text, add_special_tokens=False).tokens
        keywords = open_keywords(tmp_path, [other, text], pieces)
        query = keywords.query(word)
        assert query is not None
        assert query.all_scores().argmax() == 1
        matched = [text[match.start : match.end] for match in keywords.matches(query, text)]
        assert any(match == word or (len(match) > 1 and match in word) for match in matched)
        # The whole run is a term too, as in artifacts that were made before.
        assert texts(pieces, found).count(found[:MAX_WORD]) == 1


def pieces_of_the_default_model() -> Analyzer:
    tokenizer = Tokenizer.from_file(str(default_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    return analyzer("pieces", tokenizer)


# Words of which the default model's tokenizer knows the characters, texts that hold them, and texts that hold those alone.
@pytest.mark.parametrize(
    ("word", "found", "other"),
    [
        ("コンピューター", "あたらしいコンピューターがこわれた", "ヒーターとコンタクト"),
        ("ラ", "おいしいラーメン", "あたらしいほん"),
        ("ｶﾞｽ", "プロパンガス", "カス"),
        ("서울", "서울의 날씨", "울릉도와 서산"),
        ("\u1109\u1165\u110b\u116e\u11af", "서울의 날씨", "울릉도와 서산"),
        ("กิน", "ฉันชอบกินข้าวผัด", "นานวัน"),
        # The tokenizer drops the marks at the word's end.
        ("ที่", "ที่นอน", "นาน"),
        ("สี", "สีดำ", "สบาย"),
        ("القطة", "هذه القطة نائمة", "الطقة"),
        ("σύρμα", "το ΣΥΡΜΑ", "μαρσυ"),
        ("שלום", "שָׁלוֹם עולם", "מלוש"),
    ],
)
def test_a_word_of_known_characters_is_found_as_a_word(
    word: str, found: str, other: str, tmp_path: Path
) -> None:
    """Such pieces are in texts that have nothing of the word but its characters, in any order."""
    pieces = pieces_of_the_default_model()
    keywords = open_keywords(tmp_path, [other, found, "unlike 42"], pieces)
    query = keywords.query(word)
    assert query is not None
    assert query.all_scores().argmax() == 1
    assert texts(pieces, word) == texts(pieces, unicodedata.normalize("NFD", word))


def test_a_term_of_one_character_is_the_same_in_each_script_without_spaces() -> None:
    pieces = pieces_of_the_default_model()
    assert texts(pieces, "東京 ラメ 서울") == [*("東", "京"), *("ラ", "ラメ", "メ"), *("서", "서울", "울")]
    # In a script with spaces, the letters stay terms.
    assert texts(pieces, "لا a 7") == [*("ل", "لا", "##ا"), "a", "7"]
