"""The map that an export writes, against numpy's SVD and scikit-learn's PCA."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from export.build.vectors import DTYPES, write_embeddings
from export.build.write_map import check_method, project, to_points, write_map
from handler.errors import OptionError
from handler.scores import Embeddings

F32 = NDArray[np.float32]
DIM = 24


def unit(rows: NDArray[np.floating[Any]]) -> F32:
    scaled: F32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def vectors(count: int, seed: int = 0, dim: int = DIM) -> F32:
    """Rows of length 1 whose variance differs between directions, far from the origin."""
    random = np.random.default_rng(seed)
    spread = random.standard_normal((count, dim)) * np.geomspace(1, 0.05, dim)
    rows = spread @ np.linalg.qr(random.standard_normal((dim, dim)))[0] + random.standard_normal(dim)
    return unit(rows)


def stored(folder: Path, rows: F32, dtype: str = "float32") -> Embeddings:
    write_embeddings(folder / "embeddings.safetensors", [rows], len(rows), rows.shape[1], dtype)
    return Embeddings.load(folder, len(rows), rows.shape[1])


def cut(folder: Path, lengths: list[int]) -> NDArray[np.int64]:
    """Writes passages of so many rows for each document; returns the first rows."""
    first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    spans = np.tile(np.array([0, 1], np.int32), (int(first[-1]), 1))
    save_file({"first": first, "spans": spans}, folder / "passages.safetensors")
    return first


def read_points(folder: Path) -> NDArray[np.uint16]:
    tensors = load_file(folder / "map.safetensors")
    assert list(tensors) == ["points"]
    assert tensors["points"].dtype == np.uint16
    points: NDArray[np.uint16] = tensors["points"]
    return points


def check_projection(
    places: NDArray[np.float64], explained: list[float], rows: NDArray[np.floating[Any]]
) -> None:
    """Compares with the SVD and with scikit-learn; either may give an axis the other sign."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    left, singular, right = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(right[np.arange(2), np.abs(right[:2]).argmax(1)])
    np.testing.assert_allclose(places, left[:, :2] * singular[:2] * signs, atol=1e-9)
    oracle = PCA(2, svd_solver="full").fit(rows.astype(np.float64))
    np.testing.assert_allclose(np.abs(places), np.abs(oracle.transform(rows.astype(np.float64))), atol=1e-9)
    np.testing.assert_allclose(explained, oracle.explained_variance_ratio_, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [3, 500, 9000])
def test_places_are_the_principal_components(tmp_path: Path, dtype: str, count: int) -> None:
    embeddings = stored(tmp_path, vectors(count), dtype)
    places, explained = project(embeddings)
    check_projection(places, explained, embeddings.values(0, count))


def test_a_document_of_passages_has_their_mean(tmp_path: Path) -> None:
    lengths = [1, 3, 9000, 2, *[1, 2, 5] * 1200]
    rows = vectors(sum(lengths))
    first = cut(tmp_path, lengths)
    places, explained = project(stored(tmp_path, rows), first)
    means = [rows[start:end].mean(axis=0, dtype=np.float64) for start, end in itertools.pairwise(first)]
    check_projection(places, explained, np.array(means))
    fields = write_map(tmp_path, stored(tmp_path, rows), "pca")
    assert fields == {"method": "pca", "explained": explained}
    np.testing.assert_array_equal(read_points(tmp_path), to_points(places))


def test_the_same_embeddings_give_the_same_bytes(tmp_path: Path) -> None:
    embeddings = stored(tmp_path, vectors(9000), "int8")
    before = [write_map(tmp_path, embeddings, "pca"), (tmp_path / "map.safetensors").read_bytes()]
    assert [write_map(tmp_path, embeddings, "pca"), (tmp_path / "map.safetensors").read_bytes()] == before
    # Rows in another order, or turned around: the places are the same, to a step of the picture.
    order = np.random.default_rng(1).permutation(9000)
    points = read_points(tmp_path).astype(int)
    write_map(tmp_path, stored(tmp_path, vectors(9000)[order], "int8"), "pca")
    assert np.abs(read_points(tmp_path) - points[order]).max() <= 1


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_change_nothing(tmp_path: Path, threads: int) -> None:
    embeddings = stored(tmp_path, vectors(9000, dim=200), "int8")
    write_map(tmp_path, embeddings, "pca")
    points = read_points(tmp_path)
    with threadpool_limits(threads):
        write_map(tmp_path, embeddings, "pca")
    np.testing.assert_array_equal(read_points(tmp_path), points)


