"""Index, Scan and Embeddings against two oracles: the product in float64, and a full float32 sort.

Every corpus is searched in each of the three forms that an artifact can have.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from safetensors.numpy import save_file

import export.build.write_scan
import handler.index
from export.build.write_scan import write_scan
from handler.bound import BOUNDS_FILE, MATRIX_FILE, MODEL_FILE, Scan
from handler.errors import ArtifactError
from handler.index import Index
from handler.scores import Embeddings, Rows, read_safetensors

FORMS = ["none", "own columns", "rotated"]
F32 = NDArray[np.float32]


def write(directory: Path, rows: Rows, form: str = "none", scales: F32 | None = None) -> Embeddings:
    """Write an index's files in one form, whatever the corpus's size."""
    tensors: dict[str, NDArray[np.generic]] = {"embeddings": rows}
    if scales is not None:
        tensors["scales"] = scales
    save_file(tensors, directory / "embeddings.safetensors")
    embeddings = Embeddings.load(directory, *rows.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export.build.write_scan, "MIN_ROWS", math.inf if form == "none" else 1)
        patch.setattr(export.build.write_scan, "ROTATED_ROWS", 1 if form == "rotated" else math.inf)
        write_scan(embeddings, directory)
    return embeddings


def full_sort(stored: Embeddings, query: F32, k: int) -> tuple[NDArray[np.int64], F32]:
    """Score every row, sort stably: what search must equal to the last bit."""
    scores: F32 = np.vecdot(stored.rows.astype(np.float32), query)
    if stored.scales is not None:
        np.multiply(scores, stored.scales, out=scores)
    order = np.argsort(-scores, kind="stable")[:k]
    return order, scores[order]


def check(index: Index, stored: Embeddings, queries: F32, k: int) -> None:
    """Compare a batch with both oracles, and with its queries one by one."""
    ids, scores = index.search(queries, k)
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


def unit(rows: NDArray[np.float64]) -> F32:
    lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / lengths).astype(np.float32)


def clustered(n: int = 3000, dim: int = 64, seed: int = 0) -> F32:
    """Unit vectors in clusters whose variance falls from column to column, as an encoder's does."""
    rng = np.random.default_rng(seed)
    spread = 0.93 ** np.arange(dim)
    turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    centres = rng.standard_normal((40, dim))
    return unit(((centres[rng.integers(0, 40, n)] + 0.7 * rng.standard_normal((n, dim))) * spread) @ turn)


