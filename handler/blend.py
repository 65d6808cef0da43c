"""The whole score of a row for one query: its cosine, or its cosine and its keyword part, each with its weight.

    score = (1 - share) * cosine + share * keyword part

A query without keywords has the cosine alone as its score. docs/exact-search.md proves the bound. This module reads no
files and chooses no rows: index.py does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from handler.bound import Bound
from handler.light_typing import Any
from handler.named import NamedTuple
from handler.postings import KeywordQuery
from handler.scores import Embeddings

# Rounding of the weighed sum, beside a threshold and the keywords' weight.
_ROUNDING = 2.0**-20
# A row's sum is less than this, and a raised sum must fit into int32.
_MOST_RAISED = 2**30


def weigh(cosines: NDArray[np.float32], keywords: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Weighs both parts of some rows' scores. (m,) float32 each -> (m,) float32."""
    scores: NDArray[np.float32] = np.float32(1 - share) * cosines + np.float32(share) * keywords
    return scores


class Scored(NamedTuple):
    """The scores of some rows and their parts, (m,) each; keywords is None where the cosine is the whole score."""

    scores: NDArray[np.float32]
    cosines: NDArray[np.float32]
    keywords: NDArray[np.float32] | None

    def take(self, places: NDArray[np.int64]) -> Scored:
        """Returns the rows at these places. (m,) int64."""
        scores = self.scores[places]
        if self.keywords is None:
            return Scored(scores, scores, None)
        return Scored(scores, self.cosines[places], self.keywords[places])


class Blend:
    """One query, its keywords and their share, over the corpus's embeddings."""

    def __init__(
        self,
        embeddings: Embeddings,
        query: NDArray[np.float32],
        keywords: KeywordQuery | None = None,
        share: float = 0.0,
    ) -> None:
        """Takes a query, (dim,) float32, and the keywords' share of the score, 0 to 1.

        Where the keywords have the whole score, no cosine is computed.
        """
        self.query = query
        self.keywords = keywords
        self._share = share
        self._embeddings = embeddings
        # The sums before they are raised, and how much too far they are raised at most.
        self._unraised = np.empty(0, np.int32)
        self._too_much = 0.0
        self._cosine_weight = np.float32(1 - share)
        self._keyword_weight = np.float32(share)

    def scores(self, ids: NDArray[np.int64]) -> Scored:
        """Scores some rows. (m,) int64 -> (m,)."""
        cosines = self._embeddings.scores(ids, self.query)
        return self._scored(cosines, None if self.keywords is None else self.keywords.scores(ids))

    def all_scores(self, cosines: NDArray[np.float32]) -> Scored:
        """Scores every row from its cosine. (n,) float32 -> (n,)."""
        return self._scored(cosines, None if self.keywords is None else self.keywords.all_scores())

    def _scored(self, cosines: NDArray[np.float32], keywords: NDArray[np.float32] | None) -> Scored:
        if keywords is None:
            return Scored(cosines, cosines, None)
        return Scored(weigh(cosines, keywords, self._share), cosines, keywords)

    @property
    def alone(self) -> KeywordQuery | None:
        """The keywords, where they have the whole score; None elsewhere."""
        return self.keywords if self._share >= 1 else None

    def raise_sums(self, bound: Bound, sums: NDArray[np.int32]) -> bool:
        """Adds each row's keyword part to its sum, in the bound's units; returns False where the sums have no room."""
        if self.keywords is None:
            return True
        if not self._cosine_weight * bound.unit * _MOST_RAISED > self._keyword_weight:
            return False
        self._unraised = sums.copy()
        factor = float(self._keyword_weight) / (float(self._cosine_weight) * bound.unit)
        self._too_much = self.keywords.raise_sums(sums, factor)
        return True

    def estimate(
        self, ids: NDArray[np.int64], bound: Bound, sums: NDArray[np.int32]
    ) -> NDArray[np.floating[Any]]:
        """Estimates the scores of some rows from their raised sums, over the cosine's weight.

        (m,) int64, (n or more,) int32 -> (m,).

        The keyword part is how far the sum was raised, which takes less time than to look it up again.
        """
        cosines = self._embeddings.scores(ids, self.query)
        if self.keywords is None:
            return cosines
        raised = sums.take(ids) - self._unraised.take(ids)
        estimates: NDArray[np.float64] = cosines + bound.unit * raised
        return estimates

    def reached(self, estimate: float, bound: Bound) -> float:
        """Returns what the score of a row with this estimate reaches."""
        if self.keywords is None:
            return estimate
        score = float(self._cosine_weight) * (estimate - bound.unit * self._too_much)
        rounding = _ROUNDING * (4 + len(self.keywords.postings))
        return score - rounding * (abs(score) + 2 * float(self._keyword_weight))

    def least_sum(self, bound: Bound, threshold: float) -> int:
        """Returns the raised sum below which a row's score can't reach the threshold."""
        if self.keywords is not None:
            threshold -= _ROUNDING * (abs(threshold) + float(self._keyword_weight))
            threshold /= float(self._cosine_weight)
        return math.ceil((threshold - bound.slack) / bound.unit)
