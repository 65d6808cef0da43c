"""What a search is asked beside its queries, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from operator import index

from handler.errors import ArtifactError
from handler.hits import Hit
from handler.light_typing import TYPE_CHECKING, Any, SupportsIndex
from handler.manifest import MODES
from handler.named import NamedTuple

if TYPE_CHECKING:
    # Imported at the first filter alone.
    from handler.filters import Filter


class Asked(NamedTuple):
    """What is asked of every query of a batch.

    k          how many documents, best first
    offset     how many of the best are left out before them
    mode       "hybrid", "semantic" or "keyword"; None is the artifact's first mode
    share      the keywords' share of a hybrid score, 0 to 1; None is the artifact's own
    min_score  only documents of this score or a higher one; None: all
    filter     which documents may be found; None: all
    facets     the columns whose values are counted in the documents that match
    exact      whether every document must be scored; an engine that always does needn't be asked
    """

    k: int = 10
    offset: int = 0
    mode: str | None = None
    share: float | None = None
    min_score: float | None = None
    filter: Filter | None = None
    facets: Sequence[str] = ()
    exact: bool = False

    def completed(self, modes: Sequence[str], own_share: float) -> Asked:
        """Returns it with the mode and the share filled in.

        `modes` are those that the artifact has, the default one first; `own_share` is the artifact's own.

        Raises ArtifactError where the artifact has no keywords and the mode needs them, ValueError for an unknown mode, a
        share that isn't from 0 to 1, or a min_score of NaN, and TypeError for what is no number.
        """
        mode, share = self.mode, self.share
        if mode is not None and mode not in MODES:
            raise ValueError(f"the mode is {mode!r:.40}, not one of {', '.join(MODES)}")
        if mode not in (None, *modes):
            raise ArtifactError(
                f"the artifact has no keywords, so the mode {mode} can't be used: "
                "run `seeklet export` again without --no-keywords"
            )
        if share is not None and not 0 <= _number("share", share) <= 1:
            raise ValueError(f"the share is {share!r:.40}, not a number from 0 to 1")
        # No score reaches NaN, so every document would be left out.
        if self.min_score is not None and math.isnan(_number("min_score", self.min_score)):
            raise ValueError("min_score is NaN, not a number")
        return self._replace(
            mode=mode or modes[0],
            share=own_share if share is None else share,
            k=max(0, _whole("k", self.k)),
            offset=max(0, _whole("offset", self.offset)),
        )


def _whole(name: str, value: SupportsIndex) -> int:
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r:.40}, not a whole number") from None


def _number(name: str, value: float) -> float:
    if not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r:.40}, not a number")
    return value


class Answer(NamedTuple):
    """The answer to one query.

    hits    the documents that were asked for, best first
    total   how many match: they pass the filter, hold a word of the query in the mode keyword, and reach min_score
    mode    the mode that was used
    share   the share that was used; None where the mode isn't hybrid
    facets  for each column that was asked for, its most frequent values in the documents that match
    """

    hits: Sequence[Hit]
    total: int
    mode: str
    share: float | None
    facets: Mapping[str, Sequence[Mapping[str, Any]]]
