"""Index against two oracles: the product in float64, and a full float32 sort.

Every corpus is searched in each of the three forms that an artifact can have.
"""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from vector_corpora import FORMS, CountedEmbeddings, clustered, corpora, load_index, unit, write

from export.build.write_scan import ScanPlan
from handler.artifact import SCAN_BOUND_FILE
from handler.bound import Scan
from handler.index import Index
from handler.safetensors import read_safetensors
from handler.scores import Embeddings, Rows

F32 = NDArray[np.float32]


def full_sort(stored: Embeddings, query: F32, k: int) -> tuple[NDArray[np.int64], F32]:
    """Score every row, sort stably: what search must equal to the last bit."""
    rows = stored.rows.astype(np.float32)
    # Few rows are kept as values.
    few = rows.nbytes <= 6 << 20
    if stored.scales is not None and few:
        rows *= stored.scales[:, None]
    scores: F32 = np.vecdot(rows, query)
    if stored.scales is not None and not few:
        np.multiply(scores, stored.scales, out=scores)
    order = np.argsort(-scores, kind="stable")[:k]
    return order, scores[order]


def check(index: Index, stored: Embeddings, queries: F32, k: int) -> None:
    """Compare a batch with both oracles, and with its queries one by one."""
    ids, scores = index.search(queries, k)[:2]
    expected = min(k, stored.count)
    assert ids.shape == scores.shape == (len(queries), expected)
    assert [ids.dtype, scores.dtype] == [np.dtype(np.int64), np.dtype(np.float32)]
    exact = queries.astype(np.float64) @ stored.values(0, stored.count).T
    lengths = np.linalg.norm(stored.values(0, stored.count), axis=1)
    for i, query in enumerate(queries):
        alone = index.search(query[None], k)
        assert alone.ids[0].tobytes() == ids[i].tobytes()
        assert alone.scores[0].tobytes() == scores[i].tobytes()
        by_sort = full_sort(stored, query, k)
        np.testing.assert_array_equal(ids[i], by_sort[0])
        np.testing.assert_array_equal(scores[i], by_sort[1])
        # Rows may change places only where their float64 scores are closer than 1e-6.
        tolerance = 1e-6 * max(1.0, float(np.linalg.norm(query)) * float(lengths.max(initial=0)))
        np.testing.assert_allclose(exact[i, ids[i]], -np.sort(-exact[i])[:expected], rtol=0, atol=tolerance)
        assert len(set(ids[i].tolist())) == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", list(corpora()))
def test_equals_a_full_sort(name: str, form: str, tmp_path: Path) -> None:
    rows = corpora()[name]
    stored = write(tmp_path, rows, form)
    index = load_index(tmp_path, *rows.shape)
    rng = np.random.default_rng(2)
    dim = rows.shape[1]
    queries = np.concatenate(
        [
            rows[rng.integers(0, len(rows), 4)],
            -rows[:1],
            rows[-1:] + np.float32(0.05) * rng.standard_normal((1, dim)).astype(np.float32),
            rng.standard_normal((2, dim)).astype(np.float32),
            np.eye(1, dim, dtype=np.float32),
            np.zeros((1, dim), np.float32),
            1e-30 * np.ones((1, dim), np.float32),
            1e6 * np.ones((1, dim), np.float32),
        ]
    )
    for k in (1, 10, 100):
        check(index, stored, queries, k)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_mapped_pages_are_given_back(tmp_path: Path) -> None:
    def resident() -> int:
        smaps = Path("/proc/self/smaps").read_text().partition(str(tmp_path))[2]
        return int(smaps.partition("Rss:")[2].split()[0])

    embeddings = write(tmp_path, np.ones((4000, 64), np.float32))
    assert embeddings.values(0, 4000).sum() == 4000 * 64
    assert resident() >= 1000
    embeddings.let_go()
    assert resident() == 0
    assert embeddings.values(3999, 4000).sum() == 64


def test_a_few_rows_take_no_large_page() -> None:
    tracemalloc.start()
    stored = Embeddings(np.ones((100, 384), np.int8), np.ones(100, np.float32))
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert stored.count * stored.dim * 4 <= taken < 300_000


@pytest.mark.parametrize("form", FORMS)
def test_whole_corpus_and_beyond(form: str, tmp_path: Path) -> None:
    rows = clustered(500, 16)
    stored = write(tmp_path, rows, form)
    index = load_index(tmp_path, *rows.shape)
    for k in (499, 500, 501, 10**9):
        check(index, stored, rows[:3], k)
    assert index.search(rows[:3], 0).ids.shape == (3, 0)
    assert index.search(rows[:0], 10).ids.shape == (0, 10)


def test_no_rows(tmp_path: Path) -> None:
    write(tmp_path, np.empty((0, 8), np.float32), "own columns")
    found = load_index(tmp_path, 0, 8).search(np.ones((2, 8), np.float32), 10)
    assert found.ids.shape == found.scores.shape == (2, 0)


@pytest.mark.parametrize("form", FORMS)
def test_ties_go_to_the_lower_id(form: str, tmp_path: Path) -> None:
    rows = clustered(4000)
    rows[[3999, 2222, 1024, 77]] = rows[5]
    write(tmp_path, rows, form)
    found = load_index(tmp_path, *rows.shape).search(rows[5:6], 5)
    assert found.ids[0].tolist() == [5, 77, 1024, 2222, 3999]
    assert len(set(found.scores[0].tolist())) == 1


