"""Exact hybrid search against a full sort of every row's score, in each form of scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keyword_corpora import blended, open_keywords, words, zipf_texts
from numpy.typing import NDArray
from vector_corpora import FORMS, CountedEmbeddings, clustered, corpora, load_index, unit, write

from handler.blend import Blend
from handler.bound import Scan
from handler.index import Index
from handler.keywords import Keywords
from handler.postings import KeywordQuery
from handler.scores import Embeddings

F32 = NDArray[np.float32]
SHARES = (0.0, 0.3, 0.5, 1.0, 0.7312, 0.9995, 1 - 2**-23, 1e-9)
NAMES = words(400)
QUERIES = (
    NAMES[0],  # in most texts
    NAMES[399],
    f"{NAMES[3]} {NAMES[40]} {NAMES[200]}",
    " ".join(NAMES[:300]),
    " ".join([NAMES[7]] * 100),
    "unheard of",
    "to be or not to be",
    "",
)


def check(
    index: Index, stored: Embeddings, vectors: F32, asked: list[KeywordQuery | None], k: int, share: float
) -> None:
    """Compares a batch with the full sort, and with its queries one by one."""
    found = index.search(vectors, k, asked, share)
    cosines = stored.all_scores(vectors)
    for i, keywords in enumerate(asked):
        scores = blended(cosines[i], keywords, share)
        order = np.argsort(-scores, kind="stable")[:k]
        np.testing.assert_array_equal(found.ids[i], order)
        assert found.scores[i].tobytes() == scores[order].tobytes()
        alone = index.search(vectors[i : i + 1], k, [keywords], share)
        assert alone.ids[0].tobytes() == found.ids[i].tobytes()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", SHARES)
def test_equals_a_full_sort(share: float, form: str, tmp_path: Path) -> None:
    rows = clustered()
    stored = write(tmp_path, rows, form)
    keywords = open_keywords(tmp_path, zipf_texts(len(rows)))
    index = load_index(tmp_path, *rows.shape)
    asked = [keywords.query(query) for query in QUERIES]
    vectors = clustered(len(asked), seed=4)
    for k in (1, 10, 100, 2999, 5000):
        check(index, stored, vectors, asked, k, share)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", list(corpora()))
def test_hostile_vectors(name: str, form: str, tmp_path: Path) -> None:
    rows = corpora()[name]
    stored = write(tmp_path, rows, form)
    keywords = open_keywords(tmp_path, zipf_texts(len(rows)))
    index = load_index(tmp_path, *rows.shape)
    asked = [keywords.query(query) for query in QUERIES]
    dim = rows.shape[1]
    vectors = np.concatenate(
        [rows[:1], -rows[:1], np.zeros((1, dim), np.float32), np.eye(5, dim, dtype=np.float32)]
    )
    for share in (0.3, 0.5, 0.99):
        check(index, stored, vectors, asked, 10, share)


def hostile_texts(count: int) -> dict[str, list[str]]:
    """Corpora of texts that give thousands of equal keyword parts, or very uneven ones."""
    return {
        "one word in every text": ["storm"] * count,
        "two kinds of text": ["storm calm" if row % 2 else "calm" for row in range(count)],
        "one word in one text": ["storm"] + ["calm"] * (count - 1),
        "no words": ["?"] * count,
        "a word of its own for each text": [f"storm w{row}" for row in range(count)],
        "very long among short": ["storm " * 50_000] + ["storm"] * (count - 1),
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", list(hostile_texts(1)))
def test_hostile_texts(name: str, form: str, tmp_path: Path) -> None:
    rows = clustered()
    rows[100:2000] = rows[100]
    stored = write(tmp_path, rows, form)
    keywords = open_keywords(tmp_path, hostile_texts(len(rows))[name])
    index = load_index(tmp_path, *rows.shape)
    asked = [keywords.query(query) for query in ("storm", "calm", "storm calm", "w17 w2999 storm", "w5")]
    vectors = np.concatenate([rows[100:101], clustered(4, seed=8)])
    for share in (0.0, 0.5, 1.0, 0.05):
        for k in (1, 10, 300):
            check(index, stored, vectors, asked, k, share)


@pytest.mark.parametrize("form", FORMS)
def test_equal_scores_go_to_the_lower_row(form: str, tmp_path: Path) -> None:
    rows = clustered(4000)
    rows[[3999, 2222, 1024, 77]] = rows[5]
    texts = ["storm"] * 4000
    texts[1024] = "storm storm"
    write(tmp_path, rows, form)
    asked = open_keywords(tmp_path, texts).query("storm")
    found = load_index(tmp_path, *rows.shape).search(rows[5:6], 5, [asked], 0.5)
    assert found.ids[0].tolist() == [1024, 5, 77, 2222, 3999]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_small_corpora(form: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    count = data.draw(st.integers(1, 150))
    directory = tmp_path_factory.mktemp("hybrid")
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    rows = rng.integers(-3, 4, (count, 4)).astype(np.float32)
    stored = write(directory, rows, form)
    texts = data.draw(
        st.lists(
            st.text("ab ", max_size=12).map(lambda t: t.replace("a", "ax ")), min_size=count, max_size=count
        )
    )
    keywords = open_keywords(directory, texts)
    asked = [keywords.query(query) for query in ("ax", "b", "ax b", "bb ax")]
    vectors = rng.integers(-3, 4, (4, 4)).astype(np.float32)
    share = data.draw(st.floats(0, 1))
    check(load_index(directory, count, 4), stored, vectors, asked, data.draw(st.integers(1, 5)), share)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.99])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_an_estimate_is_reached(share: float, size: float, tmp_path: Path) -> None:
    rows = clustered() * np.float32(size)
    stored = write(tmp_path, rows, "own columns")
    scan = Scan.load(tmp_path, *rows.shape)
    keywords = open_keywords(tmp_path, zipf_texts(len(rows)))
    ids = np.arange(len(rows))
    codes = np.empty((1, scan.columns), np.uint8)
    for query, vector in zip(QUERIES, clustered(len(QUERIES), seed=4), strict=True):
        blend = Blend(stored, vector, keywords.query(query), share)
        bound = scan.encode(vector, codes[0])
        assert bound is not None
        sums = scan.sums(codes)[0]
        if not blend.raise_sums(bound, sums):
            continue
        scores = blend.scores(ids).scores
        estimates = blend.estimate(ids, bound, sums)
        reached = np.array([blend.reached(float(estimate), bound) for estimate in estimates])
        assert (scores >= reached).all()
        # A threshold that lies far below the scores would spare few rows.
        assert (scores - reached).max() <= 5e-5 * (1 + len(query.split())) * max(1.0, size)
        # No row that reaches a threshold has a sum below the least.
        for threshold in np.quantile(scores, [0.5, 0.9, 0.999, 1]).tolist():
            assert (sums[ids] >= blend.least_sum(bound, threshold))[scores >= threshold].all()


@pytest.mark.parametrize("form", FORMS[1:])
def test_most_rows_are_spared(form: str, tmp_path: Path) -> None:
    rows = clustered(20_000)
    vectors = unit(rows[:100] + 0.05 * np.random.default_rng(6).standard_normal((100, 64)))
    texts = zipf_texts(20_000, 4000)
    keywords = open_keywords(tmp_path, texts)
    write(tmp_path, rows, form)
    counted = CountedEmbeddings(rows)
    index = Index(counted, Scan.load(tmp_path, *rows.shape))
    index.search(vectors, 10, [keywords.query(text) for text in texts[:100]], 0.5)
    assert not counted.passes
    # Two calls for each query: the candidates, and the survivors.
    assert len(counted.picked) == 200
    assert np.median(counted.picked) < 400


def test_keywords_alone_find_only_rows_that_hold_a_term(tmp_path: Path) -> None:
    rows, texts = clustered(500), zipf_texts(500)
    write(tmp_path, rows)
    index, keywords = load_index(tmp_path, *rows.shape), open_keywords(tmp_path, texts)
    asked = keywords.query(f"{NAMES[30]} {NAMES[31]}")
    assert asked is not None
    scores = asked.all_scores()
    for k in (1, 5, 500):
        found = index.search_keywords(asked, k)
        order = [row for row in np.argsort(-scores, kind="stable") if scores[row] > 0][:k]
        assert found.ids[0].tolist() == order
        assert found.scores[0].tolist() == scores[order].tolist()


def test_parts_are_those_of_the_score(tmp_path: Path) -> None:
    rows, texts = clustered(), zipf_texts(3000)
    write(tmp_path, rows, "rotated")
    index, keywords = load_index(tmp_path, *rows.shape), open_keywords(tmp_path, texts)
    asked, vector = keywords.query(texts[9]), clustered(1, seed=3)
    assert asked is not None
    found = index.search(vector, 10, [asked], 0.25)
    stored = Embeddings.load(tmp_path, *rows.shape)
    assert found.cosines is not None
    assert found.keywords is not None
    assert found.cosines[0].tobytes() == stored.all_scores(vector)[0][found.ids[0]].tobytes()
    assert found.keywords[0].tobytes() == asked.all_scores()[found.ids[0]].tobytes()
    blend = np.float32(0.75) * found.cosines + np.float32(0.25) * found.keywords
    assert blend.tobytes() == found.scores.tobytes()
    both = index.search(np.repeat(vector, 3, 0), 10, [None, asked, None], 0.25)
    assert both.ids[1].tobytes() == found.ids[0].tobytes()
    assert both.keywords is not None
    assert not both.keywords[[0, 2]].any()
    alone = index.search(vector, 10, [asked], 1.0)
    assert alone.cosines is not None
    assert alone.cosines[0].tobytes() == stored.scores(alone.ids[0], vector[0]).tobytes()


def test_each_query_needs_its_keywords(tmp_path: Path) -> None:
    rows = clustered(50)
    write(tmp_path, rows)
    keywords: Keywords = open_keywords(tmp_path, zipf_texts(50))
    with pytest.raises(ValueError, match="shorter"):
        load_index(tmp_path, *rows.shape).search(rows[:2], 3, [keywords.query(NAMES[0])], 0.5)
