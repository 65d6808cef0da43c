"""Writes map.safetensors: a place in a plane for each document, so that near documents have near places.

The places are a projection of the documents' vectors: by PCA, or by UMAP where it is asked for. A document that is cut
into passages has the mean of its passages' vectors. This module reads the embeddings in chunks, and does not change
them. handler/maps.py reads what it writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.build.vectors import write_header
from handler.artifact import MAP_FILE, PASSAGES_FILE
from handler.errors import OptionError
from handler.passages import Passages
from handler.scores import Embeddings

# Raise it with every change that gives other bytes for the same embeddings.
MAP_VERSION = 1
METHODS = ("pca", "umap", "none")
DEFAULT_METHOD = "pca"

LARGEST = 65535
# This share of the documents is drawn to scale, on each axis; those farther out are drawn nearer than they are.
CORE = 0.98
# The part of an axis that the core gets.
CORE_WIDTH = 0.9
# UMAP's own default. It can't place fewer documents than that.
_NEIGHBOURS = 15
_CHUNK = 8192


def check_method(method: str) -> None:
    """Raises OptionError where the map can't be drawn by this method, before any work is done."""
    if method not in METHODS:
        raise OptionError(f"--map is {method!r:.40}: choose one of {', '.join(METHODS)}")
    if method == "umap" and find_spec("umap") is None:
        raise OptionError(
            '--map umap needs umap-learn, not installed here: pip install "seeklet[umap]", or use --map pca'
        )


def write_map(directory: Path, embeddings: Embeddings, method: str) -> dict[str, Any] | None:
    """Writes the map of the documents in `directory`, whose rows are `embeddings`; none for the method "none".

    The same embeddings give the same bytes on the same machine. UMAP holds all documents' vectors in memory.

    Returns:
        The manifest's field `map`: the method, and for "pca" which shares of the variance the two axes have.
    """
    (directory / MAP_FILE).unlink(missing_ok=True)
    if method == "none":
        return None
    first = Passages.load(directory).first if (directory / PASSAGES_FILE).exists() else None
    count = embeddings.count if first is None else len(first) - 1
    if method == "umap" and count > _NEIGHBOURS:
        fields: dict[str, Any] = {"method": "umap"}
        places = _umap(np.concatenate([part.astype(np.float32) for part in _documents(embeddings, first)]))
    else:
        places, explained = project(embeddings, first)
        fields = {"method": "pca", "explained": explained}
    points = to_points(places)
    with (directory / MAP_FILE).open("wb") as file:
        write_header(
            file, {"points": {"dtype": "U16", "shape": [count, 2], "data_offsets": [0, points.nbytes]}}
        )
        file.write(points.tobytes())
    return fields


def project(
    embeddings: Embeddings, first: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float64], list[float]]:
    """Projects documents on their two principal components.

    All is float64: what threads and processors change in a sum is then far below a step of the picture.

    Args:
        embeddings: the rows.
        first: each document's first row, and the end, (documents + 1,); None where each row is a document.

    Returns:
        The places, (documents, 2) float64, and each component's share of the variance, to 4 digits. A component's
        sign makes its largest entry positive. A component that there isn't is 0.
    """
    dim = embeddings.dim
    count, total, moment = 0, np.zeros(dim), np.zeros((dim, dim))
    origin: NDArray[np.float64] | None = None
    for vectors in _documents(embeddings, first):
        # Sums of values around 0 lose no digits to a mean that is far from it.
        origin = vectors.mean(axis=0) if origin is None else origin
        shifted = vectors - origin
        count += len(shifted)
        total += shifted.sum(axis=0)
        moment += shifted.T @ shifted
    assert origin is not None
    mean = total / count
    energy, components = np.linalg.eigh(moment / count - np.outer(mean, mean))
    energy, components = np.maximum(energy[::-1], 0), components[:, ::-1][:, :2]
    # eigh may return each vector with either sign.
    components = components * np.sign(
        components[np.abs(components).argmax(0), np.arange(components.shape[1])]
    )
    centre = origin + mean
    places = np.zeros((count, 2))
    start = 0
    for vectors in _documents(embeddings, first):
        places[start : start + len(vectors), : components.shape[1]] = (vectors - centre) @ components
        start += len(vectors)
    whole = energy.sum()
    shares = [round(float(value / whole), 4) if whole > 0 else 0.0 for value in energy[:2]]
    return places, [*shares, 0.0][:2]


def to_points(places: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Scales places to 0..65535, both axes by the same factor. (n, 2) float64 -> (n, 2) uint16.

    The core, which leaves out the outermost 1 % at either end of each axis, is drawn to scale and gets 90 % of the
    wider axis. What lies farther out is drawn nearer, in the order in which it lies: otherwise a few outliers would
    make one small blob of all others.
    """
    low, high = np.quantile(places, [(1 - CORE) / 2, (1 + CORE) / 2], axis=0)
    centre, half = (low + high) / 2, float((high - low).max()) / 2
    if not half > 0:
        # More than CORE of the documents have one place.
        half = float(np.abs(places - centre).max()) or 1.0
    scaled = (places - centre) / half
    beyond = np.maximum(np.abs(scaled) - 1, 0)
    # The same slope at the core's edge; the limit is the edge of the picture.
    margin = (1 - CORE_WIDTH) * beyond / (beyond + (1 - CORE_WIDTH) / CORE_WIDTH)
    drawn = np.clip(scaled, -1, 1) * CORE_WIDTH + np.sign(scaled) * margin
    points: NDArray[np.uint16] = np.rint((drawn + 1) / 2 * LARGEST).astype("<u2")
    return points


def _documents(embeddings: Embeddings, first: NDArray[np.int64] | None) -> Iterator[NDArray[np.float64]]:
    """Yields the documents' vectors in chunks, (m, dim) float64."""
    start, end = 0, embeddings.count if first is None else len(first) - 1
    while start < end:
        if first is None:
            stop = min(start + _CHUNK, end)
            yield embeddings.values(start, stop)
        else:
            # As many documents as have _CHUNK rows, and at least one.
            stop = max(int(first.searchsorted(first[start] + _CHUNK, "right")) - 1, start + 1)
            rows = embeddings.values(int(first[start]), int(first[stop]))
            sums: NDArray[np.float64] = np.add.reduceat(rows, first[start:stop] - first[start], axis=0)
            sums /= np.diff(first[start : stop + 1])[:, None]
            yield sums
        # Mapped pages count as this process's memory until they are released.
        embeddings.let_go()
        start = stop


def _umap(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Places documents by UMAP with a fixed seed. (n, dim) -> (n, 2) float64."""
    from umap import UMAP

    # With a seed it uses one thread anyway, and warns where that isn't said.
    reducer = UMAP(n_neighbors=_NEIGHBOURS, metric="cosine", random_state=0, n_jobs=1)
    places: NDArray[np.float64] = reducer.fit_transform(vectors).astype(np.float64)
    return places
