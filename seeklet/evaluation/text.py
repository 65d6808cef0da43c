"""An evaluation and a comparison as lines for a terminal. What they mean, docs/evaluate.md says."""

from __future__ import annotations

from collections.abc import Sequence

from seeklet.evaluation.comparing import TOP, Change, Comparison
from seeklet.evaluation.metrics import MRR, NDCG
from seeklet.evaluation.results import HYBRID, Case, Evaluation, Line
from seeklet.evaluation.statistics import LEAST_QUERIES, Interval
from seeklet.terminal import cut, printable

CASES = 5
NO_KEYWORDS = "only semantic, for the artifact has no keywords: export it again for the others"
BAR = 30


def describe(evaluation: Evaluation, width: int) -> list[str]:
    """Returns the whole evaluation; no line of a query is wider than `width` columns."""
    lines = [*heading(evaluation), "", *_figures(evaluation)]
    if evaluation.present is None:
        lines += ["", NO_KEYWORDS]
    else:
        lines += ["", *_gains(evaluation), "", *wins(evaluation)]
    if evaluation.cases:
        many = len(evaluation.cases[0].answers) > 1
        lines += [
            "",
            f"the queries {'on which the modes differ most' if many else 'that are answered worst'}",
        ]
        for case in evaluation.cases[:CASES]:
            lines += _case(case, width)
    return lines


def heading(evaluation: Evaluation) -> list[str]:
    """Returns what was evaluated, and what was left out."""
    lines = [
        printable(
            f"{evaluation.artifact}, {evaluation.documents:,} documents: "
            f"{counted(evaluation.queries, 'query', 'queries')} of {evaluation.judgements}"
        )
    ]
    if evaluation.unjudged:
        lines.append(
            f"left out: {counted(evaluation.unjudged, 'query', 'queries')} without a relevant document in the artifact"
        )
    if evaluation.unknown:
        lines.append(
            f"left out: {counted(evaluation.unknown, 'relevant document')} that the artifact doesn't have: "
            "compare their ids with the column that was --id"
        )
    if evaluation.textless:
        lines.append(
            f"left out: {counted(evaluation.textless, 'judged query', 'judged queries')} "
            "whose text isn't in the file of queries"
        )
    if evaluation.queries < LEAST_QUERIES:
        lines.append(f"fewer than {LEAST_QUERIES} queries: the figures and intervals say little")
    return lines


def counted(number: int, one: str, many: str = "") -> str:
    """Writes a number and its noun: "1 query", "2 queries"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def way(line: Line) -> str:
    """Names a way to search: "hybrid 0.3"."""
    return f"{line.mode} {line.share:g}" if line.mode == HYBRID else line.mode


def signed(gain: Interval | None) -> str:
    """Writes a gain and its interval: "+0.012 (-0.003 to +0.027)"."""
    if gain is None:
        return "-"
    if gain.low is None or gain.high is None:
        return f"{gain.mean:+.3f}"
    return f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def ends(figure: Interval) -> str:
    """Writes the ends of an interval, "0.601-0.687"."""
    return "-" if figure.low is None or figure.high is None else f"{figure.low:.3f}-{figure.high:.3f}"


def wins(evaluation: Evaluation) -> list[str]:
    """Returns a sentence for each pair of modes."""
    return [
        f"{mode} beats {other} for {found.won:,} queries, loses for {found.lost:,}, and ties for {found.tied:,}"
        for (mode, other), found in evaluation.wins.items()
    ]


def _figures(evaluation: Evaluation) -> list[str]:
    names = list(evaluation.lines[0].figures)
    titles = {name: "MRR@10" if name == MRR else name for name in names if name != NDCG}
    widths = {name: max(11, len(title) + 1) for name, title in titles.items()}
    lines = [
        f"{'mode':12}{'nDCG@10':>9}  {'95% interval':14}"
        + "".join(f"{title:>{widths[name]}}" for name, title in titles.items())
    ]
    for place, line in enumerate(evaluation.lines):
        figures = line.figures
        mark = "  <- now" if place == evaluation.place_of_now and evaluation.present is not None else ""
        cells = "".join(f"{figures[name].mean:{width}.3f}" for name, width in widths.items())
        lines.append(f"{way(line):12}{figures[NDCG].mean:9.3f}  {ends(figures[NDCG]):14}{cells}{mark}")
    return lines


def _gains(evaluation: Evaluation) -> list[str]:
    now = way(evaluation.now)
    lines = [f"{'nDCG@10':12}{'over semantic':28}over {now} (now)"]
    return lines + [
        f"{way(line):12}{signed(line.over_semantic):28}{signed(line.over_present)}"
        for line in evaluation.lines
    ]


def _case(case: Case, width: int) -> list[str]:
    lines = [cut(f"  {printable(case.query)}", width)]
    for mode, answer in case.answers.items():
        place = f"rank {answer.rank}" if answer.rank else "not found"
        first = f"first: {printable(answer.text)}" if answer.text is not None else "no answer"
        lines.append(cut(f"    {mode:9}{place:10} {first}", width))
    return lines


def describe_comparison(comparison: Comparison, width: int) -> list[str]:
    """Returns what changed between two artifacts."""
    lines = [
        printable(
            f"{comparison.before} and {comparison.after}: {counted(comparison.queries, 'query', 'queries')}"
        ),
        f"documents that both have in their first {TOP}: {comparison.overlap:.1%}",
        f"rank-biased overlap: {comparison.biased:.3f}",
        f"another first answer: {comparison.firsts_changed:.1%} of the queries",
        "",
        f"{'in both':>7}  queries",
    ]
    most = max(comparison.histogram)
    lines += [
        f"{documents:>7}  {queries:<8,}{'#' * round(BAR * queries / most)}".rstrip()
        for documents, queries in enumerate(comparison.histogram)
    ]
    if comparison.changes:
        lines += ["", "the queries whose answers changed most"]
        for change in comparison.changes[:CASES]:
            lines += _change(change, width)
    return lines


def _change(change: Change, width: int) -> list[str]:
    lines = [cut(f"  {printable(change.query)}", width)]
    for side, found in (("before", change.before), ("after", change.after)):
        lines.append(cut(f"    {side:7}{_ids([document.id for document in found])}", width))
    return lines


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(map(printable, ids)) or "no answer"
