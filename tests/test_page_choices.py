"""The search page in Chromium: the share, modes, filters, the history and links."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from browser import give_key, opened
from search_page import search, texts
from search_server import COUNT, SearchServer, document, passes, serve_search

pytestmark = pytest.mark.clients

BARS = "item => [...item.querySelectorAll('.score b')].map(part => part.style.width)"


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


def test_the_share_moves_the_bars(page: Any, server: SearchServer) -> None:
    search(page)
    first = page.locator("#results .hit").first
    assert first.evaluate(BARS) == ["40%", "20%"]
    page.focus("#share")
    page.keyboard.press("End")
    page.wait_for_selector("#results .score b[style='width: 0%;']", state="attached")
    assert server.searches[-1]["share"] == 1
    assert first.evaluate(BARS) == ["0%", "40%"]
    assert page.inner_text("#words") == "words 100 %"
    page.click("#modes >> text=Meaning")
    page.wait_for_selector("#results .score b[style='width: 80%;']", state="attached")
    asked = server.searches[-1]
    assert asked["mode"] == "semantic"
    assert "share" not in asked
    assert page.is_hidden("#share-row")


def test_filters_count_and_can_be_cleared(page: Any, server: SearchServer) -> None:
    search(page, "news")
    page.check("#filters >> text=bread")
    page.wait_for_selector("#count >> text=10 of 20")
    # Any of several values passes, and the others are counted as if none were chosen.
    assert page.locator("#filters small").all_inner_texts() == ["20", "20", "20"]
    page.check("#filters >> text=storms")
    page.wait_for_selector("#count >> text=10 of 40")
    page.fill("[aria-label='year from']", "2008")
    page.wait_for_selector("#count >> text=8 documents")
    main = next(asked for asked in reversed(server.searches) if asked["k"] == 10)
    assert main["filter"] == {"topic": {"$in": ["bread", "storms"]}, "year": {"$gte": 2008}}
    years = [document(index)["metadata"] for index in range(COUNT)]
    assert sum(one["year"] >= 2008 and one["topic"] != "bees" for one in years) == 8
    assert page.locator("#chips button").all_inner_texts() == [
        "topic: bread\n×",
        "topic: storms\n×",
        "year: from 2008\n×",
        "Clear all",
    ] or [text.replace("\n", "") for text in page.locator("#chips button").all_inner_texts()] == [
        "topic: bread×",
        "topic: storms×",
        "year: from 2008×",
        "Clear all",
    ]
    page.click("#chips >> text=topic: bread")
    page.wait_for_selector("#count >> text=4 documents")
    page.fill("[aria-label='added from']", "2020-01-01")
    page.fill("[aria-label='added to']", "2020-01-01")
    page.wait_for_selector("text=No document fits")
    page.click("#list >> text=Clear the filters")
    page.wait_for_selector("#count >> text=10 of 60")
    assert page.input_value("[aria-label='year from']") == ""


def test_the_last_day_can_be_chosen(browser: Any, server: SearchServer) -> None:
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=news")
        page.fill("[aria-label='added to']", "9999-12-31")
        page.wait_for_selector("#chips >> text=added: up to 9999-12-31")
        page.wait_for_selector("#count >> text=10 of 60")
        asked = next(body for body in reversed(server.searches) if body["k"] == 10)
        # A date of docs/filters.md has four digits for its year.
        (last,) = asked["filter"]["added"].values()
        assert datetime.fromisoformat(last) == datetime.max


def test_a_link_shows_the_same(page: Any, server: SearchServer, browser: Any) -> None:
    search(page)
    page.click("#modes >> text=Words")
    page.check("#filters >> text=bees")
    page.fill("[aria-label='added to']", "2020-01-10")
    page.wait_for_selector("#chips >> text=added: up to 2020-01-10")
    page.wait_for_selector("#count >> text=8 documents")
    asked = next(body for body in reversed(server.searches) if body["k"] == 10)
    query = parse_qs(urlsplit(page.url).query)
    assert query["q"] == ["bees"]
    assert json.loads(query["filter"][0]) == asked["filter"]
    with opened(browser) as other:
        other.goto(page.url)
        other.wait_for_selector("#count >> text=8 documents")
        assert texts(other) == texts(page)
        assert other.input_value("[aria-label='added to']") == "2020-01-10"
        assert other.is_checked("#filters >> text=bees")
        again = next(body for body in reversed(server.searches) if body["k"] == 10)
        assert again == asked


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("filter=price<50", "has a filter that can't be read"),
        ("filter=[1", "has a filter that can't be read"),
        ("filter=[]", "has a filter that can't be read"),
        ("mode=fuzzy&share=7", "has a mode and a share that can't be read"),
    ],
)
def test_what_an_address_has_wrong_is_said(browser: Any, server: SearchServer, asked: str, said: str) -> None:
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=bees&{asked}")
        page.wait_for_selector("#results li")
        page.wait_for_selector(f"#unread >> text={said}")
        # It is said until something else is asked.
        page.fill("#q", "bread")
        page.wait_for_selector("#results mark >> text=bread")
        assert page.is_hidden("#unread")


@pytest.mark.parametrize(
    "filter_",
    [
        {"added": "2020-01-05"},
        {"added": "2020-01-05T12:30"},
        {"added": {"$lt": "2020-01-05T00:00"}},
        {"topic": {"$in": []}},
        {"year": {"$ne": 2005}},
        {"$and": [{"year": {"$ne": 2005}}, {"topic": "bread"}]},
        {"$and": [{"year": {"$gte": 2008}, "topic": {"$ne": "bread"}}, {"topic": {"$ne": "bees"}}]},
    ],
    ids=json.dumps,
)
def test_a_filter_that_the_page_cannot_show_is_asked_as_it_is(
    browser: Any, server: SearchServer, filter_: dict[str, Any]
) -> None:
    count = sum(passes(document(index)["metadata"], filter_) for index in range(COUNT))
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=news&filter={quote(json.dumps(filter_))}")
        page.wait_for_selector(f"#count >> text={count} documents", state="attached")
        asked = next(body for body in reversed(server.searches) if body["k"] == 10)
        assert asked["filter"] == filter_
        # What isn't in the controls can be taken away.
        page.click("#chips button")
        page.wait_for_selector("#count >> text=10 of 60")


@pytest.mark.parametrize(
    "filter_",
    ['{"$and": [null, {}]}', '{"added": {"$lt": "2020-13-40"}}', '{"added": 5}', '{"__proto__": 5}'],
)
def test_a_wrong_filter_of_an_address_is_the_services_to_refuse(
    browser: Any, server: SearchServer, filter_: str
) -> None:
    server.failing["/search"] = (422, {"detail": "filter is wrong"})
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=news&filter={quote(filter_)}")
        page.wait_for_selector("#alert >> text=filter is wrong")
        assert server.searches[-1]["filter"] == json.loads(filter_)
        server.failing.clear()
        page.click("#chips button")
        page.wait_for_selector("#count >> text=10 of 60")


def test_back_and_forward(page: Any) -> None:
    page.keyboard.type("bees", delay=20)
    page.wait_for_selector("#results mark >> text=bees")
    page.click("#modes >> text=Words")
    page.wait_for_selector("#count >> text=20 documents")
    page.go_back()
    page.wait_for_selector("#count >> text=10 of 60")
    # The keys of a query are one step.
    page.go_back()
    page.wait_for_selector("#empty")
    page.go_forward()
    page.wait_for_selector("#results mark >> text=bees")


def test_back_changes_the_field_that_has_the_focus(page: Any) -> None:
    search(page)
    year = "#filters input[aria-label='year from']"
    page.fill(year, "2005")
    page.wait_for_selector("#chips >> text=year: from 2005")
    page.go_back()
    page.wait_for_selector("#chips li", state="detached")
    assert page.input_value(year) == ""
    page.go_forward()
    page.wait_for_selector("#chips li")
    assert page.input_value(year) == "2005"
    # What was typed last is not asked once the page has gone back.
    page.fill(year, "2006")
    page.go_back()
    page.wait_for_timeout(500)
    assert page.locator("#chips li").count() == 0


def test_curl_asks_the_same(browser: Any, server: SearchServer) -> None:
    server.key = "it's-secret"
    with opened(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(f"{server.url}/?q=it's+bees&mode=keyword")
        give_key(page, server.key)
        page.wait_for_selector("#results li")
        page.click("#copy-curl")
        page.wait_for_selector("text=Copied")
        words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
        page.click("#copy-link")
        page.wait_for_selector("#copy-link >> text=Copied")
        assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert words[:2] == ["curl", "-s"]
    assert words[2] == f"{server.url}/search"
    # The key's name, not the key.
    assert words[3:7] == ["-H", "content-type: application/json", "-H", "x-api-key: $SEEKLET_KEY"]
    assert json.loads(words[8]) == {"query": "it's bees", "k": 10, "mode": "keyword"}
