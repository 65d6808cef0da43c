"""Exact search among the rows that pass a filter, against a full sort of their scores, in each form of scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from keyword_corpora import blended, open_keywords, words, zipf_texts
from numpy.typing import NDArray
from vector_corpora import FORMS, clustered, corpora, load_index, write

from handler.blocks import block_height
from handler.index import Found, Index
from handler.passages import Passages
from handler.passing import Passing
from handler.postings import KeywordQuery
from handler.scores import Embeddings

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
NAMES = words(400)
QUERIES = (NAMES[0], NAMES[399], f"{NAMES[3]} {NAMES[40]} {NAMES[200]}", " ".join(NAMES[:300]), "unheard of")


def masks(scores: F32, k: int, seed: int = 0) -> list[Mask]:
    """Which rows pass: at random, in clusters, and the worst and the best ones alone."""
    count, rng = len(scores), np.random.default_rng(seed)
    order = np.argsort(-scores, kind="stable")
    made = []
    for passing in sorted({0, 1, 2, k - 1, k, k + 1, 50, 400, count // 4, count // 2, count - 1, count}):
        if 0 <= passing <= count:
            for chosen in (rng.permutation(count), np.arange(count), order, order[::-1]):
                made.append(np.zeros(count, np.bool_))
                made[-1][chosen[:passing]] = True
    blocks = count // max(1, block_height(count, max(1, k)))
    # Whole blocks, so that most blocks have no row that passes.
    made.append(np.arange(count) % blocks < max(1, blocks // 3))
    return made


def check(
    index: Index,
    stored: Embeddings,
    vector: F32,
    asked: KeywordQuery | None,
    k: int,
    share: float,
    mask: Mask,
) -> None:
    """Compares the three kinds of search among the rows that pass with a full sort."""
    cosines = stored.all_scores(vector[None])[0]
    scores = blended(cosines, asked, share)
    passing = Passing(mask)
    rows = mask.nonzero()[0]
    order = rows[np.argsort(-scores[rows], kind="stable")[:k]]
    found = index.search(vector[None], k, [asked], share, passing)
    np.testing.assert_array_equal(found.ids[0], order)
    assert found.scores[0].tobytes() == scores[order].tobytes()
    assert found.cosines is not None
    assert found.cosines[0].tobytes() == cosines[order].tobytes()
    if asked is not None:
        parts = asked.all_scores()
        holders = rows[parts[rows] > 0]
        order = holders[np.argsort(-parts[holders], kind="stable")[:k]]
        np.testing.assert_array_equal(index.search_keywords(asked, k, passing).ids[0], order)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_equals_a_full_sort_of_what_passes(share: float, form: str, tmp_path: Path) -> None:
    rows = clustered()
    stored = write(tmp_path, rows, form)
    keywords = open_keywords(tmp_path, zipf_texts(len(rows)))
    index = load_index(tmp_path, *rows.shape)
    for i, vector in enumerate(clustered(len(QUERIES), seed=4)):
        asked = keywords.query(QUERIES[i])
        scores = blended(stored.all_scores(vector[None])[0], asked, share)
        for k in (1, 10, 60):
            for mask in masks(scores, k, i):
                check(index, stored, vector, asked, k, share, mask)


@pytest.mark.parametrize("form", FORMS)
def test_two_thousand_random_sets_of_rows(form: str, tmp_path: Path) -> None:
    rows = clustered()
    stored = write(tmp_path, rows, form)
    keywords = open_keywords(tmp_path, zipf_texts(len(rows)))
    index = load_index(tmp_path, *rows.shape)
    rng = np.random.default_rng(7)
    vectors = clustered(40, seed=9)
    for _ in range(700):
        mask = rng.random(len(rows)) < rng.choice([0.001, 0.01, 0.1, 0.25, 0.5, 0.9])
        query = " ".join(rng.choice(NAMES, rng.integers(1, 6)))
        share, k = float(rng.choice([0.0, 0.3, 0.5, 0.9])), int(rng.integers(1, 30))
        check(index, stored, vectors[rng.integers(40)], keywords.query(query), k, share, mask)


@pytest.mark.parametrize("name", corpora())
@pytest.mark.parametrize("form", FORMS)
def test_odd_corpora(name: str, form: str, tmp_path: Path) -> None:
    rows = corpora()[name]
    stored = write(tmp_path, rows, form)
    index = load_index(tmp_path, *rows.shape)
    query = rows[len(rows) // 2] + rows[0]
    scores = stored.all_scores(query[None])[0]
    for mask in masks(scores, 7):
        passing = mask.nonzero()[0]
        order = passing[np.argsort(-scores[passing], kind="stable")[:7]]
        found = index.search(query[None], 7, passing=Passing(mask))
        np.testing.assert_array_equal(found.ids[0], order)


def test_a_batch_is_its_queries(tmp_path: Path) -> None:
    rows = clustered()
    write(tmp_path, rows, "rotated")
    keywords = open_keywords(tmp_path, zipf_texts(len(rows)))
    index = load_index(tmp_path, *rows.shape)
    vectors = clustered(len(QUERIES), seed=4)
    asked = [keywords.query(query) for query in QUERIES]
    for share in (0.4, 0.6):
        passing = Passing(np.arange(len(rows)) % round(10 * share) == 0)
        batch = index.search(vectors, 10, asked, share, passing)
        for i in range(len(QUERIES)):
            alone = index.search(vectors[i : i + 1], 10, asked[i : i + 1], share, passing)
            assert alone.ids[0].tobytes() == batch.ids[i].tobytes()
            assert alone.scores[0].tobytes() == batch.scores[i].tobytes()


def test_every_score_is_the_searches_score(tmp_path: Path) -> None:
    rows = clustered()
    write(tmp_path, rows, "own columns")
    keywords = open_keywords(tmp_path, zipf_texts(len(rows)))
    index = load_index(tmp_path, *rows.shape)
    (vector,) = clustered(1, seed=3)
    for asked in (keywords.query(QUERIES[2]), None):
        found = index.search(vector[None], 50, [asked], 0.5)
        every = index.all_scores(vector, asked, 0.5)
        assert every.scores[found.ids[0]].tobytes() == found.scores[0].tobytes()
        assert len(every.scores) == len(rows)


def test_passages_of_the_documents_that_pass(tmp_path: Path) -> None:
    rows = clustered()
    stored = write(tmp_path, rows, "own columns")
    index = load_index(tmp_path, *rows.shape)
    rng = np.random.default_rng(3)
    first = np.concatenate(
        [[0], np.sort(rng.choice(np.arange(1, len(rows)), 700, replace=False)), [len(rows)]]
    )
    passages = Passages(first, np.zeros((len(rows), 2), np.int32))
    for fraction in (0.0, 0.002, 0.02, 0.3, 0.8, 1.0):
        mask = rng.random(passages.documents) < fraction
        row_mask = passages.rows_of(mask)
        owners = passages.documents_of(np.arange(len(rows)))
        np.testing.assert_array_equal(row_mask, mask[owners])
        (vector,) = clustered(1, seed=int(100 * fraction))
        scores = stored.all_scores(vector[None])[0]

        def search(most: int, vector: F32 = vector, row_mask: Mask = row_mask) -> Found:
            return index.search(vector[None], most, passing=Passing(row_mask))

        found, places = passages.rank(search, 9)
        best = {document: scores[owners == document].max() for document in mask.nonzero()[0].tolist()}
        expected = sorted(
            best, key=lambda document: (-best[document], int(np.argmax(scores * (owners == document))))
        )[:9]
        assert [passages.document_of(int(found.ids[0][place])) for place in places] == expected
        np.testing.assert_array_equal(passages.any_row(row_mask), mask)
