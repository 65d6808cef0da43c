"""Exact top k: the ids and the order of a full product and a stable sort, for far less work.

The int8 scan (bound.py) bounds every row's score from above. The exact scores of a few candidates give a
threshold, and only the rows whose bound reaches it, the survivors, are scored. Where that can't pay (a small
corpus, a large k, embeddings that the bound can't tell apart) every row is scored.
It encodes no text and knows no documents: ids are rows of the embeddings. docs/exact-search.md has a picture.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Artifact
from handler.bound import PADDING, Bound, Scan
from handler.scores import Embeddings
from handler.threads import thread_pool

# A survivor, which is picked out, costs as much as this many rows that are scored in passing.
SURVIVOR_COST = 8
# Many more blocks than hits: otherwise the k best rows share blocks, and the threshold falls.
BLOCKS_PER_HIT = 8
# With fewer rows to a block than this, the blocks' maxima no longer save work.
LEAST_HEIGHT = 4
# Among so few sums it is faster to compare every one than to look at the blocks first.
FEW_SUMS = 50_000
# Queries are worked together until their sums or scores fill this many bytes.
BATCH_BYTES = 64 << 20


class Found(NamedTuple):
    """Best first, equal scores by lower id."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]


class Index:
    """The corpus, ready to be searched. Safe to share between threads."""

    def __init__(
        self,
        embeddings: Embeddings,
        scan: Scan | None = None,
        threads: int = 1,
        *,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """Searches embeddings; without a scan every row is scored each time."""
        self._embeddings = embeddings
        self._scan = scan
        self._pool = thread_pool(threads, "seeklet-score")
        self._batch_bytes = batch_bytes

    @classmethod
    def open(cls, artifact: Artifact, threads: int = 1) -> Index:
        """Reads the artifact's scan, and maps its embeddings.

        Raises ArtifactError where files are missing or damaged, or disagree with the manifest.
        """
        directory, manifest = artifact.directory, artifact.manifest
        embeddings = Embeddings.load(directory, manifest.count, manifest.dim)
        scan = None
        if artifact.has_scan:
            scan = Scan.load(directory, manifest.count, manifest.dim, threads, manifest.scan_crc32)
        return cls(embeddings, scan, threads)

    def search(self, queries: NDArray[np.float32], k: int) -> Found:
        """Finds each query's k best rows. (q, dim) float32 -> ids (q, min(k, n)) int64, scores (q, min(k, n)) float32.

        A score is the inner product: the cosine, where both sides are normalised. A NaN comes last.
        """
        count = self._embeddings.count
        k = max(0, min(k, count))
        ids, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        if not k:
            return Found(ids, scores)
        queries = np.ascontiguousarray(queries, np.float32)
        step = max(1, self._batch_bytes // (4 * count))
        for start in range(0, len(queries), step):
            for i, found in enumerate(self._search(queries[start : start + step], k), start):
                ids[i], scores[i] = found
        return Found(ids, scores)

    def _search(self, queries: NDArray[np.float32], k: int) -> list[Found]:
        found = self._search_by_scan(queries, k)
        left = [i for i, one in enumerate(found) if one is None]
        if left:
            every = self._embeddings.all_scores(queries[left], self._pool)
            for i, scores in zip(left, every, strict=True):
                found[i] = _best_of_all(scores, k)
        return [one for one in found if one]

    def _search_by_scan(self, queries: NDArray[np.float32], k: int) -> list[Found | None]:
        """Searches with the scan; None for each query that needs every row's score."""
        found: list[Found | None] = [None] * len(queries)
        height = min(PADDING, self._embeddings.count // (BLOCKS_PER_HIT * k))
        if self._scan is None or height < LEAST_HEIGHT:
            return found
        codes = np.empty((len(queries), self._scan.columns), np.uint8)
        bounds: list[tuple[int, Bound]] = []
        for i, query in enumerate(queries):
            if bound := self._scan.encode(query, codes[len(bounds)]):
                bounds.append((i, bound))
        if bounds:
            sums = self._scan.sums(codes[: len(bounds)])
            # The largest power of two up to height: it divides the padded rows.
            blocks = sums.reshape(len(bounds), 1 << (height.bit_length() - 1), -1)
            candidates = k * self._scan.candidates_per_hit
            for (i, bound), block_sums in zip(bounds, blocks, strict=True):
                found[i] = self._search_blocks(queries[i], k, candidates, bound, block_sums)
        return found

    def _search_blocks(
        self, query: NDArray[np.float32], k: int, candidates: int, bound: Bound, sums: NDArray[np.int32]
    ) -> Found | None:
        """Searches by one query's sums, (height, blocks) int32; None where too many rows survive.

        Row h * blocks + b lies in block b, so that a maximum over a block runs along the memory:

            block       0      1      2   ...
            h = 0    row 0  row 1  row 2  ...
            h = 1    row B  row B+1  ...           B = number of blocks
        """
        highest = np.maximum.reduce(sums)
        threshold = self._threshold(query, k, candidates, sums, highest)
        if not math.isfinite(threshold):
            return None
        # score <= unit * sum + slack: a row whose sum is less than this can't reach the threshold.
        least = math.ceil((threshold - bound.slack) / bound.unit)
        survivors = _at_least(least, sums, highest)
        # Fewer than k survive only where the scan is damaged: the k rows that gave the threshold reach it.
        if len(survivors) < k or len(survivors) * SURVIVOR_COST > self._embeddings.count:
            return None
        return _best(survivors, self._embeddings.scores(survivors, query), k)

    def _threshold(
        self,
        query: NDArray[np.float32],
        k: int,
        candidates: int,
        sums: NDArray[np.int32],
        highest: NDArray[np.int32],
    ) -> float:
        """The k-th best exact score among the candidates: the best row of each of the highest blocks.

        The k best rows of the corpus score at least as much.
        """
        blocks = sums.shape[1]
        first = highest.argpartition(blocks - candidates)[blocks - candidates :]
        rows = sums.take(first, 1).argmax(0) * blocks + first
        scores = self._embeddings.scores(rows, query)
        scores.partition(candidates - k)
        return float(scores[candidates - k])


def _at_least(least: int, sums: NDArray[np.int32], highest: NDArray[np.int32]) -> NDArray[np.int64]:
    """Finds the rows whose sum reaches least, in ascending order."""
    blocks = sums.shape[1]
    if sums.size > FEW_SUMS:
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
    """Orders ascending ids by their scores, best first; the stable sort leaves ties by lower id."""
    order = (-scores).argsort(kind="stable")[:k]
    return Found(ids[order], scores[order])
