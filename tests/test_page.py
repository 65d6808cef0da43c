"""The search page in Chromium: what a user can do by typing and by keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import opened, style
from search_page import STOPWATCH, search, texts
from search_server import COUNT, SearchServer, document, serve_search

pytestmark = pytest.mark.clients


@pytest.fixture
def server() -> Iterator[SearchServer]:
    with serve_search() as started:
        yield started


@pytest.fixture
def page(browser: Any, server: SearchServer) -> Iterator[Any]:
    """The page, ready for a query."""
    with opened(browser) as page:
        page.goto(f"{server.url}/")
        page.wait_for_selector("#empty")
        yield page


def test_results_come_while_one_types(page: Any, server: SearchServer) -> None:
    page.evaluate(STOPWATCH)
    page.keyboard.type("b")
    print(f"{page.evaluate('window.took'):.0f} ms from the last key to the first result")
    page.keyboard.type("ees", delay=30)
    page.wait_for_selector("#results mark >> text=bees")
    assert texts(page) == [document(index)["text"] for index in range(2, COUNT, 3)][:10]
    assert page.inner_text("#count") == "The best 10 of 60 documents"
    timing = page.inner_text("#time")
    for stage in ("tokenise 0.2", "encode 2.5", "search 1.3", "other 0.5", "network"):
        assert stage in timing
    asked = server.searches[-1]
    assert asked["query"] == "bees"
    assert asked["facets"] == ["topic"]
    assert "mode" not in asked
    page.wait_for_selector("#said >> text=The best 10", state="attached")


def test_words_are_marked_by_code_points_and_never_as_html(page: Any) -> None:
    search(page, "bees")
    marks = page.locator("#results mark")
    assert set(marks.all_text_contents()) == {"bees"}
    assert marks.count() == 10
    assert page.locator("#results .text b").count() == 0


def test_of_words_that_begin_together_the_longest_is_marked(page: Any) -> None:
    page.fill("#q", "ne news of")
    page.wait_for_selector("#results mark >> text=of")
    assert page.locator("#results .hit").nth(0).locator("mark").all_inner_texts() == ["news", "of"]


def test_a_text_is_read_from_its_own_side(page: Any) -> None:
    direction = (
        "(element, text) => { element.textContent = text; return getComputedStyle(element).direction; }"
    )
    page.fill("#q", "סופה")
    assert page.eval_on_selector("#q", "box => getComputedStyle(box).direction") == "rtl"
    search(page, "bees")
    assert page.eval_on_selector("#q", "box => getComputedStyle(box).direction") == "ltr"
    page.click("#results .hit button >> nth=0")
    for selector in (".hit .text", ".hit .facts span", ".hit dd", ".choice span"):
        assert page.eval_on_selector(selector, direction, "סופה storm!") == "rtl", selector
        assert page.eval_on_selector(selector, direction, "storm סופה!") == "ltr", selector


def test_a_passage_stands_for_its_document_until_it_is_opened(page: Any, server: SearchServer) -> None:
    text = document(2)["text"]
    start, end = text.index("Document"), text.index("</b>")
    server.passage = {"start": start, "end": end}
    page.fill("#q", "news of")
    page.wait_for_selector("#results mark >> text=news")
    first = page.locator("#results .hit").nth(2)
    assert first.locator(".text").inner_text() == text[start:end]
    assert first.locator("mark").all_inner_texts() == ["news", "of"]
    first.locator("text=Details").click()
    assert first.locator(".text").inner_text() == text
    inside = first.locator(".part, mark").all_text_contents()
    assert "".join(inside) == text[start:end]


def test_a_slower_first_answer_never_replaces_a_later_one(page: Any, server: SearchServer) -> None:
    server.delays["storms"] = 0.6
    page.fill("#q", "storms")
    page.wait_for_timeout(60)
    assert server.searches[-1]["query"] == "storms"
    search(page, "bread")
    page.wait_for_timeout(800)
    assert page.locator("#results mark").first.inner_text() == "bread"
    assert page.is_hidden("#bar")


def test_by_keyboard_alone(page: Any) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("/")
    page.keyboard.type("bees")
    page.wait_for_selector("#results mark >> text=bees")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    opened_hit = page.locator("#results .hit.open")
    assert opened_hit.count() == 1
    assert opened_hit.locator(".text").inner_text() == document(5)["text"]
    facts = opened_hit.locator(".more").inner_text().split()
    for fact in ("d5", "bees", "2005", "2020-01-06", "0.8000", "0.4000"):
        assert fact in facts
    assert opened_hit.locator("[aria-expanded=true]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#results .hit.open").count() == 0
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("Escape")
    page.wait_for_selector("#empty")
    assert page.input_value("#q") == ""


def test_more_results_follow(page: Any, server: SearchServer) -> None:
    search(page)
    page.click("#next")
    page.wait_for_selector("#results li >> nth=19")
    assert server.searches[-1]["offset"] == 10
    assert len(set(texts(page))) == 20
    assert page.evaluate("document.activeElement.querySelector('.text').textContent") == texts(page)[10]


def test_more_like_this(page: Any, server: SearchServer) -> None:
    search(page)
    page.click("#results button >> text=More like this")
    page.wait_for_selector("#chips >> text=like d2")
    page.wait_for_selector(f"#results >> text={document(0)['text'][3:]}")
    assert server.searches[-1]["like"] == "d2"
    page.go_back()
    page.wait_for_selector("#results mark >> text=bees")
    assert page.input_value("#q") == "bees"


def test_examples_are_queries(page: Any, server: SearchServer) -> None:
    page.wait_for_selector("#empty li")
    examples = page.locator("#empty li").all_inner_texts()
    assert len(examples) == 5
    page.click("#empty li button >> nth=1")
    page.wait_for_selector("#results li")
    assert page.input_value("#q") == examples[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_the_text_is_dark_and_the_marks_are_there(
    browser: Any, server: SearchServer, scheme: str
) -> None:
    with opened(browser, color_scheme=scheme) as page:
        page.goto(f"{server.url}/?q=bees")
        page.wait_for_selector("#results mark")
        page.emulate_media(media="print")
        assert style(page, "body", "color") == "rgb(22, 26, 36)"
        assert style(page, "#results mark", "backgroundColor") == "rgb(255, 233, 168)"
        assert style(page, "#results mark", "printColorAdjust") == "exact"
