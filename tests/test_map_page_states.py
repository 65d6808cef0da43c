"""The map's page in Chromium: its address, its states, and whether everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import PHONE, focused, give_key, opened, serious_violations
from map_page import lonely, place, settle, show
from map_server import MapServer, serve_map, text_of
from servers import uvicorn_server
from texts import TEXTS

from seeklet import Searcher

pytestmark = pytest.mark.clients


@pytest.fixture
def server() -> Iterator[MapServer]:
    with serve_map() as started:
        yield started


def test_an_address_opens_a_view(browser: Any, server: MapServer) -> None:
    with opened(browser) as page:
        show(page, server, "/map?q=bees&color=topic")
        page.wait_for_selector("#results li")
        assert page.input_value("#q") == "bees"
        assert page.input_value("#color") == "topic"


def test_a_later_corpus_is_told_and_not_shown(browser: Any, server: MapServer) -> None:
    with opened(browser) as page:
        show(page, server, "/map?q=bees")
        page.wait_for_selector("#results li")
        assert page.is_hidden("#notice")
        server.corpus = "b"
        server.draw(30)
        page.fill("#q", "bread")
        page.keyboard.press("Enter")
        page.wait_for_selector("#notice >> text=The corpus has changed")
        assert "The corpus has changed. Load the map again." in page.inner_text("#told")
        page.click("#notice >> text=Load the map again")
        page.wait_for_selector("#results li")
        assert page.is_hidden("#notice")
        assert "30 documents" in page.inner_text("#about")


def test_a_card_has_no_text_of_a_later_corpus(browser: Any, server: MapServer) -> None:
    with opened(browser) as page:
        show(page, server, "/map")
        server.corpus = "b"
        index = lonely(server)
        page.mouse.click(*place(page, server, index))
        page.wait_for_selector("#notice >> text=The corpus has changed")
        assert text_of(index) not in page.inner_text("#card")


def test_over_the_service_itself(browser: Any, artifact: Path, tmp_path: Path) -> None:
    query = "storms in Europe"
    best = Searcher.load(artifact).search(query, 10)
    with uvicorn_server(artifact, tmp_path / "log", API_KEY="secret") as url, opened(browser) as page:
        page.goto(f"{url}/map?q=storms+in+Europe&color=topic")
        give_key(page, "secret")
        page.wait_for_selector("#results li")
        assert f"{len(TEXTS)} documents" in page.inner_text("#about")
        assert page.locator("#results .text").all_inner_texts() == [hit.text for hit in best]
        counts = page.locator("#legend .count").all_inner_texts()
        assert sum(map(int, counts)) == len(TEXTS)
        page.click("#results button >> nth=0")
        page.click("#card >> text=Show similar documents")
        page.wait_for_selector(f"#told >> text=like {best[0].id}")


def test_an_unknown_column_in_the_address_is_said(browser: Any, artifact: Path, tmp_path: Path) -> None:
    with uvicorn_server(artifact, tmp_path / "log") as url, opened(browser) as page:
        page.goto(f"{url}/map?color=flavour&q=storms")
        page.wait_for_selector("#results li")
        assert "there is no column 'flavour' to colour by" in page.inner_text("#unread")
        page.select_option("#color", "topic")
        page.wait_for_selector("#legend li")
        assert page.is_hidden("#unread")


def test_a_sample_asks_for_places_that_it_lacks(browser: Any, server: MapServer) -> None:
    server.draw(1000, drawn=100)
    with opened(browser) as page:
        show(page, server, "/map?q=bees")
        page.wait_for_selector("#results li")
        assert "100 of 1,000 documents are drawn" in page.inner_text("#caption")
        asked = [
            query["indexes"]
            for path, query in server.requests
            if path == "/map/points" and "indexes" in query
        ]
        missing = [3 * rank for rank in range(50) if 3 * rank % 10]
        assert asked == [",".join(map(str, missing))]
        page.click("#results button >> nth=1")
        page.wait_for_selector("#card.pinned")
        assert text_of(3) in page.inner_text("#card")


def test_a_key_is_asked_for_and_kept(browser: Any, server: MapServer) -> None:
    server.key = "secret"
    with opened(browser) as page:
        page.goto(server.url + "/map")
        for key, told in (("wrong", "doesn't accept this key"), ("secret", None)):
            give_key(page, key)
            if told:
                page.wait_for_selector(f"#notice >> text={told}")
        page.wait_for_selector("#notice", state="hidden")
        assert page.evaluate("sessionStorage.getItem('seeklet-key')") == "secret"
        page.reload()
        page.wait_for_selector("#notice", state="hidden")


@pytest.mark.parametrize("stage", ["", "/prod", "/a/base/path"])
def test_behind_a_stage(browser: Any, stage: str) -> None:
    with serve_map(stage) as server, opened(browser) as page:
        show(page, server)
        page.fill("#q", "bees")
        page.press("#q", "Enter")
        page.wait_for_selector("#results li")
        assert page.evaluate("document.querySelector('.brand').href") == f"{server.url}/"


def test_without_a_map(browser: Any, server: MapServer) -> None:
    server.failing["/map/points"] = (404, {"detail": "the artifact has no map", "code": "no_map"})
    with opened(browser) as page:
        page.goto(server.url + "/map")
        page.wait_for_selector("#notice >> text=This corpus has no map")
        assert serious_violations(page) == []


def test_a_failure_can_be_tried_again(browser: Any, server: MapServer) -> None:
    server.failing["/info"] = (500, {"detail": "the request could not be answered: the log says why"})
    with opened(browser) as page:
        page.goto(server.url + "/map")
        page.wait_for_selector("#notice >> text=the log says why")
        server.failing.clear()
        page.click("text=Try again")
        page.wait_for_selector("#notice", state="hidden")
        server.failing["/search"] = (503, {})
        page.fill("#q", "bees")
        page.press("#q", "Enter")
        page.wait_for_selector("#told.bad >> text=the status 503")
        server.failing.clear()
        page.click("#told >> text=Try again")
        page.wait_for_selector("#results li")


def test_without_a_connection(browser: Any, server: MapServer) -> None:
    with opened(browser) as page:
        show(page, server)
        page.context.set_offline(True)
        page.fill("#q", "bees")
        page.press("#q", "Enter")
        page.wait_for_selector("#told.bad >> text=can't be reached")
        page.context.set_offline(False)
        page.click("#told >> text=Try again")
        page.wait_for_selector("#results li")


@pytest.mark.parametrize("size", [(320, 256), (640, 400), (1280, 256)])
def test_in_a_low_window_all_can_be_reached(
    browser: Any, server: MapServer, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stage cuts off, nobody can scroll to."""
    long = "w" * 600
    found = {"id": long, "index": 0, "text": "a storm " * 200, "metadata": {long: long, "topic": "storms"}}
    monkeypatch.setattr(server, "_document", lambda _: found)
    with opened(browser, size) as page:
        show(page, server, "/map?q=storms")
        page.locator("#results button").first.click()
        settle(page)
        card, stage = (page.locator(name).bounding_box() for name in ("#card", "#stage"))
        assert stage["y"] <= card["y"] < card["y"] + card["height"] <= stage["y"] + stage["height"]
        assert page.locator("#card").evaluate("card => card.scrollWidth - card.clientWidth") == 0
        assert serious_violations(page) == []
    server.key = "secret"
    with opened(browser, size) as page:
        page.goto(f"{server.url}/map")
        page.wait_for_selector("#key")
        page.locator("#notice").evaluate("notice => notice.scrollTo(0, 0)")
        tops = [page.locator(name).bounding_box()["y"] for name in ("#notice", "#notice > div")]
        assert tops[0] <= tops[1]


