"""Exact top k: the same ids in the same order as scoring every row and a stable sort give, for far less work.

A score is a cosine, or a cosine and a keyword part (blend.py). The int8 scan (bound.py) and the keywords bound every
row's score from above. The exact scores of a few candidates give a threshold. Only the rows whose bound reaches it, the
survivors, are scored. Every row is scored where the scan can't save work: for a small corpus, a large k, or embeddings
whose bounds are too much alike.
This module encodes no text and knows no documents: ids are rows of the embeddings. docs/exact-search.md has a picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Artifact
from handler.blend import Blend, Scored
from handler.blocks import SURVIVOR_COST, Best, Sums, block_height, search_blocks
from handler.bound import Bound, Scan
from handler.light_typing import Any
from handler.named import NamedTuple
from handler.passing import Passing
from handler.postings import KeywordQuery
from handler.scores import Embeddings
from handler.threads import thread_pool
from handler.top import top, top_of

# To pick out and score one row costs as much as to scan this many.
ROW_COST = 64
# Queries are searched together as long as their sums or scores fit in this many bytes.
BATCH_BYTES = 64 << 20


class Found(NamedTuple):
    """The best rows and their scores, best first, equal scores by lower id."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    # The parts of the scores. cosines is None where none were computed, keywords where the search had none.
    cosines: NDArray[np.float32] | None = None
    keywords: NDArray[np.float32] | None = None


