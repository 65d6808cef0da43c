"""A query's postings: the rows that hold its terms, and the keyword part of their scores.

docs/keywords.md has the formula, docs/exact-search.md the proof of what is raised. This module looks up no words:
keywords.py does.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handler.named import NamedTuple

# The keywords' share of a hybrid score where nothing else is said (docs/adr/0007-hybrid-score.md).
SHARE = 0.5
# The impact of a term that fills a row: BM25's part for the term's frequency, in steps of 1/255.
MOST_IMPACT = 255
# With more ids than a row in so many, it is faster to add up every row.
_FEW = 32
# With more postings than a row in so many, too.
_COMMON = 2


class Posting(NamedTuple):
    """One term's rows, ascending, and their impacts. A row's keyword part gets weight * impact."""

    term: int
    word: str  # the query's first word for it
    weight: np.float32
    rows: NDArray[np.int32]
    impacts: NDArray[np.uint8]


class KeywordQuery:
    """A query's known terms, in the order of the query, each once."""

    def __init__(self, postings: Sequence[Posting], count: int) -> None:
        """Takes at least one posting; count is the number of rows of the index."""
        self.postings = postings
        self._count = count
        # Where so many rows hold a term, it is faster to compute every row's part, once.
        self._common = sum(len(posting.rows) for posting in postings) * _COMMON > count

    @functools.cached_property
    def _every(self) -> NDArray[np.float32]:
        scores = np.zeros(self._count, np.float32)
        for posting in self.postings:
            # Twice as fast as += with an index of int32: numpy would convert that for reading and again for writing.
            np.add.at(scores, posting.rows.astype(np.intp), posting.weight * posting.impacts)
        return scores

    def all_scores(self) -> NDArray[np.float32]:
        """Returns the keyword part of every row. -> (count,) float32, 0 to 1; not to be changed."""
        return self._every

    def let_go(self) -> None:
        """Releases the keyword part of every row. It is computed again when it is needed."""
        self.__dict__.pop("_every", None)

    def scores(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Computes the keyword part of some rows: the same bits as `all_scores`. (m,) int64 -> (m,) float32."""
        if self._common or len(ids) * _FEW > self._count:
            return self._every[ids]
        wanted = ids.astype(np.int32)
        scores = np.zeros(len(ids), np.float32)
        rows, impacts = np.empty_like(wanted), np.empty(len(ids), np.uint8)
        for posting in self.postings:
            places = posting.rows.searchsorted(wanted)
            posting.rows.take(places, out=rows, mode="clip")
            posting.impacts.take(places, out=impacts, mode="clip")
            impacts *= rows == wanted
            scores += posting.weight * impacts
        return scores

    def raise_sums(self, sums: NDArray[np.int32], factor: float) -> float:
        """Adds at least factor times the keyword part to each row's sum, in whole numbers. sums: (count or more,).

        Returns the most that it adds above that, beside the reserve for rounding.
        """
        if self._common:
            raised = np.ceil(self._every * np.float64(factor * (1 + 2.0**-40)))
            sums[: self._count] += raised.astype(np.int32)
            return 1.0
        # Each of the sums in all_scores rounds, by 2**-24 at most.
        factor *= 1 + (len(self.postings) + 4) * 2.0**-22
        too_much = 0.0
        for posting in self.postings:
            step = factor * float(posting.weight)
            # Fractions of a step, as many bits as int32 has room for.
            bits = max(0, min(8, 21 - int(step).bit_length()))
            raised = np.multiply(posting.impacts, math.ceil(step * 2**bits), dtype=np.int32)
            raised >>= bits
            raised += 1
            np.add.at(sums, posting.rows.astype(np.intp), raised)
            too_much += 1 + MOST_IMPACT / 2**bits
        return too_much
