"""The HTML report: well-formed, escaped, of one file, with a name for each plot; and the lines for a terminal."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from judged import HOSTILE, MadeUp, evaluate_keywords, evaluate_made_up, helpful_keywords, row

from seeklet.evaluation.comparing import Change, Comparison, Found
from seeklet.evaluation.judgements import judgements_of
from seeklet.evaluation.plots import WIDTH, Bar, Point, draw_bars, draw_histogram, draw_line, ticks
from seeklet.evaluation.report import report, report_comparison
from seeklet.evaluation.results import Evaluation
from seeklet.evaluation.scores import QueryScores
from seeklet.evaluation.text import counted, describe, describe_comparison
from seeklet.terminal import columns, printable

EMPTY = {"meta", "br"}
CLOSED_AT_ONCE = {"line", "polygon", "polyline"}


class Page(HTMLParser):
    """Checks that every element is closed, and keeps elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in CLOSED_AT_ONCE
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def hostile() -> Evaluation:
    scores = helpful_keywords(2).scores(["q0", "q1"])
    source = MadeUp(dict(zip([HOSTILE, "plain"], scores, strict=True)))
    return evaluate_made_up(source, judgements_of({HOSTILE: ["d0", "<b>"], "plain": ["d1"]}))


def semantic_only() -> Evaluation:
    scores = {"a": QueryScores(row(0, 1, 2), None), "b": QueryScores(row(0, 1, 2), None)}
    return evaluate_made_up(
        MadeUp(scores), judgements_of({"a": ["d0"], "b": ["d2"]}), documents=3, present=None
    )


def compared() -> Comparison:
    before, after = [Found("1", HOSTILE)], [Found("<i>", "x" * 500), Found("1", HOSTILE)]
    change = Change(HOSTILE, 0.5, 0.25, before, after)
    return Comparison(
        "<old>", "new", 3, 0.5, 0.25, 1 / 3, [0, 3, *[0] * 9], [change, change._replace(after=[])]
    )


PAGES = {
    "many": lambda: report(evaluate_keywords(40), ["a note <b>"]),
    "hostile": lambda: report(hostile()),
    "one query": lambda: report(evaluate_keywords(1)),
    "semantic": lambda: report(semantic_only()),
    "share 0": lambda: report(evaluate_keywords(30, present=0.0)),
    "compared": lambda: report_comparison(compared()),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_loads_nothing(name: str) -> None:
    html = PAGES[name]()
    page = Page(html)
    assert html.startswith("<!doctype html>\n")
    assert {"html", "head", "title", "body", "main", "h1", "table"} <= set(page.tags)
    assert not {"script", "link", "img", "iframe", "b", "i"} & set(page.tags)
    assert not {"src", "href"} & {attribute for attribute, _ in page.attributes}
    assert not any(attribute.startswith("on") for attribute, _ in page.attributes)
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme:dark" in style
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]|nan|inf\b", html)
    # A reader of the page without sight has a name for each plot, and a small screen scrolls a wide table alone.
    assert html.count("<svg ") == html.count('role="img" aria-label="')
    assert html.count("<table>") == html.count('<div class="table" tabindex="0"><table>')
    assert ("name", "viewport") in page.attributes


def test_hostile_texts_are_shown_as_they_are() -> None:
    for html in (PAGES["hostile"](), PAGES["compared"]()):
        assert "<script" not in html
        assert printable(HOSTILE) in "".join(Page(html).text)


def test_every_figure_is_on_the_page() -> None:
    evaluation = evaluate_keywords(40)
    text = " ".join(Page(report(evaluation, ["a note <b>"])).text)
    for line in evaluation.lines:
        for figure in line.figures.values():
            assert f"{figure.mean:.3f} ({figure.low:.3f}-{figure.high:.3f})" in text
    assert "a note <b>" in text
    assert sum(tag == "svg" for tag in Page(report(evaluation)).tags) == 3
    assert "export it again for the others" in " ".join(Page(report(semantic_only())).text)


