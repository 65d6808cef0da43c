"""Exact top k: the same ids in the same order as scoring every row and a stable sort give, for far less work.

A score is a cosine, or a cosine and a keyword part (blend.py). The int8 scan (bound.py) and the keywords bound every
row's score from above. The exact scores of a few candidates give a threshold. Only the rows whose bound reaches it, the
survivors, are scored. Every row is scored where the scan can't save work: for a small corpus, a large k, or embeddings
whose bounds are too much alike.
This module encodes no text and knows no documents: ids are rows of the embeddings. docs/exact-search.md has a picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Artifact
from handler.blend import Blend, Scored
from handler.bound import PADDING, Bound, Scan
from handler.postings import KeywordQuery
from handler.scores import Embeddings
from handler.threads import thread_pool

# To pick out and score one survivor costs as much as to score this many rows one after another.
SURVIVOR_COST = 8
# With fewer blocks for each hit, the k best rows would share blocks, and the threshold would fall.
BLOCKS_PER_HIT = 8
# With fewer rows in a block than this, the blocks' maxima save no work.
LEAST_HEIGHT = 4
# Up to this many sums, it is faster to compare every sum than to look at the blocks first.
FEW_SUMS = 50_000
# Queries are searched together as long as their sums or scores fit in this many bytes.
BATCH_BYTES = 64 << 20


class Found(NamedTuple):
    """The best rows and their scores, best first, equal scores by lower id."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    # The parts of the scores. cosines is None where none were computed, keywords where the search had none.
    cosines: NDArray[np.float32] | None = None
    keywords: NDArray[np.float32] | None = None


