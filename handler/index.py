"""Exact top-k: the ids and the order of a full product and a stable sort, for far less work.

An int8 scan (scan.py) bounds every row's score from above; the best rows' exact scores give a
threshold; only rows whose bound reaches it are scored. Where that can't pay (a small corpus, a
large k, embeddings that the bound can't tell apart) every row is scored.
Does not encode text and does not know documents: ids are positions in the embeddings.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handler.bound import PADDING, Bound, Scan
from handler.scores import Embeddings
from handler.threads import thread_pool

# A row that is picked out costs as much as this many that are scored in passing.
_PICKED_COST = 8
# Fewer rows to a block than this, and the blocks' maxima no longer save work.
_LEAST_HEIGHT = 4
# So few sums are compared one by one sooner than block by block.
_FEW_ROWS = 50_000
# Queries are worked together until their sums or scores fill this many bytes.
_BATCH_BYTES = 64 << 20


class Found(NamedTuple):
    """Best first, equal scores by lower id."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class Index:
    """The corpus, ready to be searched. Safe to share between threads."""

    def __init__(self, embeddings: Embeddings, scan: Scan | None = None, threads: int = 1) -> None:
        """Search embeddings; without a scan every row is scored each time."""
        self._embeddings = embeddings
        self._scan = scan
        self._pool = thread_pool(threads, "seeklet-score")

    @classmethod
    def load(cls, directory: Path, count: int, dim: int, threads: int = 1) -> Index:
        """Open an artifact's index; count and dim are what its manifest says.

        Reads the scan's matrix and maps the embeddings. Raises ArtifactError when files are
        missing, truncated, or disagree with count and dim.
        """
        embeddings = Embeddings.load(directory, count, dim)
        scan = Scan(directory, count, dim, threads) if Scan.exists(directory) else None
        return cls(embeddings, scan, threads)

    def search(self, queries: NDArray[np.float32], k: int) -> Found:
        """Find each query's k best rows. (q, dim) float32 -> ids (q, min(k, n)) int64, scores (q, min(k, n)) float32.

        A score is the inner product: the cosine, where both sides are normalised. A NaN comes last.
        """
        count = self._embeddings.count
        k = max(0, min(k, count))
        ids, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        if not k:
            return Found(ids, scores)
        queries = np.ascontiguousarray(queries, np.float32)
        step = max(1, _BATCH_BYTES // (4 * count))
        for start in range(0, len(queries), step):
            for i, found in enumerate(self._search(queries[start : start + step], k), start):
                ids[i], scores[i] = found
        return Found(ids, scores)

    def _search(self, queries: NDArray[np.float32], k: int) -> list[Found]:
        found: list[Found | None] = [None] * len(queries)
        # Many more blocks than k, or the k best rows share blocks and the threshold falls.
        height = min(PADDING, self._embeddings.count // (8 * k))
        if self._scan is not None and height >= _LEAST_HEIGHT:
            codes = np.empty((len(queries), self._scan.columns), np.uint8)
            bounds: list[tuple[int, Bound]] = []
            for i, query in enumerate(queries):
                if bound := self._scan.encode(query, codes[len(bounds)]):
                    bounds.append((i, bound))
            if bounds:
                blocks = self._scan.sums(codes[: len(bounds)])
                blocks = blocks.reshape(len(bounds), 1 << (height.bit_length() - 1), -1)
                for (i, bound), sums in zip(bounds, blocks, strict=True):
                    found[i] = self._search_bounded(queries[i], k, k * self._scan.tries, bound, sums)
        left = [i for i, one in enumerate(found) if one is None]
        if left:
            every = self._embeddings.all_scores(queries[left], self._pool)
            for i, scores in zip(left, every, strict=True):
                found[i] = _best_of_all(scores, k)
        return [one for one in found if one]

    def _search_bounded(
        self, query: NDArray[np.float32], k: int, tries: int, bound: Bound, sums: NDArray[np.int32]
    ) -> Found | None:
        """Search with the scan's sums as (height, blocks), or give up where too many rows could win.

        Row h * blocks + b lies in block b, so that a maximum over blocks runs along the memory.
        """
        blocks = sums.shape[1]
        highest = np.maximum.reduce(sums)
        first = highest.argpartition(blocks - tries)[blocks - tries :]
        candidates = sums.take(first, 1).argmax(0) * blocks + first
        scores = self._embeddings.scores(candidates, query)
        scores.partition(tries - k)
        threshold = float(scores[tries - k])
        least = math.ceil((threshold - bound.slack) / bound.unit)
        ids = _at_least(least, sums, highest)
        if len(ids) * _PICKED_COST > self._embeddings.count:
            return None
        return _best(ids, self._embeddings.scores(ids, query), k)


def _at_least(least: int, sums: NDArray[np.int32], highest: NDArray[np.int32]) -> NDArray[np.int64]:
    """Find the rows whose sum reaches least, in ascending order."""
    blocks = sums.shape[1]
    if sums.size > _FEW_ROWS:
        alive = (highest >= least).nonzero()[0]
        if 2 * len(alive) < blocks:
            places = (sums.take(alive, 1) >= least).ravel().nonzero()[0]
            ids: NDArray[np.int64] = places // len(alive) * blocks + alive[places % len(alive)]
            return ids
    return (sums.ravel() >= least).nonzero()[0]


def _best_of_all(scores: NDArray[np.float32], k: int) -> Found:
    # Negated, so that numpy's own order puts a NaN last.
    worst = np.partition(-scores, k - 1)[k - 1]
    ids = (~(-scores > worst)).nonzero()[0]
    return _best(ids, scores[ids], k)


def _best(ids: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Found:
    """Order ascending ids by their scores, best first; the stable sort leaves ties by lower id."""
    order = (-scores).argsort(kind="stable")[:k]
    return Found(ids[order], scores[order])