def test_a_score_does_not_depend_on_the_rows_beside_it() -> None:
    rows = np.repeat(clustered(1, 384), 5000, axis=0)
    query = clustered(1, 384, seed=3)[0]
    stored = Embeddings(rows)
    ids = np.arange(7, 4321, 3)
    assert len({*stored.all_scores(query[None])[0].tolist(), *stored.scores(ids, query).tolist()}) == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_exact_for_what_is_stored(dtype: str, form: str, tmp_path: Path) -> None:
    rows = clustered()
    queries = clustered(20, seed=5)
    scales = None
    stored: Rows = rows.astype(np.float16)
    if dtype == "int8":
        scales = np.abs(rows).max(axis=1) / np.float32(127)
        stored = np.rint(rows / scales[:, None]).astype(np.int8)
    embeddings = write(tmp_path, stored, form, scales)
    check(load_index(tmp_path, *rows.shape), embeddings, queries, 10)


@pytest.mark.parametrize("form", FORMS)
def test_two_threads_find_the_same(form: str, tmp_path: Path) -> None:
    rows = clustered(6000)
    write(tmp_path, rows, form)
    one, two = (load_index(tmp_path, 6000, 64, threads) for threads in (1, 2))
    for k in (10, 1000):
        a, b = one.search(rows[:20], k), two.search(rows[:20], k)
        assert a.ids.tobytes() == b.ids.tobytes()
        assert a.scores.tobytes() == b.scores.tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_a_nan_comes_last(form: str, tmp_path: Path) -> None:
    rows = clustered()
    rows[3] = np.nan
    write(tmp_path, rows, form)
    found = load_index(tmp_path, *rows.shape).search(clustered(2, seed=9), 3000)
    assert found.ids[:, -1].tolist() == [3, 3]
    rows[3] = 0
    write(tmp_path, rows, form)
    found = load_index(tmp_path, *rows.shape).search(np.full((1, 64), np.nan, np.float32), 4)
    assert found.ids[0].tolist() == [0, 1, 2, 3]


def test_the_scan_spares_nearly_every_row(tmp_path: Path) -> None:
    rows = clustered(20_000)
    queries = unit(rows[:100] + 0.05 * np.random.default_rng(6).standard_normal((100, 64)))
    for form in FORMS[1:]:
        write(tmp_path, rows, form)
        assert len(read_safetensors(tmp_path / SCAN_BOUND_FILE)["factors"].shape) == FORMS.index(form)
        counted = CountedEmbeddings(rows)
        Index(counted, Scan.load(tmp_path, *rows.shape)).search(queries, 10)
        assert not counted.passes
        # Two calls for each query: the candidates, and the survivors.
        assert len(counted.picked) == 200
        assert np.median(counted.picked) < 400


def test_embeddings_damaged_after_the_export_still_give_an_answer(tmp_path: Path) -> None:
    rows = clustered()
    write(tmp_path, rows, "own columns")
    damaged = rows.copy()
    damaged[7, 3] = np.nan
    stored = Embeddings(damaged)
    index = Index(stored, Scan.load(tmp_path, *rows.shape))
    # The row that would be first has no score now.
    for k in (1, 5):
        assert index.search(rows[7:8], k).ids[0].tolist() == full_sort(stored, rows[7], k)[0].tolist()


def test_larger_corpora_get_fewer_columns(tmp_path: Path) -> None:
    plan = ScanPlan(min_rows=1, rotated_rows=1, head_energy=((0, 0.95), (1000, 0.7)))
    heads = []
    for count in (999, 1000):
        write(tmp_path, clustered(count), plan=plan)
        heads.append(int(read_safetensors(tmp_path / SCAN_BOUND_FILE)["sizes"][2]))
    assert heads[1] < heads[0]


def test_hostile_embeddings_are_scored_in_one_pass(tmp_path: Path) -> None:
    rows = np.repeat(clustered(1), 3000, axis=0)
    write(tmp_path, rows, "own columns")
    counted = CountedEmbeddings(rows)
    index = Index(counted, Scan.load(tmp_path, *rows.shape))
    assert index.search(rows[:1], 10).ids[0].tolist() == list(range(10))
    # The ten candidates, then every row.
    assert (counted.picked, counted.passes) == ([10], 1)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_small_whole_numbers(
    form: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    count, dim = data.draw(st.integers(1, 150)), data.draw(st.integers(1, 6))
    numbers = st.integers(-4, 4).map(float)
    rows = data.draw(hnp.arrays(np.float32, (count, dim), elements=numbers))
    queries = data.draw(hnp.arrays(np.float32, (3, dim), elements=numbers))
    directory = tmp_path_factory.mktemp("index")
    stored = write(directory, rows, form)
    check(load_index(directory, count, dim), stored, queries, data.draw(st.integers(1, 4)))


def test_many_queries_are_worked_in_parts(tmp_path: Path) -> None:
    rows = clustered()
    write(tmp_path, rows, "own columns")
    whole = load_index(tmp_path, *rows.shape).search(rows[:50], 10)
    parts = load_index(tmp_path, *rows.shape, batch_bytes=4 * 3000 * 7).search(rows[:50], 10)
    assert whole.ids.tobytes() == parts.ids.tobytes()
