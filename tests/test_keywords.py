"""The keyword index against BM25 by its formula, and its refusal of damaged files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from keyword_corpora import open_keywords, slow_bm25, words, zipf_texts
from safetensors.numpy import load_file, save_file

from export.build.write_keywords import write_keywords
from handler.artifact import KEYWORDS_FILE
from handler.errors import ArtifactError
from handler.keywords import Keywords, Match
from handler.terms import analyzer
from handler.terms_english import English

TEXTS = [
    "Winter storms reach western Europe",
    "A slow dough makes better bread",
    "The storm of 1703 was the worst storm",
    "Part AB-1203/x is out of stock",
    "",
]


@pytest.fixture
def keywords(tmp_path: Path) -> Keywords:
    return open_keywords(tmp_path, TEXTS)


def scores(keywords: Keywords, query: str) -> list[float]:
    found = keywords.query(query)
    assert found is not None
    return [round(score, 3) for score in found.all_scores().tolist()]


@pytest.mark.parametrize("count", [1, 7, 300])
def test_as_the_formula(count: int, tmp_path: Path) -> None:
    texts = zipf_texts(count)
    keywords = open_keywords(tmp_path, texts)
    names = words(400)
    for query in (texts[0], names[0], " ".join(names[:300]), " ".join(names[5:9]), f"{names[1]} unheard"):
        slow, found = slow_bm25(texts, query), keywords.query(query)
        if slow is None or found is None:
            assert slow is None
            assert found is None
            continue
        # An impact is rounded to 1/255.
        np.testing.assert_allclose(found.all_scores(), slow, atol=1 / 255)
        assert found.all_scores().max() <= 1


def test_some_rows_score_as_all_do(tmp_path: Path) -> None:
    keywords = open_keywords(tmp_path, zipf_texts(3000))
    found = keywords.query(" ".join(words(400)[:30]))
    assert found is not None
    every = found.all_scores()
    for ids in (np.array([2999, 0, 17]), np.arange(2999, -1, -2), np.array([], np.int64)):
        assert found.scores(ids).tobytes() == every[ids].tobytes()


def test_a_word_counts_once_however_often_it_is_asked_for(keywords: Keywords) -> None:
    assert scores(keywords, "storm bread") == scores(keywords, "storm storm bread storms STORM")


def test_a_form_of_a_word_finds_the_others(keywords: Keywords) -> None:
    once, twice = scores(keywords, "storm")[0], scores(keywords, "storm")[2]
    assert 0 < once < twice < 1
    # "stormed" isn't in the corpus: its stem is.
    assert scores(keywords, "storm") == scores(keywords, "storms") == scores(keywords, "stormed")


@pytest.mark.parametrize(
    ("query", "row"),
    [
        ("horse", 1),  # its stem is "hors", which is a word of another row and counts for "hor" there
        ("horses", 1),
        ("hors", 0),
        ("diverse", 3),
        ("divers", 2),
        ("ari", 4),
        ("arise", 5),
        ("ARIs", 4),
        (
            "developmental",
            None,
        ),  # "development" counts for "develop", and no row holds the term "development"
        ("developing", 6),
        ("aris", 4),
    ],
)
def test_a_stem_is_no_word_that_is_spelled_like_it(query: str, row: int | None, tmp_path: Path) -> None:
    texts = [
        "Recipes for hors d'oeuvres",
        "Wild horses on the plain",
        "Two divers in the sea",
        "Diversity of plants",
        "AMIs, AKIs and ARIs",
        "A question arises",
        "The development of a city",
    ]
    found = open_keywords(tmp_path, texts).query(query)
    assert (None if found is None else found.all_scores().nonzero()[0].tolist()) == (
        None if row is None else [row]
    )


@pytest.mark.parametrize("query", ["", "unheard", "to be or not to be", "?!", "\x00", "bread" * 1000])
def test_a_query_without_a_known_word_has_no_keywords(keywords: Keywords, query: str) -> None:
    assert keywords.query(query) is None


def test_matches_are_the_words_of_the_text(keywords: Keywords) -> None:
    query = keywords.query("stormed Europe, and bread")
    assert query is not None
    assert keywords.matches(query, TEXTS[0]) == [Match("stormed", 7, 13), Match("europe", 28, 34)]
    assert [TEXTS[2][match.start : match.end] for match in keywords.matches(query, TEXTS[2])] == [
        "storm",
        "storm",
    ]
    assert keywords.matches(query, TEXTS[3]) == []


def test_words_of_one_crc32_are_told_apart(tmp_path: Path) -> None:
    # These two have the same CRC-32.
    texts = ["plumless", "buckeroo", "codding", "gnu"]
    keywords = open_keywords(tmp_path, texts)
    for row, text in enumerate(texts):
        found = keywords.query(text)
        assert found is not None
        assert found.all_scores().nonzero()[0].tolist() == [row]


def test_sums_are_raised_by_no_less_than_the_keyword_part(tmp_path: Path) -> None:
    texts = zipf_texts(2000)
    keywords = open_keywords(tmp_path, texts)
    for query in (" ".join(words(400)), texts[3], words(400)[0]):
        found = keywords.query(query)
        assert found is not None
        for factor in (0.3, 1.0, 1e3, 1e6, 1e8):
            sums = np.zeros(2048, np.int32)
            too_much = found.raise_sums(sums, factor)
            exact = factor * found.all_scores().astype(np.float64)
            assert (sums[:2000] >= exact).all()
            assert (sums[:2000] <= exact * (1 + 1e-3) + too_much).all()
            assert too_much <= (2 if factor <= 1e6 else 256) * len(found.postings)
            assert not sums[2000:].any()


def test_the_same_texts_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    for folder in (tmp_path, tmp_path / "again"):
        write_keywords(iter(zipf_texts(500)), folder, analyzer("english"))
    assert (tmp_path / KEYWORDS_FILE).read_bytes() == (tmp_path / "again" / KEYWORDS_FILE).read_bytes()


@pytest.mark.parametrize("texts", [[], [""], ["the of"], ["?"], ["x" * 100_000]])
def test_texts_with_few_words(texts: list[str], tmp_path: Path) -> None:
    keywords = open_keywords(tmp_path, texts)
    assert keywords.query("storm") is None


def test_a_frequency_beyond_16_bits_counts_as_the_greatest(tmp_path: Path) -> None:
    found = open_keywords(tmp_path, ["storm " * 70_000, "storm", "calm"]).query("storm")
    assert found is not None
    assert math.isclose(found.all_scores()[0], 1, rel_tol=1e-2)


@pytest.mark.parametrize(
    ("name", "damaged", "message"),
    [
        ("rows", None, "no tensor 'rows' of int32"),
        ("impacts", np.zeros(3, np.float32), "no tensor 'impacts' of uint8"),
        ("impacts", np.zeros((3, 2), np.uint8), "no tensor 'impacts' of uint8 in one axis"),
        ("impacts", np.zeros(3, np.uint8), "tables that don't fit each other"),
        ("term_ends", np.zeros(0, np.uint32), "tables that don't fit each other"),
        ("term_ends", np.array([0, 9, 2, 17], np.uint32), "tables that don't fit each other"),
        ("word_ends", np.array([1, 2], np.uint32), "tables that don't fit each other"),
        ("word_terms", np.full(17, 99, np.uint32), "tables that don't fit each other"),
    ],
)
def test_a_damaged_file_is_refused(
    name: str, damaged: np.ndarray | None, message: str, tmp_path: Path
) -> None:
    open_keywords(tmp_path, TEXTS)
    tensors = load_file(tmp_path / KEYWORDS_FILE)
    if damaged is None:
        del tensors[name]
    else:
        tensors[name] = damaged
    save_file(tensors, tmp_path / KEYWORDS_FILE)
    with pytest.raises(ArtifactError, match=message):
        Keywords.load(tmp_path, len(TEXTS), English)


@pytest.mark.parametrize("row", [-1, len(TEXTS), 2**31 - 1])
def test_damaged_rows_are_refused_by_the_query_that_reads_them(row: int, tmp_path: Path) -> None:
    open_keywords(tmp_path, TEXTS)
    tensors = load_file(tmp_path / KEYWORDS_FILE)
    tensors["rows"][:] = row
    save_file(tensors, tmp_path / KEYWORDS_FILE)
    keywords = Keywords.load(tmp_path, len(TEXTS), English)
    with pytest.raises(ArtifactError, match=r"damaged rows for the term \d+: run") as refused:
        keywords.query("storm")
    # The log has the sentence, and no word of a query.
    assert "storm" not in str(refused.value)
    assert keywords.query("unheard") is None


@pytest.mark.parametrize("shift", range(1, 8))
def test_tensors_at_any_place_of_the_file_are_read(shift: int, tmp_path: Path) -> None:
    expected = scores(open_keywords(tmp_path, TEXTS), "storm")
    path = tmp_path / KEYWORDS_FILE
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length] + b" " * shift
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    assert scores(Keywords.load(tmp_path, len(TEXTS), English), "storm") == expected


class Counted(English):
    """Counts the words that are stemmed."""

    def __init__(self) -> None:
        super().__init__()
        self.stemmed = 0

    def term(self, word: str) -> str:
        self.stemmed += 1
        return super().term(word)


@pytest.mark.parametrize("unheard", [["qqqq"] * 500, words(500)])
def test_words_that_the_corpus_lacks_are_stemmed_once(unheard: list[str], tmp_path: Path) -> None:
    open_keywords(tmp_path, TEXTS)
    analyze = Counted()
    keywords = Keywords.load(tmp_path, len(TEXTS), lambda: analyze)
    assert keywords.query(" ".join(unheard)) is None
    assert analyze.stemmed == len(set(unheard))