def test_a_colour_that_fails_leaves_the_address_and_a_later_choice(browser: Any, server: MapServer) -> None:
    failure = (500, {"detail": "the log says why"})
    with opened(browser) as page:
        show(page, server)
        server.failing["/map/points"] = failure
        page.select_option("#color", "topic")
        page.wait_for_selector("#told.bad")
        assert (page.input_value("#color"), page.url) == ("", f"{server.url}/map")
        server.failing.clear()
        held: list[Any] = []
        page.route("**/map/points?color=*", lambda route: held.append(route))
        for column in ("topic", "year"):
            with page.expect_request(f"**/map/points?color={column}"):
                page.select_option("#color", column)
        held[0].fulfill(status=failure[0], json=failure[1])
        settle(page)
        held[1].continue_()
        page.wait_for_selector("#legend li")
        assert (page.input_value("#color"), page.url) == ("year", f"{server.url}/map?color=year")


def test_the_focus_is_not_lost_with_a_button(browser: Any, server: MapServer) -> None:
    server.key = "secret"
    with opened(browser) as page:
        page.goto(f"{server.url}/map")
        give_key(page, "secret")
        page.wait_for_selector("#notice", state="hidden")
        assert focused(page) == "q"
        server.failing["/search"] = (503, {"detail": "too many requests wait"})
        page.fill("#q", "storms")
        page.press("#q", "Enter")
        page.wait_for_selector("#told.bad button")
        server.failing.clear()
        page.press("#told button", "Enter")
        page.wait_for_selector("#results li")
        assert focused(page) == "q"
        page.press("#results button", "Enter")
        page.press("text=Show similar documents", "Enter")
        page.wait_for_selector("#told >> text=like 0")
        # The results aren't the query's.
        assert (focused(page), page.input_value("#q")) == ("stage", "")


def test_without_columns(browser: Any, server: MapServer) -> None:
    server.columns = []
    with opened(browser) as page:
        show(page, server)
        assert page.is_hidden("#coloured")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (900, 700), PHONE])
def test_nobody_is_shut_out(browser: Any, server: MapServer, scheme: str, size: tuple[int, int]) -> None:
    with opened(browser, size, color_scheme=scheme) as page:
        show(page, server, "/map?q=bees&color=topic")
        page.wait_for_selector("#results li")
        page.click("#results button >> nth=0")
        page.wait_for_selector("#card.pinned")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert serious_violations(page) == []
