"""What an evaluation finds. evaluating.py makes it; text.py and report.py show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seeklet.evaluation.statistics import Interval

SEMANTIC, HYBRID, KEYWORD = "semantic", "hybrid", "keyword"


class Line(NamedTuple):
    """One way to search: its mode and share, its figures by name, and the gain in nDCG@10 over two others."""

    mode: str
    share: float
    figures: dict[str, Interval]
    over_semantic: Interval | None  # None for semantic itself
    over_present: Interval | None  # None for the present way itself


class Answer(NamedTuple):
    """What one mode answers: nDCG@10, the first relevant document's rank if it was found, the first answer."""

    ndcg: float
    rank: int | None
    id: str | None
    text: str | None


class Case(NamedTuple):
    """One query, its relevant ids, and its answer in each mode."""

    query: str
    relevant: list[str]
    answers: dict[str, Answer]


class Wins(NamedTuple):
    """For how many queries one mode has the higher nDCG@10, the lower, and the same."""

    won: int
    lost: int
    tied: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well an artifact answers judged queries.

    Attributes:
        artifact: its folder.
        judgements: their file.
        documents: number of documents.
        queries: number of queries that were evaluated.
        unjudged: queries left out, because no known document is relevant to them.
        unknown: relevant documents left out, because the artifact doesn't have them.
        textless: judged queries left out, because the file of queries doesn't have them.
        depth: the ranks within which the deeper recall counts.
        present: the artifact's share of keywords; None where it has no keywords.
        lines: every way to search: semantic, hybrid by rising share from 0.1, keyword.
        wins: by (mode, other mode): how often one beats the other. Hybrid has the present share here.
        cases: the queries with the largest differences between modes; the worst queries where there is one mode.
        ndcg: (queries, lines) nDCG@10 of each query.
        saved: the share that was written into the manifest; None where it was kept.
    """

    artifact: str
    judgements: str
    documents: int
    queries: int
    unjudged: int
    unknown: int
    textless: int
    depth: int
    present: float | None
    lines: list[Line]
    wins: dict[tuple[str, str], Wins]
    cases: list[Case]
    ndcg: NDArray[np.float64]
    saved: float | None = None

    @property
    def now(self) -> Line:
        """The way in which the artifact answers by default."""
        return self.lines[self.place_of_now]

    @property
    def place_of_now(self) -> int:
        """Its place among the lines. A hybrid search whose share is 0 is a semantic one."""
        return next(i for i, line in enumerate(self.lines) if line.share == (self.present or 0.0))

    @property
    def final(self) -> Line:
        """The way in which the artifact answers after the evaluation: `now`, or the share that was written."""
        if self.saved is None:
            return self.now
        return next(line for line in self.lines if line.share == self.saved)

    @property
    def differences(self) -> list[float]:
        """The gain in nDCG@10 of the artifact's default over semantic, query by query."""
        found: list[float] = (self.ndcg[:, self.place_of_now] - self.ndcg[:, 0]).tolist()
        return found

    def fields(self) -> dict[str, Any]:
        """Returns all but the single queries' figures, in types that JSON has."""
        return {
            **{name: getattr(self, name) for name in ("artifact", "judgements", "documents", "queries")},
            **{
                name: getattr(self, name)
                for name in ("unjudged", "unknown", "textless", "depth", "present", "saved")
            },
            "lines": [
                {
                    "mode": line.mode,
                    "share": line.share,
                    **{name: figure._asdict() for name, figure in line.figures.items()},
                    "over_semantic": line.over_semantic and line.over_semantic._asdict(),
                    "over_present": line.over_present and line.over_present._asdict(),
                }
                for line in self.lines
            ],
            "wins": [{"mode": a, "other": b, **wins._asdict()} for (a, b), wins in self.wins.items()],
            "cases": [
                {
                    "query": case.query,
                    "relevant": case.relevant,
                    **{mode: answer._asdict() for mode, answer in case.answers.items()},
                }
                for case in self.cases
            ],
        }