def test_none_removes_a_map(tmp_path: Path) -> None:
    embeddings = stored(tmp_path, vectors(20))
    write_map(tmp_path, embeddings, "pca")
    assert write_map(tmp_path, embeddings, "none") is None
    assert not (tmp_path / "map.safetensors").exists()


@pytest.mark.parametrize(
    ("rows", "explained"),
    [
        (vectors(1), [0.0, 0.0]),
        (np.repeat(vectors(1), 50, axis=0), [0.0, 0.0]),
        (np.array([[1.0], [-1.0], [1.0]], np.float32), [1.0, 0.0]),
        (np.concatenate([np.repeat(vectors(1), 300, axis=0), -vectors(1)]), [1.0, 0.0]),
    ],
    ids=["one document", "equal documents", "one dimension", "all equal but one"],
)
def test_corpora_without_a_plane(tmp_path: Path, rows: F32, explained: list[float]) -> None:
    fields = write_map(tmp_path, stored(tmp_path, rows), "pca")
    assert fields is not None
    np.testing.assert_allclose(fields["explained"], explained, atol=1e-4)
    points = read_points(tmp_path)
    assert points.shape == (len(rows), 2)
    # Equal documents have one place, and others have others.
    assert len(np.unique(points, axis=0)) == len(np.unique(rows, axis=0))
    assert np.abs(points[:, 1].astype(int) - 32768).max() < 400


def test_scale_keeps_the_form_and_the_order() -> None:
    random = np.random.default_rng(0)
    places = random.standard_normal((5000, 2)) * [3, 1] + [50, -7]
    points = to_points(places).astype(float)
    inside = (np.abs(places - np.median(places, axis=0)) < [5, 1.8]).all(axis=1)
    ratios = np.ptp(points[inside], axis=0) / np.ptp(places[inside], axis=0)
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-3)
    for axis in (0, 1):
        assert (np.diff(points[np.argsort(places[:, axis], kind="stable"), axis]) >= 0).all()


@pytest.mark.parametrize("distance", [30.0, 1e4, 1e30])
def test_outliers_make_no_blob(distance: float) -> None:
    places = np.random.default_rng(0).standard_normal((5000, 2))
    plain = to_points(places)
    places[:20] *= distance
    points = to_points(places)
    spread = np.ptp(np.quantile(points, [0.05, 0.95], axis=0), axis=0)
    assert (spread > 0.8 * np.ptp(np.quantile(plain, [0.05, 0.95], axis=0), axis=0)).all()
    assert points.min() >= 0


def test_all_of_the_square_is_used() -> None:
    places = np.random.default_rng(0).uniform(-1, 1, (5000, 2))
    points = to_points(places)
    assert np.ptp(points, axis=0).min() > 0.89 * 65535


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(OptionError, match="--map is 'tsne': choose one of pca, umap, none"):
        check_method("tsne")


def test_umap_is_refused_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(OptionError, match=r'--map umap needs umap-learn.*pip install "seeklet\[umap\]"'):
        check_method("umap")
    check_method("pca")


@pytest.mark.filterwarnings("default")  # of UMAP's own packages
def test_umap_keeps_groups_apart_and_is_repeatable(tmp_path: Path) -> None:
    pytest.importorskip("umap")
    groups = vectors(4, dim=16)
    rows = unit(np.repeat(groups, 40, axis=0) + 0.05 * vectors(160, seed=1, dim=16))
    embeddings = stored(tmp_path, rows)
    assert write_map(tmp_path, embeddings, "umap") == {"method": "umap"}
    points = read_points(tmp_path)
    write_map(tmp_path, embeddings, "umap")
    np.testing.assert_array_equal(read_points(tmp_path), points)
    distances = np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(axis=1) // 40 == np.arange(160) // 40).all()


@pytest.mark.filterwarnings("default")
def test_few_documents_are_placed_by_pca(tmp_path: Path) -> None:
    pytest.importorskip("umap")
    embeddings = stored(tmp_path, vectors(15))
    fields = write_map(tmp_path, embeddings, "umap")
    assert fields is not None
    assert fields["method"] == "pca"
