"""What a search is asked beside its queries, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handler.errors import ArtifactError
from handler.hits import Hit
from handler.manifest import MODES


class Asked(NamedTuple):
    """What is asked of every query of a batch.

    k          how many documents, best first
    offset     how many of the best are left out before them
    mode       "hybrid", "semantic" or "keyword"; None is the artifact's first mode
    share      the keywords' share of a hybrid score, 0 to 1; None is the artifact's own
    min_score  only documents of this score or a higher one; None: all
    documents  which documents may be found, (count,); None: all
    """

    k: int = 10
    offset: int = 0
    mode: str | None = None
    share: float | None = None
    min_score: float | None = None
    documents: NDArray[np.bool_] | None = None

    def completed(self, modes: Sequence[str]) -> Asked:
        """Returns it with the mode filled in; `modes` are those that the artifact has, the default one first.

        Raises ArtifactError where the artifact has no keywords and the mode needs them, and ValueError for an unknown
        mode or a share that isn't from 0 to 1.
        """
        mode, share = self.mode, self.share
        if mode is not None and mode not in MODES:
            raise ValueError(f"the mode is {mode!r:.40}, not one of {', '.join(MODES)}")
        if mode not in (None, *modes):
            raise ArtifactError(
                f"the artifact has no keywords, so the mode {mode} can't be used: "
                "run `seeklet export` again without --no-keywords"
            )
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"the share is {share!r:.40}, not a number from 0 to 1")
        return self._replace(mode=mode or modes[0], k=max(0, self.k), offset=max(0, self.offset))


class Answer(NamedTuple):
    """The answer to one query.

    hits     the documents that were asked for, best first
    matched  which documents match, (count,): they pass the filter, hold a word of the query in the mode keyword, and
             reach min_score; None where all do
    total    how many match
    mode     the mode that was used
    share    the share that was used; None where the mode isn't hybrid
    """

    hits: Sequence[Hit]
    matched: NDArray[np.bool_] | None
    total: int
    mode: str
    share: float | None
