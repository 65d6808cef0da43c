"""Compares the answers of two artifacts to the same queries, without judgements. Documents are matched by id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from handler.errors import EvaluationError
from handler.searcher import Searcher

TOP = 10
# Each rank weighs this much less than the one before it.
PERSISTENCE = 0.9
CASES = 10


class Found(NamedTuple):
    """One document of an answer."""

    id: str
    text: str


class Change(NamedTuple):
    """One query, both answers, the share of documents that both have, and their rank-biased overlap."""

    query: str
    overlap: float
    biased: float
    before: list[Found]
    after: list[Found]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two artifacts.

    Attributes:
        before: the first artifact's folder.
        after: the second artifact's folder.
        queries: number of queries.
        overlap: mean share of the top 10 that both have.
        biased: mean rank-biased overlap of the top 10: 1 for equal lists; a change at the top counts most.
        firsts_changed: the share of queries whose first answer is another document.
        histogram: number of queries by the number of documents that both answers have, from 0 to 10.
        changes: the queries that changed most, at most ten.
    """

    before: str
    after: str
    queries: int
    overlap: float
    biased: float
    firsts_changed: float
    histogram: list[int]
    changes: list[Change]

    def fields(self) -> dict[str, Any]:
        """Returns all of it, in types that JSON has."""
        return {
            **{name: getattr(self, name) for name in self.__slots__ if name != "changes"},
            "changes": [
                change._asdict()
                | {side: [found._asdict() for found in getattr(change, side)] for side in ("before", "after")}
                for change in self.changes
            ],
        }


def compare(
    before: tuple[str, Searcher],
    after: tuple[str, Searcher],
    queries: Sequence[str],
    done: Callable[[], None] = lambda: None,
) -> Comparison:
    """Asks both artifacts, each in its own default way. `done` is called after each query.

    Raises EvaluationError where no document of one has an id of the other's.
    """
    changes = []
    for query in queries:
        answers = [_ask(searcher, query) for _, searcher in (before, after)]
        ids = [[found.id for found in answer] for answer in answers]
        changes.append(Change(query, overlap(*ids), rank_biased_overlap(*ids), *answers))
        done()
    count = len(changes)
    histogram = [0] * (TOP + 1)
    for change in changes:
        histogram[len({found.id for found in change.before} & {found.id for found in change.after})] += 1
    if histogram[0] == count:
        _check_ids(before, after)
    moved = [change for change in changes if change.biased < 1]
    return Comparison(
        before[0],
        after[0],
        count,
        sum(change.overlap for change in changes) / count,
        sum(change.biased for change in changes) / count,
        sum(_first(change.before) != _first(change.after) for change in changes) / count,
        histogram,
        sorted(moved, key=lambda change: change.biased)[:CASES],
    )


def _check_ids(before: tuple[str, Searcher], after: tuple[str, Searcher]) -> None:
    """Raises EvaluationError where the two artifacts share no id."""
    ids = [
        [documents[row].id for row in range(len(documents))]
        for documents in (searcher.local.documents for _, searcher in (before, after))
    ]
    if not set(ids[0]) & set(ids[1]):
        raise EvaluationError(
            f"{before[0]} and {after[0]} share no id, so their answers can't be compared: one has {ids[0][0]!r:.60}, "
            f"the other {ids[1][0]!r:.60}: export both with the same --id COLUMN"
        )


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Returns the share of documents that both lists have, of the longer list; 1 for two empty ones."""
    longer = max(len(one), len(other))
    return len(set(one) & set(other)) / longer if longer else 1.0


def rank_biased_overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Returns the mean overlap of both lists' first 1, 2, 3, ... documents, each weighed by PERSISTENCE ** depth.

    This is Webber's measure, cut at the end of the longer list and divided by the most that can be reached there.
    """
    depths = range(1, max(len(one), len(other), 1) + 1)
    weights = [PERSISTENCE**depth for depth in depths]
    overlaps = [overlap(one[:depth], other[:depth]) for depth in depths]
    return sum(w * o for w, o in zip(weights, overlaps, strict=True)) / sum(weights)


def _ask(searcher: Searcher, query: str) -> list[Found]:
    return [Found(hit.id, hit.text) for hit in searcher.search(query, TOP)]


def _first(found: Sequence[Found]) -> str | None:
    return found[0].id if found else None