_NO_SCORES = np.empty(0, np.float32)
NOTHING = Best(np.empty(0, np.int64), Scored(_NO_SCORES, _NO_SCORES, None))


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
        passing: Passing | None = None,
    ) -> Found:
        """Finds each query's k best rows. (q, dim) float32 -> ids (q, min(k, n)) int64, scores (q, min(k, n)) float32.

        The arguments and the scores are those of `search_each`.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        best = self.search_each([*queries], k, keywords, share, passing)
        shape = len(queries), self._at_most(k, passing)

        def stack(rows: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
            return np.array(rows, dtype).reshape(shape)

        ids = stack([one.ids for one in best], np.int64)
        scores = stack([one.scored.scores for one in best], np.float32)
        if keywords is None:
            return Found(ids, scores, scores)
        without = np.zeros(shape[1], np.float32)
        parts = [without if one.scored.keywords is None else one.scored.keywords for one in best]
        cosines = [one.scored.cosines for one in best]
        return Found(ids, scores, stack(cosines, np.float32), stack(parts, np.float32))

    def search_each(
        self,
        queries: Sequence[NDArray[np.float32]],
        k: int,
        keywords: Sequence[KeywordQuery | None] | None = None,
        share: float = 0.0,
        passing: Passing | None = None,
    ) -> list[Best]:
        """Finds each query's k best rows, (min(k, n),) each.

        Args:
            queries: (dim,) float32 each, contiguous.
            k: how many rows.
            keywords: None, or the keywords of each query.
            share: the keywords' share of the score. A score is the inner product, which is the cosine where both sides
                are normalised. With keywords it is (1 - share) * cosine + share * keyword part. A query whose keywords
                are None has the cosine alone. A NaN comes last.
            passing: the rows that are searched, and n is their number; None for every row.
        """
        count, k = self._embeddings.count, self._at_most(k, passing)
        if not k:
            return [NOTHING] * len(queries)
        asked = keywords or [None] * len(queries)
        step = max(1, self._batch_bytes // (4 * count))
        found: list[Best] = []
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            # Made here: each keeps its sums of every row.
            blends = [
                Blend(self._embeddings, *both, share) for both in zip(queries[part], asked[part], strict=True)
            ]
            found += self._search(blends, k, passing)
        return found

    def _at_most(self, k: int, passing: Passing | None) -> int:
        """Returns how many rows a search for k of them finds."""
        return max(0, min(k, self._embeddings.count if passing is None else passing.count))

    def all_scores(
        self, query: NDArray[np.float32], keywords: KeywordQuery | None = None, share: float = 0.0
    ) -> Scored:
        """Scores every row, with the same bits as `search`. (dim,) float32 -> (n,)."""
        cosines = self._embeddings.all_scores(query[None], self._pool)[0]
        return Blend(self._embeddings, query, keywords, share).all_scores(cosines)

    def search_keywords(self, keywords: KeywordQuery, k: int, passing: Passing | None = None) -> Found:
        """Finds the best of the rows that hold a term, by their keyword part. -> ids and scores, (1, min(k, holders)).

        With `passing`, the rows that pass are searched alone.
        """
        every = keywords.all_scores()
        ids = top_of(every, max(0, k), passing)
        ids = ids[every[ids] > 0]
        scores = every[ids][None]
        return Found(ids[None], scores, None, scores)

    def _search(self, blends: Sequence[Blend], k: int, passing: Passing | None) -> list[Best]:
        found = [self._search_alone(blend, k, passing) for blend in blends]
        unanswered = [i for i, one in enumerate(found) if one is None]
        if unanswered and not (passing and passing.count * ROW_COST <= self._embeddings.count):
            by_scan = self._search_by_scan([blends[i] for i in unanswered], k, passing)
            for i, one in zip(unanswered, by_scan, strict=True):
                found[i] = one
            unanswered = [i for i in unanswered if found[i] is None]
        if unanswered:
            for i, one in zip(
                unanswered, self._search_each([blends[i] for i in unanswered], k, passing), strict=True
            ):
                found[i] = one
        return [one for one in found if one]

    def _search_each(self, blends: Sequence[Blend], k: int, passing: Passing | None) -> list[Best]:
        """Searches by the score of every row, or of every row that passes where that is less work."""
        found = []
        if passing and passing.count * SURVIVOR_COST <= self._embeddings.count:
            for blend in blends:
                scored = blend.scores(passing.rows)
                best = top(scored.scores, k)
                found.append(Best(passing.rows[best], scored.take(best)))
            return found
        every = self._embeddings.all_scores(np.stack([blend.query for blend in blends]), self._pool)
        for blend, cosines in zip(blends, every, strict=True):
            scored = blend.all_scores(cosines)
            best = top_of(scored.scores, k, passing)
            found.append(Best(best, scored.take(best)))
        return found

    def _search_by_scan(self, blends: Sequence[Blend], k: int, passing: Passing | None) -> list[Best | None]:
        """Searches with the scan; returns None for each query that it can't answer."""
        found: list[Best | None] = [None] * len(blends)
        count = self._embeddings.count
        # Of padded rows there are enough for a block where there are enough rows.
        if self._scan is None or not block_height(count if passing is None else passing.count, k):
            return found
        codes = np.empty((len(blends), self._scan.columns), np.uint8)
        bounds: list[tuple[int, Bound]] = []
        for i, blend in enumerate(blends):
            if bound := self._scan.encode(blend.query, codes[len(bounds)]):
                bounds.append((i, bound))
        if bounds:
            candidates = k * self._scan.candidates_per_hit
            every = self._scan.sums(codes[: len(bounds)])
            for (i, bound), row_sums in zip(bounds, every, strict=True):
                if blends[i].raise_sums(bound, row_sums):
                    sums = Sums.of(row_sums, count, k, passing, candidates)
                    found[i] = search_blocks(blends[i], k, candidates, bound, sums, count // SURVIVOR_COST)
        return found

    def _search_alone(self, blend: Blend, k: int, passing: Passing | None) -> Best | None:
        """Searches where the keywords have the whole score; returns None elsewhere."""
        if blend.alone is None:
            return None
        every = blend.alone.all_scores()
        ids = top_of(every, k, passing)
        return Best(ids, Scored(every[ids], self._embeddings.scores(ids, blend.query), every[ids]))