def corpora() -> dict[str, F32]:
    rng = np.random.default_rng(1)
    real = clustered()
    outlier = real.copy()
    outlier[:, 5] = 1000 * np.abs(outlier[:, 5])
    spike = real.copy()
    spike[17, 3] = 1e6
    dead = real.copy()
    dead[:, 40:] = 0
    zeros = real.copy()
    zeros[::3] = 0
    half = real[:1500]
    return {
        "clustered": real,
        "random": unit(rng.standard_normal((3000, 64))),
        "odd sizes": clustered(2077, 37),
        "not normalised": real * rng.lognormal(0, 2, (3000, 1)).astype(np.float32),
        "all rows equal": np.repeat(real[:1], 3000, axis=0),
        "nearly equal": (real[0] + 1e-7 * rng.standard_normal((3000, 64))).astype(np.float32),
        "duplicates": real[rng.integers(0, 3, 3000)],
        "antipodal pairs": np.concatenate([half, -half]),
        "one huge dimension": outlier,
        "one huge entry": spike,
        "dead dimensions": dead,
        "zero vectors among others": zeros,
        "all zero": np.zeros((300, 16), np.float32),
        "tiny": real * np.float32(1e-12),
        "tinier": real * np.float32(1e-25),
        "huge": real * np.float32(1e12),
        "whole numbers": rng.integers(-3, 4, (3000, 5)).astype(np.float32),
        "one dimension": rng.standard_normal((500, 1)).astype(np.float32),
        "one row": real[:1],
        "two rows": real[:2],
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", list(corpora()))
def test_equals_a_full_sort(name: str, form: str, tmp_path: Path) -> None:
    rows = corpora()[name]
    stored = write(tmp_path, rows, form)
    index = Index.load(tmp_path, *rows.shape)
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


@pytest.mark.parametrize("form", FORMS)
def test_whole_corpus_and_beyond(form: str, tmp_path: Path) -> None:
    rows = clustered(500, 16)
    stored = write(tmp_path, rows, form)
    index = Index.load(tmp_path, *rows.shape)
    for k in (499, 500, 501, 10**9):
        check(index, stored, rows[:3], k)
    assert index.search(rows[:3], 0).ids.shape == (3, 0)
    assert index.search(rows[:0], 10).ids.shape == (0, 10)


def test_no_rows(tmp_path: Path) -> None:
    write(tmp_path, np.empty((0, 8), np.float32), "own columns")
    found = Index.load(tmp_path, 0, 8).search(np.ones((2, 8), np.float32), 10)
    assert found.ids.shape == found.scores.shape == (2, 0)


@pytest.mark.parametrize("form", FORMS)
def test_ties_go_to_the_lower_id(form: str, tmp_path: Path) -> None:
    rows = clustered(4000)
    rows[[3999, 2222, 1024, 77]] = rows[5]
    write(tmp_path, rows, form)
    found = Index.load(tmp_path, *rows.shape).search(rows[5:6], 5)
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
    check(Index.load(tmp_path, *rows.shape), embeddings, queries, 10)


@pytest.mark.parametrize("form", FORMS)
def test_two_threads_find_the_same(form: str, tmp_path: Path) -> None:
    rows = clustered(6000)
    write(tmp_path, rows, form)
    one, two = (Index.load(tmp_path, 6000, 64, threads) for threads in (1, 2))
    for k in (10, 1000):
        a, b = one.search(rows[:20], k), two.search(rows[:20], k)
        assert a.ids.tobytes() == b.ids.tobytes()
        assert a.scores.tobytes() == b.scores.tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_a_nan_comes_last(form: str, tmp_path: Path) -> None:
    rows = clustered()
    rows[3] = np.nan
    write(tmp_path, rows, form)
    found = Index.load(tmp_path, *rows.shape).search(clustered(2, seed=9), 3000)
    assert found.ids[:, -1].tolist() == [3, 3]
    rows[3] = 0
    write(tmp_path, rows, form)
    found = Index.load(tmp_path, *rows.shape).search(np.full((1, 64), np.nan, np.float32), 4)
    assert found.ids[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("form", FORMS[1:])
@pytest.mark.parametrize(
    "name",
    ["clustered", "random", "one huge dimension", "not normalised", "dead dimensions", "antipodal pairs"],
)
def test_no_row_scores_above_its_bound(name: str, form: str, tmp_path: Path) -> None:
    rows = corpora()[name]
    write(tmp_path, rows, form)
    scan = Scan(tmp_path, *rows.shape)
    codes = np.empty((1, scan.columns), np.uint8)
    rng = np.random.default_rng(4)
    # The worst queries lie along a row's rounding error, where Cauchy and Schwarz lose nothing.
    unit_of = np.abs(rows).max(0).clip(1e-9) / 127
    errors = rows[:200] - np.rint(rows[:200] / unit_of) * unit_of
    queries = np.concatenate(
        [
            rows[:50],
            -rows[:50],
            errors.astype(np.float32),
            rng.standard_normal((50, rows.shape[1])).astype(np.float32),
        ]
    )
    exact = queries.astype(np.float64) @ rows.T.astype(np.float64)
    for query, scores in zip(queries, exact, strict=True):
        bound = scan.encode(query, codes[0])
        assert bound is not None
        assert (bound.unit * scan.sums(codes)[0, : len(rows)] + bound.slack >= scores).all()


def test_the_tail_is_rounded_up(tmp_path: Path) -> None:
    rows, queries = clustered(), clustered(50, seed=11)
    write(tmp_path, rows, "rotated")
    tensors = read_safetensors(tmp_path / BOUNDS_FILE)
    factors = tensors["factors"].astype(np.float64)
    head, groups = tensors["sizes"][2:].tolist()
    unit_of_factors = tensors["limits"][0]

    def norms(vectors: F32, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = (vectors.astype(np.float64) @ columns).reshape(len(vectors), groups, -1)
        lengths: NDArray[np.float64] = np.sqrt(np.vecdot(parts, parts))
        return lengths

    # The rotation's own columns have length 1, so a factor's length is its column's unit.
    units = np.linalg.norm(factors, axis=0)
    codes = np.fromfile(tmp_path / MATRIX_FILE, np.int8).reshape(head + groups, -1)[head:, : len(rows)]
    steps = units[head:].reshape(groups, -1)[:, 0] * unit_of_factors
    assert (codes.T * steps * 1.000001 >= norms(rows, factors[:, head:] / units[head:])).all()
    scan = Scan(tmp_path, *rows.shape)
    coded = np.empty(scan.columns, np.uint8)
    for query in queries:
        bound = scan.encode(query, coded)
        assert bound is not None
        weights = (coded[head:].astype(int) - 64) * bound.unit
        assert (weights * 1.000001 >= norms(query[None], factors[:, head:])[0] * unit_of_factors).all()


def test_the_scan_spares_nearly_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clustered(20_000)
    queries = unit(rows[:100] + 0.05 * np.random.default_rng(6).standard_normal((100, 64)))
    picked: list[int] = []
    scores = Embeddings.scores

    def counted(self: Embeddings, ids: NDArray[np.int64], query: F32) -> F32:
        picked.append(len(ids))
        return scores(self, ids, query)

    monkeypatch.setattr(Embeddings, "scores", counted)
    monkeypatch.setattr(Embeddings, "all_scores", lambda *_: pytest.fail("scored every row"))
    for form in FORMS[1:]:
        write(tmp_path, rows, form)
        assert len(read_safetensors(tmp_path / BOUNDS_FILE)["factors"].shape) == FORMS.index(form)
        Index.load(tmp_path, *rows.shape).search(queries, 10)
    assert np.median(picked) < 400


def test_larger_corpora_get_fewer_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export.build.write_scan, "HEAD_ENERGY", ((0, 0.95), (1000, 0.7)))
    heads = []
    for count in (999, 1000):
        write(tmp_path, clustered(count), "rotated")
        heads.append(int(read_safetensors(tmp_path / BOUNDS_FILE)["sizes"][2]))
    assert heads[1] < heads[0]


def test_hostile_embeddings_are_scored_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.repeat(clustered(1), 3000, axis=0)
    write(tmp_path, rows, "own columns")
    index = Index.load(tmp_path, *rows.shape)
    scores = Embeddings.scores
    monkeypatch.setattr(
        Embeddings,
        "scores",
        lambda self, ids, query: scores(self, ids, query) if len(ids) <= 10 else pytest.fail("picked rows"),
    )
    assert index.search(rows[:1], 10).ids[0].tolist() == list(range(10))


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
    check(Index.load(directory, count, dim), stored, queries, data.draw(st.integers(1, 4)))


def test_small_corpora_have_no_scan(tmp_path: Path) -> None:
    rows = clustered(100)
    save_file({"embeddings": rows}, tmp_path / "embeddings.safetensors")
    write_scan(Embeddings(rows), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["embeddings.safetensors"]


def test_a_scan_is_replaced_and_is_the_same_bytes_again(tmp_path: Path) -> None:
    files = (MODEL_FILE, MATRIX_FILE, BOUNDS_FILE)
    rows = clustered()
    write(tmp_path, rows, "rotated")
    first = [(tmp_path / name).read_bytes() for name in files]
    write(tmp_path, rows, "own columns")
    assert [(tmp_path / name).read_bytes() for name in files] != first
    write(tmp_path, rows, "rotated")
    assert [(tmp_path / name).read_bytes() for name in files] == first
    write(tmp_path, rows, "none")
    assert not Scan.exists(tmp_path)


def test_sizes_that_disagree(tmp_path: Path) -> None:
    rows = clustered(1000, 32)
    write(tmp_path, rows, "own columns")
    with pytest.raises(
        ArtifactError, match=r"\(1000, 32\), the manifest says \(999, 32\): run `python -m export` again"
    ):
        Index.load(tmp_path, 999, 32)
    with pytest.raises(ArtifactError, match=r"\(1000, 32\), the manifest says \(1000, 64\)"):
        Index.load(tmp_path, 1000, 64)
    save_file({"embeddings": rows[:900]}, tmp_path / "embeddings.safetensors")
    with pytest.raises(ArtifactError, match="made for 1000 rows of 32, not 900 of 32"):
        Index.load(tmp_path, 900, 32)


@pytest.mark.parametrize("kept", [0, 5, 60, 1000, -1])
@pytest.mark.parametrize("name", ["embeddings.safetensors", BOUNDS_FILE, MATRIX_FILE])
def test_truncated(name: str, kept: int, tmp_path: Path) -> None:
    rows = clustered(1000, 32)
    write(tmp_path, rows, "own columns")
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:kept] if name != BOUNDS_FILE or kept <= 60 else data[:-1])
    with pytest.raises(ArtifactError, match=rf"{name}.*run `python -m export` again"):
        Index.load(tmp_path, 1000, 32)


@pytest.mark.parametrize("name", ["embeddings.safetensors", BOUNDS_FILE, MATRIX_FILE, MODEL_FILE])
def test_missing(name: str, tmp_path: Path) -> None:
    write(tmp_path, clustered(1000, 32), "own columns")
    (tmp_path / name).unlink()
    with pytest.raises(ArtifactError, match=rf"{name}.*run `python -m export` again"):
        Index.load(tmp_path, 1000, 32)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{", "damaged header"),
        ("[]", "damaged header"),
        ('{"embeddings": {"dtype": "F32", "shape": [2, 2]}}', "damaged header"),
        ('{"embeddings": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}', "is BF16"),
        (
            '{"embeddings": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 8]}}',
            "needs 16 bytes, its offsets give 8",
        ),
        ('{"embeddings": {"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]}}', "shape"),
        ('{"embeddings": {"dtype": "F32", "shape": [2, 2], "data_offsets": [8, 24]}}', "should end at"),
        ('{"other": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}', "no tensor 'embeddings'"),
        ('{"embeddings": {"dtype": "F64", "shape": [2, 1], "data_offsets": [0, 16]}}', "float64|shape"),
        ('{"embeddings": {"dtype": "I8", "shape": [2, 2], "data_offsets": [0, 4]}}', "without scales"),
    ],
)
def test_damaged_header(header: str, message: str, tmp_path: Path) -> None:
    data = len(header).to_bytes(8, "little") + header.encode() + bytes(16)
    (tmp_path / "embeddings.safetensors").write_bytes(data)
    with pytest.raises(ArtifactError, match=message):
        Embeddings.load(tmp_path, 2, 2)


def test_reads_what_safetensors_writes(tmp_path: Path) -> None:
    tensors: dict[str, NDArray[np.generic]] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array(7, np.int64),
        "c": np.empty((0, 3), np.int8),
    }
    save_file(tensors, tmp_path / "t.safetensors", {"note": json.dumps("text")})
    found = read_safetensors(tmp_path / "t.safetensors")
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def test_many_queries_are_worked_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clustered()
    write(tmp_path, rows, "own columns")
    index = Index.load(tmp_path, *rows.shape)
    whole = index.search(rows[:50], 10)
    monkeypatch.setattr(handler.index, "_BATCH_BYTES", 4 * 3000 * 7)
    parts = index.search(rows[:50], 10)
    assert whole.ids.tobytes() == parts.ids.tobytes()
