"""The search engines that benchmarks.search compares, ours first. All have the same float32 rows.

An engine whose library isn't installed, or whose graph isn't built, is left out with a message.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import graphs
from benchmarks.artifacts import open_index

F32 = NDArray[np.float32]
Ids = NDArray[np.int64]
Search = Callable[[F32], Ids]

OURS, NUMPY, FLAT = "seeklet", "numpy", "FAISS flat"
USEARCH, HNSWLIB, FAISS_HNSW = "usearch exact", "hnswlib", "FAISS HNSW"
PACKAGES = {"faiss": "faiss-cpu", "usearch": "usearch", "hnswlib": "hnswlib"}
# The share of the exact answer that a graph must find. Its effort is the least that reaches this.
RECALL = 0.98
EFFORTS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 1280, 2560)
# A graph of up to this many rows is built when it is needed, a larger one only by `python -m benchmarks.graphs`.
BUILT_WHEN_NEEDED = 100_000


@dataclass(frozen=True, slots=True)
class Engine:
    """A search engine: search((1, dim) float32) -> (1, k) ids. `effort` is a graph's ef."""

    name: str
    search: Search
    effort: int | None = None


@dataclass(frozen=True, slots=True)
class Corpus:
    """The rows to search, which are the first of an artifact, and the folder of their scan."""

    artifact: Path
    rows: F32
    scan: Path
    k: int
    threads: int


def make_engines(corpus: Corpus, queries: F32) -> Iterator[Engine]:
    """Yields every installed engine; `queries` (q, dim) serve to find each graph's effort."""
    index = open_index(corpus.rows, corpus.scan, corpus.threads)

    def ours(query: F32) -> Ids:
        return index.search(query, corpus.k).ids

    def plain(query: F32) -> Ids:
        scores = corpus.rows @ query[0]
        best = np.argpartition(-scores, corpus.k)[: corpus.k]
        return best[np.argsort(-scores[best], kind="stable")][None]

    yield Engine(OURS, ours)
    yield Engine(NUMPY, plain)
    truth = np.concatenate([ours(query[None]) for query in queries])
    if _installed("faiss"):
        yield from _faiss(corpus, queries, truth)
    if _installed("usearch"):
        yield Engine(USEARCH, _usearch(corpus))
    if _installed("hnswlib"):
        yield from _hnswlib(corpus, queries, truth)


def recall(search: Search, queries: F32, truth: Ids) -> float:
    """Returns the share of the ids in `truth`, (q, k), that a search finds."""
    found = [
        len(np.intersect1d(search(query[None])[0], ids)) for query, ids in zip(queries, truth, strict=True)
    ]
    return sum(found) / truth.size


def _installed(module: str) -> bool:
    if importlib.util.find_spec(module) is None:
        print(f"{module} is not installed and left out: pip install {PACKAGES[module]}", file=sys.stderr)
        return False
    return True


def _usearch(corpus: Corpus) -> Search:
    from usearch.index import MetricKind, search

    def exact(query: F32) -> Ids:
        found = search(corpus.rows, query, corpus.k, MetricKind.IP, exact=True, threads=corpus.threads)
        ids: Ids = found.keys.reshape(1, -1)
        return ids

    return exact


def _faiss(corpus: Corpus, queries: F32, truth: Ids) -> Iterator[Engine]:
    import faiss

    faiss.omp_set_num_threads(corpus.threads)
    flat = faiss.IndexFlatIP(corpus.rows.shape[1])
    flat.add(corpus.rows)
    yield Engine(FLAT, lambda query: flat.search(query, corpus.k)[1])
    path = graphs.faiss_file(corpus.artifact, len(corpus.rows))
    if _can_be_used(FAISS_HNSW, corpus, path):
        graph = graphs.load_faiss(path) if path.exists() else graphs.build_faiss(corpus.rows, path)

        def set_effort(effort: int) -> None:
            graph.hnsw.efSearch = effort

        yield _tuned(FAISS_HNSW, lambda query: graph.search(query, corpus.k)[1], set_effort, queries, truth)


def _hnswlib(corpus: Corpus, queries: F32, truth: Ids) -> Iterator[Engine]:
    path = graphs.hnswlib_file(corpus.artifact, len(corpus.rows))
    if _can_be_used(HNSWLIB, corpus, path):
        graph = (
            graphs.load_hnswlib(corpus.rows, path)
            if path.exists()
            else graphs.build_hnswlib(corpus.rows, path)
        )
        graph.set_num_threads(corpus.threads)

        def search(query: F32) -> Ids:
            ids: Ids = graph.knn_query(query, corpus.k)[0].astype(np.int64)
            return ids

        yield _tuned(HNSWLIB, search, graph.set_ef, queries, truth)


def _can_be_used(name: str, corpus: Corpus, path: Path) -> bool:
    if len(corpus.rows) <= BUILT_WHEN_NEEDED or path.exists():
        return True
    print(
        f"{name} at {len(corpus.rows):,} rows left out, its graph isn't built: make bench-graphs",
        file=sys.stderr,
    )
    return False


def _tuned(name: str, search: Search, set_effort: Callable[[int], None], queries: F32, truth: Ids) -> Engine:
    """Sets a graph's effort to the least one at which it finds RECALL of the truth, or else to the greatest."""
    for effort in EFFORTS:
        set_effort(effort)
        if recall(search, queries, truth) >= RECALL:
            break
    return Engine(name, search, effort)
