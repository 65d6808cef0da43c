"""The HTML report of an evaluation or a comparison: one file without scripts that loads nothing.

Every text of a query or a document is escaped, and its control characters become visible ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from seeklet.evaluation.comparing import TOP, Comparison, Found
from seeklet.evaluation.metrics import MRR, NDCG
from seeklet.evaluation.plots import Bar, Point, draw_bars, draw_histogram, draw_line
from seeklet.evaluation.results import KEYWORD, Answer, Case, Evaluation, Line
from seeklet.evaluation.statistics import Interval
from seeklet.evaluation.text import NO_KEYWORDS, counted, ends, heading, signed, way, wins
from seeklet.terminal import cut, printable

TEXT_COLUMNS = 160
SHOWN = {NDCG: "nDCG@10", MRR: "MRR@10"}
STYLE = """\
:root{color-scheme:light dark;--text:#1b1f24;--page:#fff;--faint:#d0d7de;--main:#2f5bb7;--band:#2f5bb733;--on:#fff}
@media (prefers-color-scheme:dark){
:root{--text:#e6e9ec;--page:#15181c;--faint:#3a424b;--main:#8fb1ff;--band:#8fb1ff33;--on:#15181c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:60rem;font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);
overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.2}h2{font-size:1.15rem;margin-top:2rem}
figure{margin:1rem 0;max-width:34rem}
svg{display:block;width:100%;height:auto;font:11px system-ui,sans-serif}
svg text{fill:var(--text)}svg text.on{fill:var(--on)}
.grid{stroke:var(--faint)}.band{fill:var(--band)}.line{fill:none;stroke:var(--main);stroke-width:2}
.dot,.bar{fill:var(--main)}.interval{stroke:var(--text);stroke-width:2}
.table{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--faint)}
th,td{overflow-wrap:normal}td.text{overflow-wrap:anywhere}
td.way{white-space:nowrap}td.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
tr.now{font-weight:bold}td.text{min-width:12rem}
"""


def report(evaluation: Evaluation, notes: Sequence[str] = ()) -> str:
    """Returns the report of an evaluation; `notes` are sentences to show under its heading."""
    parts = [_paragraph(line) for line in (*heading(evaluation), *notes)]
    if evaluation.present is None:
        parts.append(_paragraph(NO_KEYWORDS))
    else:
        parts += [_section("The share of the keywords"), _share_plot(evaluation)]
        parts += [_section("Modes"), _mode_bars(evaluation), *map(_paragraph, wins(evaluation))]
        parts += [_section("Queries that gain and lose"), _difference_plot(evaluation)]
    parts += [_section("Figures"), _figures(evaluation)]
    if evaluation.cases:
        many = len(evaluation.cases[0].answers) > 1
        parts.append(
            _section("Queries on which the modes differ most" if many else "Queries that are answered worst")
        )
        parts.append(_cases(evaluation.cases))
    return _page(f"Evaluation of {evaluation.artifact}", parts)


def report_comparison(comparison: Comparison) -> str:
    """Returns the report of a comparison."""
    edges = [row - 0.5 for row in range(TOP + 2)]
    parts = [
        _paragraph(counted(comparison.queries, "query", "queries")),
        _paragraph(f"Documents that both have in their first {TOP}: {comparison.overlap:.1%}"),
        _paragraph(f"Rank-biased overlap: {comparison.biased:.3f}"),
        _paragraph(f"Another first answer: {comparison.firsts_changed:.1%} of the queries"),
        _figure(
            draw_histogram(
                "Queries by the number of documents that both answers have",
                edges,
                comparison.histogram,
                f"documents in both answers of {TOP}",
            ),
            "Queries by the number of documents that both answers have",
        ),
    ]
    if comparison.changes:
        rows = [
            [
                _text(change.query),
                _number(f"{change.biased:.3f}"),
                _found(change.before),
                _found(change.after),
            ]
            for change in comparison.changes
        ]
        names = ["query", "rank-biased overlap", f"before: {comparison.before}", f"after: {comparison.after}"]
        parts += [_section("Queries whose answers changed most"), _table(names, rows)]
    return _page(f"{comparison.before} and {comparison.after}", parts)


def _share_plot(evaluation: Evaluation) -> str:
    points = [Point(line.share, *line.figures[NDCG]) for line in evaluation.lines if line.mode != KEYWORD]
    title = "nDCG@10 over the share of the keywords, with its 95% interval"
    plot = draw_line(title, points, evaluation.present or 0.0, "share of the keywords", "nDCG@10")
    return _figure(plot, f"{title}. The large dot is the artifact's share.")


def _mode_bars(evaluation: Evaluation) -> str:
    # Where the artifact's share is 0, it answers as semantic does.
    places = sorted({0, evaluation.place_of_now, len(evaluation.lines) - 1})
    bars = [Bar(way(line), *line.figures[NDCG]) for line in map(evaluation.lines.__getitem__, places)]
    title = "nDCG@10 by mode, with its 95% interval"
    return _figure(draw_bars(title, bars, "nDCG@10"), title)


def _difference_plot(evaluation: Evaluation) -> str:
    counts, edges = np.histogram(evaluation.differences, bins=21, range=(-1.05, 1.05))
    title = f"Gain in nDCG@10 of {way(evaluation.now)} over semantic, query by query"
    plot = draw_histogram(title, edges.round(2).tolist(), counts.tolist(), "gain in nDCG@10")
    return _figure(plot, title)


def _figures(evaluation: Evaluation) -> str:
    names = list(evaluation.lines[0].figures)
    columns = ["way", *(SHOWN.get(name, name) for name in names)]
    if evaluation.present is not None:
        columns += ["nDCG@10 over semantic", f"nDCG@10 over {way(evaluation.now)}"]
    rows = []
    for line in evaluation.lines:
        row = [_way(line), *(_number(_with_ends(line.figures[name])) for name in names)]
        if evaluation.present is not None:
            row += [_number(signed(line.over_semantic)), _number(signed(line.over_present))]
        rows.append(row)
    return _table(columns, rows, evaluation.place_of_now)


def _cases(cases: Sequence[Case]) -> str:
    modes = list(cases[0].answers)
    rows = [
        [_text(case.query), _text(", ".join(case.relevant)), *(_answer(case.answers[mode]) for mode in modes)]
        for case in cases
    ]
    return _table(["query", "relevant", *modes], rows)


def _answer(answer: Answer) -> str:
    place = f"rank {answer.rank}" if answer.rank else "not found"
    first = "no answer" if answer.text is None else f"first: {answer.text}"
    return f'<td class="text">{place}, nDCG@10 {answer.ndcg:.3f}<br>{_safe(first)}</td>'


def _found(found: Sequence[Found]) -> str:
    items = "".join(f"<li>{_safe(f'{document.id}: {document.text}')}</li>" for document in found)
    return f'<td class="text"><ol>{items}</ol></td>'


def _with_ends(figure: Interval) -> str:
    return f"{figure.mean:.3f} ({ends(figure)})" if figure.low is not None else f"{figure.mean:.3f}"


def _safe(text: str) -> str:
    return escape(printable(cut(text, TEXT_COLUMNS)))


def _paragraph(text: str) -> str:
    return f"<p>{escape(printable(text))}</p>"


def _section(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _figure(plot: str, caption: str) -> str:
    return f"<figure>{plot}<figcaption>{escape(printable(caption))}</figcaption></figure>"


def _way(line: Line) -> str:
    return f'<td class="way">{escape(way(line))}</td>'


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _text(text: str) -> str:
    return f'<td class="text">{_safe(text)}</td>'


def _table(names: Iterable[str], rows: Sequence[Sequence[str]], now: int | None = None) -> str:
    """Makes a table of cells; a table that is too wide scrolls within the page, also by the keyboard."""
    head = "".join(f'<th scope="col">{escape(printable(name))}</th>' for name in names)
    body = "".join(
        f"<tr{' class=now' if place == now else ''}>{''.join(row)}</tr>" for place, row in enumerate(rows)
    )
    return f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _page(title: str, parts: Sequence[str]) -> str:
    name = escape(printable(title))
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{STYLE}</style>"
    )
    content = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main><h1>{name}</h1>\n{content}\n</main></body></html>\n'