def test_plots_stay_within_their_frame() -> None:
    points = [Point(x / 10, 0.5 + x / 100, 0.4, 0.7) for x in range(11)]
    plots = [
        draw_line("a <title>", points, 0.5, "share", "nDCG@10"),
        draw_line("flat at 1", [Point(0, 1, None, None), Point(1, 1, None, None)], 0, "share", "nDCG@10"),
        draw_line("flat at 0", [Point(0, 0, 0, 0), Point(1, 0, 0, 0)], 0, "share", "nDCG@10"),
        draw_bars("bars", [Bar("semantic", 0, None, None), Bar("keyword", 1, 0.9, 1)], "nDCG@10"),
        draw_histogram("h", [-1, 0, 1], [0, 0], "gain"),
    ]
    for plot in plots:
        page = Page(plot)
        assert "a &lt;title&gt;" in plot or "a <title>" not in "".join(page.text)
        for name, value in page.attributes:
            if name in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy"):
                assert 0 <= float(value or "") <= WIDTH, (name, value)
    assert 'points="46.0,' in plots[0]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0.61, 0.64), (0, 3), (0, 70_000)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 7
    assert all(low <= value <= high for value in found)
    assert len({round(b - a, 9) for a, b in pairwise(found)}) == 1


@pytest.mark.parametrize(
    "make", [lambda: evaluate_keywords(40), hostile, semantic_only, lambda: evaluate_keywords(1)]
)
def test_the_lines_fit_a_terminal_of_80_columns(make) -> None:  # type: ignore[no-untyped-def]
    evaluation = make()
    lines = describe(evaluation, 80)
    assert all(columns(line) <= 80 for line in lines[2:] if "left out" not in line), lines
    assert all(line == printable(line) for line in lines)
    figures = next(i for i, line in enumerate(lines) if line.startswith("mode "))
    assert [line.split()[0] for line in lines[figures + 1 : figures + 1 + len(evaluation.lines)]] == [
        line.mode for line in evaluation.lines
    ]


@pytest.mark.parametrize("depth", [5, 10, 100, 1000, 1_000_000])
def test_every_figure_stands_under_its_name(depth: int) -> None:
    evaluation = evaluate_made_up(helpful_keywords(3), judgements_of({"q0": ["d0"]}), depth=depth)
    lines = describe(evaluation, 80)
    figures = next(i for i, line in enumerate(lines) if line.startswith("mode "))
    names, *rows = lines[figures : figures + 1 + len(evaluation.lines)]
    ends = [found.end() for found in re.finditer(r"[\w@]+@\d+", names)]
    assert [name.lower() for name in names.split() if "@" in name] == list(evaluation.lines[0].figures)
    for line in rows:
        assert {found.end() for found in re.finditer(r"\b[01]\.\d{3}\b", line)} >= set(ends)


def test_the_lines_say_what_was_found() -> None:
    text = "\n".join(describe(evaluate_keywords(40), 80))
    assert "made-up, 200 documents: 40 queries of the judgements\n" in text
    assert re.search(r"^hybrid 0\.5 .* <- now$", text, re.MULTILINE)
    assert re.search(
        r"^hybrid beats semantic for \d+ queries, loses for \d+, and ties for \d+$", text, re.MULTILINE
    )
    assert "the queries on which the modes differ most" in text
    text = "\n".join(describe(semantic_only(), 80))
    assert "only semantic, for the artifact has no keywords" in text
    assert "the queries that are answered worst\n  a\n    semantic rank 3" in text
    text = "\n".join(describe(hostile(), 80))
    assert "left out: 1 relevant document that the artifact doesn't have" in text
    assert "fewer than 20 queries" in text
    assert [counted(number, "query", "queries") for number in (0, 1, 1000)] == [
        "0 queries",
        "1 query",
        "1,000 queries",
    ]


def test_the_lines_of_a_comparison() -> None:
    lines = describe_comparison(compared(), 60)
    assert lines[:4] == [
        "<old> and new: 3 queries",
        "documents that both have in their first 10: 50.0%",
        "rank-biased overlap: 0.250",
        "another first answer: 33.3% of the queries",
    ]
    assert "      1  3       ##############################" in lines
    assert "    before 1" in lines
    assert "    after  no answer" in lines
    assert all(columns(line) <= 60 for line in lines)
