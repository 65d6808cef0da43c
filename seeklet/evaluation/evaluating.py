"""One evaluation: every judged query in every mode, over a grid of the keywords' share.

    judgements -> scores of every document -> rankings -> figures -> intervals

It prints nothing and changes no artifact: text.py, report.py and choosing.py do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from handler.documents import Document, Documents
from seeklet.evaluation.judgements import Judgements
from seeklet.evaluation.metrics import CUT, figure_names, measure
from seeklet.evaluation.results import HYBRID, KEYWORD, SEMANTIC, Answer, Case, Evaluation, Line, Wins
from seeklet.evaluation.scores import ScoreSource, rank, rank_by_keywords
from seeklet.evaluation.statistics import intervals

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Way = tuple[str, float]
GRID = tuple(step / 10 for step in range(1, 11))
CASES = 10


class _Ranked(NamedTuple):
    """One query's figures, (ways, figures), and of each way the first document and the first relevant rank, or None."""

    figures: F64
    firsts: list[int | None]
    ranks: list[int | None]


def evaluate(
    source: ScoreSource,
    documents: Documents | Sequence[Document],
    judgements: Judgements,
    *,
    artifact: str,
    present: float | None,
    depth: int = 100,
    start: Callable[[int], Callable[[], None]] = lambda _: lambda: None,
) -> Evaluation:
    """Evaluates.

    Args:
        source: the scores.
        documents: the artifact's documents.
        judgements: may name documents that the artifact doesn't have.
        artifact: its name.
        present: its share of keywords; None where it has none.
        depth: the ranks within which the deeper recall counts.
        start: is called with the number of queries; what it returns is called after each query.

    Raises:
        EvaluationError: no relevant document is in the artifact.
    """
    ids = [documents[row].id for row in range(len(documents))]
    places = {name: place for place, name in enumerate(ids)}
    judged = judgements.known_to(places, artifact)
    ways = ways_to_search(present)
    done = start(len(judged.queries))
    ranked = []
    for scores, gains in zip(source.scores(judged.queries), judged.gains, strict=True):
        orders = [
            rank_by_keywords(scores, max(depth, CUT))
            if mode == KEYWORD
            else rank(scores, share, max(depth, CUT))
            for mode, share in ways
        ]
        ranked.append(_measure(orders, {places[name]: gain for name, gain in gains.items()}, depth))
        done()
    figures = np.stack([one.figures for one in ranked])
    ndcg = figures[:, :, 0]
    modes = _modes(ways, present)
    return Evaluation(
        artifact=artifact,
        judgements=judged.name,
        documents=len(ids),
        queries=len(judged.queries),
        unjudged=judged.unjudged,
        unknown=judged.unknown,
        textless=judged.textless,
        depth=depth,
        present=present,
        lines=_lines(ways, figures, modes.get(HYBRID, 0), depth),
        wins=_wins(ndcg, modes),
        cases=[_case(row, ranked[row], modes, judged, documents) for row in _most_telling(ndcg, modes)],
        ndcg=ndcg,
    )


def ways_to_search(present: float | None) -> list[Way]:
    """Lists modes and shares: semantic, and where there are keywords hybrid over the grid, and keyword."""
    if present is None:
        return [(SEMANTIC, 0.0)]
    shares = sorted({*GRID, present} - {0.0})
    return [(SEMANTIC, 0.0), *((HYBRID, share) for share in shares), (KEYWORD, 1.0)]


def _modes(ways: Sequence[Way], present: float | None) -> dict[str, int]:
    """Returns each mode's place among the ways. Hybrid has the present share; with the share 0 it is semantic."""
    if present is None:
        return {SEMANTIC: 0}
    now = next(i for i, (_, share) in enumerate(ways) if share == present)
    return {SEMANTIC: 0, HYBRID: now, KEYWORD: len(ways) - 1}


def _measure(orders: Sequence[I64], gains: Mapping[int, float], depth: int) -> _Ranked:
    """Measures one query's rankings, one for each way; `gains` are by document."""
    found = np.zeros((len(orders), max(map(len, orders))))
    for row, order in zip(found, orders, strict=True):
        row[: len(order)] = [gains.get(document, 0.0) for document in order.tolist()]
    relevant = found > 0
    ranks = [int(row.argmax()) + 1 if row.any() else None for row in relevant]
    firsts = [int(order[0]) if len(order) else None for order in orders]
    return _Ranked(measure(found, gains.values(), depth), firsts, ranks)


def _lines(ways: Sequence[Way], figures: F64, now: int, depth: int) -> list[Line]:
    """Summarises (queries, ways, figures)."""
    names = figure_names(depth)
    flat = intervals(figures.reshape(len(figures), -1))
    ndcg = figures[:, :, 0]
    over_semantic = intervals(ndcg - ndcg[:, :1])
    over_present = intervals(ndcg - ndcg[:, now : now + 1])
    return [
        Line(
            mode,
            share,
            dict(zip(names, flat[way * len(names) :], strict=False)),
            over_semantic[way] if way else None,
            over_present[way] if way != now else None,
        )
        for way, (mode, share) in enumerate(ways)
    ]


def _wins(ndcg: F64, modes: Mapping[str, int]) -> dict[tuple[str, str], Wins]:
    pairs = [(mode, other) for mode, other in ((HYBRID, SEMANTIC), (HYBRID, KEYWORD), (KEYWORD, SEMANTIC))]
    wins = {}
    for mode, other in pairs:
        if mode in modes:
            gained = ndcg[:, modes[mode]] - ndcg[:, modes[other]]
            won, lost = int((gained > 0).sum()), int((gained < 0).sum())
            wins[mode, other] = Wins(won, lost, len(gained) - won - lost)
    return wins


def _most_telling(ndcg: F64, modes: Mapping[str, int]) -> list[int]:
    """Finds the queries with the largest differences; with one mode, those that are answered worst.

    The difference of hybrid and semantic counts first, then the one of any two modes.
    """
    of_modes = ndcg[:, list(modes.values())]
    spread = np.ptp(of_modes, axis=1) if len(modes) > 1 else 1 - of_modes[:, 0]
    gained = np.abs(ndcg[:, modes.get(HYBRID, 0)] - ndcg[:, 0])
    order = np.lexsort((-spread, -gained))[:CASES]
    return [int(row) for row in order if spread[row] > 0]


def _case(
    row: int,
    ranked: _Ranked,
    modes: Mapping[str, int],
    judged: Judgements,
    documents: Documents | Sequence[Document],
) -> Case:
    answers = {}
    for mode, way in modes.items():
        first = ranked.firsts[way]
        document = None if first is None else documents[first]
        answers[mode] = Answer(
            float(ranked.figures[way, 0]),
            ranked.ranks[way],
            document and document.id,
            document and document.text,
        )
    return Case(judged.queries[row], list(judged.gains[row]), answers)