class _Best(NamedTuple):
    """One query's best rows, (k,) each."""

    ids: NDArray[np.int64]
    scored: Scored


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
        """Takes the embeddings and their scan. Without a scan, every search scores every row."""
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
        embeddings = Embeddings.load(directory, manifest.rows, manifest.dim)
        scan = None
        if artifact.has_scan:
            scan = Scan.load(directory, manifest.rows, manifest.dim, threads, manifest.scan_crc32)
        return cls(embeddings, scan, threads)

    @property
    def embeddings(self) -> Embeddings:
        """The stored embeddings."""
        return self._embeddings

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        keywords: Sequence[KeywordQuery | None] | None = None,
        share: float = 0.0,
        rows: NDArray[np.int64] | None = None,
    ) -> Found:
        """Finds each query's k best rows. (q, dim) float32 -> ids (q, min(k, n)) int64, scores (q, min(k, n)) float32.

        A score is the inner product, which is the cosine where both sides are normalised. With keywords, one for each
        query, it is (1 - share) * cosine + share * keyword part; a query whose keywords are None has the cosine alone.
        A NaN comes last.
        """
        count = self._embeddings.count if rows is None else len(rows)
        k = max(0, min(k, count))
        ids, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        cosines = scores if keywords is None else np.empty_like(scores)
        parts = None if keywords is None else np.zeros_like(scores)
        found = Found(ids, scores, cosines, parts)
        if not k:
            return found
        queries = np.ascontiguousarray(queries, np.float32)
        asked = keywords or [None] * len(queries)
        blends = [Blend(self._embeddings, *both, share) for both in zip(queries, asked, strict=True)]
        if rows is not None:
            for i, blend in enumerate(blends):
                scored = blend.scores(rows)
                best = top(scored.scores, k)
                ids[i], (scores[i], cosines[i], part) = rows[best], scored.take(best)
                if parts is not None and part is not None:
                    parts[i] = part
            return found
        step = max(1, self._batch_bytes // (4 * count))
        for start in range(0, len(queries), step):
            for i, (best, scored) in enumerate(self._search(blends[start : start + step], k), start):
                ids[i], scores[i], cosines[i] = best, scored.scores, scored.cosines
                if parts is not None and scored.keywords is not None:
                    parts[i] = scored.keywords
        return found

    def all_scores(
        self, query: NDArray[np.float32], keywords: KeywordQuery | None = None, share: float = 0.0
    ) -> Scored:
        """Scores every row, with the same bits as `search`. (dim,) float32 -> (n,)."""
        cosines = self._embeddings.all_scores(query[None], self._pool)[0]
        return Blend(self._embeddings, query, keywords, share).all_scores(cosines)

    def search_keywords(self, keywords: KeywordQuery, k: int, rows: NDArray[np.int64] | None = None) -> Found:
        """Finds the best of the rows that hold a term, by their keyword part. -> ids and scores, (1, min(k, holders))."""
        every = keywords.all_scores()
        ids = top(every if rows is None else every[rows], max(0, k))
        ids = ids if rows is None else rows[ids]
        ids = ids[every[ids] > 0]
        scores = every[ids][None]
        return Found(ids[None], scores, None, scores)

    def _search(self, blends: Sequence[Blend], k: int) -> list[_Best]:
        found = self._search_by_scan(blends, k)
        unanswered = [i for i, one in enumerate(found) if one is None]
        if unanswered:
            queries = np.stack([blends[i].query for i in unanswered])
            every = self._embeddings.all_scores(queries, self._pool)
            for i, cosines in zip(unanswered, every, strict=True):
                scored = blends[i].all_scores(cosines)
                best = top(scored.scores, k)
                found[i] = _Best(best, scored.take(best))
        return [one for one in found if one]

    def _search_by_scan(self, blends: Sequence[Blend], k: int) -> list[_Best | None]:
        """Searches by keywords alone, or with the scan; returns None for each query that needs every row's cosine."""
        found = [self._search_alone(blend, k) for blend in blends]
        height = min(PADDING, self._embeddings.count // (BLOCKS_PER_HIT * k))
        if self._scan is None or height < LEAST_HEIGHT:
            return found
        codes = np.empty((len(blends), self._scan.columns), np.uint8)
        bounds: list[tuple[int, Bound]] = []
        for i, blend in enumerate(blends):
            if found[i] is None and (bound := self._scan.encode(blend.query, codes[len(bounds)])):
                bounds.append((i, bound))
        if bounds:
            sums = self._scan.sums(codes[: len(bounds)])
            # The largest power of two up to height: it divides the padded rows.
            blocks = sums.reshape(len(bounds), 1 << (height.bit_length() - 1), -1)
            candidates = k * self._scan.candidates_per_hit
            for (i, bound), row_sums, block_sums in zip(bounds, sums, blocks, strict=True):
                if blends[i].raise_sums(bound, row_sums):
                    found[i] = self._search_blocks(blends[i], k, candidates, bound, block_sums)
        return found

    def _search_alone(self, blend: Blend, k: int) -> _Best | None:
        """Searches where the keywords have the whole score; returns None elsewhere."""
        if blend.alone is None:
            return None
        every = blend.alone.all_scores()
        ids = top(every, k)
        return _Best(ids, Scored(every[ids], self._embeddings.scores(ids, blend.query), every[ids]))

    def _search_blocks(
        self, blend: Blend, k: int, candidates: int, bound: Bound, sums: NDArray[np.int32]
    ) -> _Best | None:
        """Searches by one query's sums, (height, blocks) int32; returns None where too many rows survive.

        Row h * blocks + b lies in block b, so that a maximum over a block runs along the memory:

            block       0      1      2   ...
            h = 0    row 0  row 1  row 2  ...
            h = 1    row B  row B+1  ...           B = number of blocks
        """
        highest = np.maximum.reduce(sums)
        threshold = _threshold(blend, k, candidates, bound, sums, highest)
        if not math.isfinite(threshold):
            return None
        # A row whose sum is less than this can't reach the threshold.
        survivors = _at_least(blend.least_sum(bound, threshold), sums, highest)
        # Fewer than k survive only where the scan is damaged: the k rows that gave the threshold reach it.
        if len(survivors) < k or len(survivors) * SURVIVOR_COST > self._embeddings.count:
            return None
        scored = blend.scores(survivors)
        # In ascending order, so the stable sort leaves ties by lower id.
        order = (-scored.scores).argsort(kind="stable")[:k]
        return _Best(survivors[order], scored.take(order))


def _threshold(
    blend: Blend,
    k: int,
    candidates: int,
    bound: Bound,
    sums: NDArray[np.int32],
    highest: NDArray[np.int32],
) -> float:
    """Returns a number that the k best of the candidates reach; these are the best rows of the highest blocks.

    Each of the k best rows of the corpus scores at least as much.
    """
    blocks = sums.shape[1]
    first = highest.argpartition(blocks - candidates)[blocks - candidates :]
    rows = sums.take(first, 1).argmax(0) * blocks + first
    estimates = blend.estimate(rows, bound, sums.ravel())
    estimates.partition(candidates - k)
    return blend.reached(float(estimates[candidates - k]), bound)


def _at_least(least: int, sums: NDArray[np.int32], highest: NDArray[np.int32]) -> NDArray[np.int64]:
    """Finds the rows whose sum reaches least, in ascending order."""
    blocks = sums.shape[1]
    if sums.size > FEW_SUMS:
        alive = (highest >= least).nonzero()[0]
        if 2 * len(alive) < blocks:
            # Only these blocks can hold such a row. places are in (height, alive), rows in (height, blocks).
            places = (sums.take(alive, 1) >= least).ravel().nonzero()[0]
            h, column = np.divmod(places, len(alive))
            ids: NDArray[np.int64] = h * blocks + alive[column]
            return ids
    return (sums.ravel() >= least).nonzero()[0]


def top(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Finds the k best of all scores, (n,): best first, equal ones by lower id, NaN last. -> (min(k, n),) int64."""
    k = min(k, len(scores))
    if k < 1:
        return np.empty(0, np.int64)
    # Negated, so that numpy's own order puts a NaN last.
    negated = -scores
    worst = np.partition(negated, k - 1)[k - 1]
    ids = np.arange(len(negated)) if np.isnan(worst) else (negated <= worst).nonzero()[0]
    if len(ids) > 2 * k and not np.isnan(worst):
        # Of thousands that tie for the last place, the first ones are enough.
        better = ids[negated[ids] < worst]
        ids = np.union1d(better, ids[: k + len(better)])
    best: NDArray[np.int64] = ids[negated[ids].argsort(kind="stable")[:k]]
    return best
