"""The search of documents by their passages, against a full product, each document's maximum, and a stable sort."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file
from vector_corpora import FORMS, clustered, corpora, load_index, write

from handler.errors import ArtifactError
from handler.index import Found, Index
from handler.passages import Passages, Span

F32 = NDArray[np.float32]


def cut(rows: int, most: int, seed: int = 0) -> Passages:
    """Documents of 1 to `most` consecutive rows, the last one cut off."""
    sizes = np.random.default_rng(seed).integers(1, most + 1, rows)
    first = np.append(0, np.cumsum(sizes))
    first = np.append(first[first < rows], rows).astype(np.int64)
    return Passages(first, np.tile(np.array([[0, 1]], np.int32), (rows, 1)))


def by_full_sort(scores: F32, passages: Passages) -> tuple[list[int], list[int]]:
    """Every document by its best row, and that row: the oracle."""
    best, rows = [], []
    for start, end in zip(passages.first[:-1].tolist(), passages.first[1:].tolist(), strict=True):
        rows.append(start + int(np.argmax(scores[start:end])))
        best.append(scores[rows[-1]])
    order = np.argsort(-np.array(best, np.float32), kind="stable").tolist()
    return order, [rows[document] for document in order]


def searching(index: Index, query: F32) -> Callable[[int], Found]:
    return lambda most: index.search(query[None], most)


def check(index: Index, stored: F32, passages: Passages, queries: F32, ks: list[int]) -> None:
    for query in queries:
        scores = np.vecdot(stored, query)
        documents, rows = by_full_sort(scores, passages)
        for k in ks:
            found, places = passages.rank(searching(index, query), k)
            got = found.ids[0][places].tolist()
            assert got == rows[: max(k, 0)]
            assert [passages.document_of(row) for row in got] == documents[: max(k, 0)]
            assert found.scores[0][places].tobytes() == scores[got].tobytes()


@pytest.mark.parametrize("most", [1, 3, 40])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name",
    ["clustered", "duplicates", "all rows equal", "nearly equal", "whole numbers", "one row", "two rows"],
)
def test_as_a_full_sort(name: str, form: str, most: int, tmp_path: Path) -> None:
    rows = corpora()[name]
    write(tmp_path, rows, form)
    passages = cut(len(rows), most)
    queries = np.concatenate([rows[:1], rows[-1:], -rows[:1]])
    everything = passages.documents
    check(
        load_index(tmp_path, *rows.shape),
        rows,
        passages,
        queries,
        [1, 2, 10, 100, everything - 1, everything, everything + 1, 10**9],
    )


@pytest.mark.parametrize("form", FORMS)
def test_equal_passages_within_and_between_documents(form: str, tmp_path: Path) -> None:
    rows = clustered(4000)
    rows[[3999, 2223, 2222, 1024, 77, 76]] = rows[5]
    write(tmp_path, rows, form)
    passages = Passages(np.arange(0, 4001, 2), np.zeros((4000, 2), np.int32))
    found, places = passages.rank(searching(load_index(tmp_path, *rows.shape), rows[5]), 6)
    assert found.ids[0][places].tolist()[:5] == [5, 76, 1024, 2222, 3999]
    check(load_index(tmp_path, *rows.shape), rows, passages, rows[5:6], list(range(1, 12)))


@given(
    scores=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    most=st.integers(1, 20),
    k=st.integers(0, 70),
    seed=st.integers(0, 99),
)
def test_any_scores(scores: list[int], most: int, k: int, seed: int) -> None:
    """With few different scores nearly everything ties. `search` may be any that ranks rows."""
    values = np.array(scores, np.float32)
    order = np.argsort(-values, kind="stable")
    passages = cut(len(values), most, seed)
    asked: list[int] = []

    def search(count: int) -> Found:
        asked.append(count)
        return Found(order[None, :count], values[order][None, :count])

    found, places = passages.rank(search, k)
    documents, rows = by_full_sort(values, passages)
    assert found.ids[0][places].tolist() == rows[:k]
    assert [passages.document_of(row) for row in rows] == documents
    # Each time for more rows, and no further than to all of them.
    assert asked == sorted(set(asked))
    assert not k or all(count < len(values) for count in asked[:-1])


def test_a_document_of_every_row_hides_no_other(tmp_path: Path) -> None:
    """All but one of the best rows are one document's: the search goes on until the other one is found."""
    rows = clustered(3000)
    write(tmp_path, rows, "own columns")
    passages = Passages(np.array([0, 2999, 3000]), np.zeros((3000, 2), np.int32))
    check(load_index(tmp_path, *rows.shape), rows, passages, rows[:3], [1, 2, 3])


def save(
    directory: Path, first: NDArray[np.generic], spans: NDArray[np.generic], **more: NDArray[np.generic]
) -> None:
    save_file({"first": first, "spans": spans, **more}, directory / "passages.safetensors")


def test_a_file_is_read_back(tmp_path: Path) -> None:
    save(tmp_path, np.array([0, 2, 3]), np.array([[0, 4], [5, 9], [0, 3]], np.int32))
    passages = Passages.load(tmp_path)
    assert (passages.documents, passages.rows) == (2, 3)
    assert [passages.document_of(row) for row in range(3)] == [0, 0, 1]
    assert passages.span_of(1, "rain hail") == Span(5, 9)


ROWS = np.array([[0, 4], [5, 9], [0, 3]], np.int32)
DAMAGES = {
    "no beginning": (np.array([1, 2, 3]), ROWS),
    "another end": (np.array([0, 2, 4]), ROWS),
    "a document without a passage": (np.array([0, 2, 2, 3]), ROWS),
    "falling": (np.array([0, 2, 1, 3]), ROWS),
    "nothing": (np.array([], np.int64), np.empty((0, 2), np.int32)),
    "no document": (np.array([0]), np.empty((0, 2), np.int32)),
    "another type": (np.array([0, 2, 3], np.int32), ROWS),
    "another shape": (np.array([0, 2, 3]), np.array([0, 4, 5], np.int32)),
    "three numbers a row": (np.array([0, 2, 3]), np.zeros((3, 3), np.int32)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    save(tmp_path, *DAMAGES[name])
    with pytest.raises(ArtifactError, match=r"passages\.safetensors holds .*: run `seeklet export` again"):
        Passages.load(tmp_path)


def test_another_tensor_is_refused(tmp_path: Path) -> None:
    save(tmp_path, np.array([0, 2, 3]), ROWS, more=np.zeros(3, np.float32))
    with pytest.raises(ArtifactError, match="not the first rows and the spans"):
        Passages.load(tmp_path)


@pytest.mark.parametrize("span", [(0, 10), (-1, 3), (3, 3), (4, 3)])
def test_a_span_outside_of_the_text_is_refused(span: tuple[int, int]) -> None:
    passages = Passages(np.array([0, 1]), np.array([span], np.int32))
    with pytest.raises(
        ArtifactError, match=rf"passage 0 reaches from {span[0]} to {span[1]}, its document has 9"
    ):
        passages.span_of(0, "rain hail")
