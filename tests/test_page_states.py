"""The search page in Chromium: its states, its look, and whether everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import PHONE, WIDE, focused, give_key, opened, serious_violations
from search_server import SearchServer, serve_search
from servers import uvicorn_server
from texts import TEXTS

from seeklet import Searcher

pytestmark = pytest.mark.clients


@pytest.fixture
def server() -> Iterator[SearchServer]:
    with serve_search() as started:
        yield started


def test_a_failure_says_its_reason_and_can_be_tried_again(browser: Any, server: SearchServer) -> None:
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=bees")
        page.wait_for_selector("#results li")
        server.failing["/search"] = (
            422,
            {"detail": "query has 10,001 characters", "code": "invalid_request"},
        )
        page.fill("#q", "bread")
        page.wait_for_selector("#alert >> text=query has 10,001 characters")
        assert page.locator("#results.old").count() == 1
        server.failing.clear()
        page.click("#alert >> text=Try again")
        page.wait_for_selector("#results mark >> text=bread")
        assert page.is_hidden("#alert")


def test_a_service_that_does_not_start(browser: Any, server: SearchServer) -> None:
    server.failing["/info"] = (500, {"detail": "the log says why"})
    with opened(browser) as page:
        page.goto(f"{server.url}/")
        page.wait_for_selector("#state >> text=the log says why")
        assert serious_violations(page) == []
        server.failing.clear()
        page.click("text=Try again")
        page.wait_for_selector("#empty")


def test_a_key_is_asked_for_and_kept_for_the_tab(browser: Any, server: SearchServer) -> None:
    server.key = "secret"
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=bees")
        give_key(page, "wrong")
        page.wait_for_selector("text=The service doesn't accept this key.")
        assert serious_violations(page) == []
        give_key(page, "secret")
        page.wait_for_selector("#results li")
        page.reload()
        page.wait_for_selector("#results li")
        assert page.evaluate("Object.keys(localStorage)") == []
        # A key that is changed meanwhile is asked for again, and the query goes on.
        server.key = "new"
        page.fill("#q", "bread")
        give_key(page, "new")
        page.wait_for_selector("#results mark >> text=bread")


@pytest.mark.parametrize("key", ["s\u200becret", "ключ", "a b"])
def test_a_key_that_no_header_can_carry_is_no_lost_connection(
    browser: Any, server: SearchServer, key: str
) -> None:
    server.key = "secret"
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=bees")
        give_key(page, key)
        page.wait_for_selector("[role=alert] >> text=A key has ASCII letters")
        assert page.evaluate("sessionStorage.length") == 0
        give_key(page, " secret ")
        page.wait_for_selector("#results li")


@pytest.mark.parametrize("path", ["/", "/map"])
def test_a_browser_that_refuses_to_store(browser: Any, artifact: Path, tmp_path: Path, path: str) -> None:
    with (
        uvicorn_server(artifact, tmp_path / "log", API_KEY="secret") as url,
        opened(browser) as page,
    ):
        page.add_init_script(
            """for (const name of ["sessionStorage", "localStorage"]) {
              Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
            }"""
        )
        page.goto(f"{url}{path}?q=storm")
        give_key(page, "secret")
        page.wait_for_selector("#results li")


def test_few_results_leave_few_examples(browser: Any, artifact: Path, tmp_path: Path) -> None:
    with uvicorn_server(artifact, tmp_path / "log", MAX_RESULTS="2") as url, opened(browser) as page:
        page.goto(f"{url}/")
        page.wait_for_selector("#empty li")
        assert page.locator("#empty li").count() == 2


def test_without_a_connection(browser: Any, server: SearchServer) -> None:
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=bees")
        page.wait_for_selector("#results li")
        page.context.set_offline(True)
        page.fill("#q", "bread")
        page.wait_for_selector("#alert")
        # It goes on by itself.
        page.context.set_offline(False)
        page.wait_for_selector("#results mark >> text=bread")
        assert page.is_hidden("#alert")


def test_a_slow_answer_shows_that_it_is_awaited(browser: Any, server: SearchServer) -> None:
    server.delays["bees"] = 1.5
    with opened(browser) as page:
        page.goto(f"{server.url}/")
        page.wait_for_selector("#empty")
        page.fill("#q", "bees")
        page.wait_for_selector("#bar", state="visible")
        assert page.get_attribute("#list", "aria-busy") == "true"
        page.wait_for_selector("#results li")
        assert page.is_hidden("#bar")
        assert page.get_attribute("#list", "aria-busy") is None


@pytest.mark.parametrize("path", ["/prod", "/prod/", "/a.base/path"])
def test_behind_a_stage(browser: Any, path: str) -> None:
    with serve_search(path.rstrip("/")) as server, opened(browser) as page:
        page.goto(f"{server.url.removesuffix(path.rstrip('/'))}{path}?q=bees")
        page.wait_for_selector("#results li")
        assert page.evaluate("document.getElementById('to-map').href") == f"{server.url}/map?q=bees"
        page.fill("#q", "bread")
        page.wait_for_selector("#results mark >> text=bread")
        assert page.url == f"{server.url}/?q=bread"


def test_what_a_corpus_lacks_is_not_shown(browser: Any, server: SearchServer) -> None:
    server.map, server.modes = None, ["semantic"]
    with opened(browser) as page:
        page.goto(f"{server.url}/")
        page.wait_for_selector("#empty")
        assert page.is_hidden("#to-map")
        assert page.is_hidden("#how")


def test_the_focus_is_not_lost_with_a_button(browser: Any, server: SearchServer) -> None:
    server.key = "secret"
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=bees&mode=keyword")
        give_key(page, "secret")
        page.wait_for_selector("#results li")
        assert focused(page) == "q"
        server.failing["/search"] = (503, {"detail": "too many requests wait"})
        page.fill("#q", "tanks")
        page.wait_for_selector("#alert")
        server.failing.clear()
        page.press("#alert button", "Enter")
        page.wait_for_selector("#state button")
        assert focused(page) == "q"
        page.press("#state button", "Enter")
        page.wait_for_selector("#results li")
        assert focused(page) == "q"


def test_no_word_is_found(browser: Any, server: SearchServer) -> None:
    with opened(browser) as page:
        page.goto(f"{server.url}/?q=nothing&mode=keyword")
        page.wait_for_selector("text=No document holds these words")
        assert serious_violations(page) == []
        page.click("#state button >> text=Search by meaning")
        page.wait_for_selector("#results li")


def test_the_colours_are_the_system_s_until_they_are_chosen(browser: Any, server: SearchServer) -> None:
    theme = "document.documentElement.dataset.theme"
    with opened(browser, color_scheme="dark") as page:
        page.goto(f"{server.url}/")
        assert page.evaluate(theme) == "dark"
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        assert page.evaluate(theme) == "light"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
        # The map has the same.
        page.goto(f"{server.url}/map")
        assert page.evaluate(theme) == "light"
        page.click("#theme")
        page.goto(f"{server.url}/")
        assert page.get_attribute("#theme", "aria-pressed") == "true"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, (800, 700), PHONE])
def test_nobody_is_shut_out(browser: Any, server: SearchServer, scheme: str, size: tuple[int, int]) -> None:
    with opened(browser, size, color_scheme=scheme) as page:
        page.goto(f"{server.url}/")
        page.wait_for_selector("#empty li")
        assert serious_violations(page) == []
        page.goto(f'{server.url}/?q=bees&filter={{"topic":"bees","year":{{"$gte":2001}}}}')
        page.wait_for_selector("#results li")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.evaluate("document.getElementById('filters-open').open = true")
        page.wait_for_selector("#filters .choice")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert serious_violations(page) == []
        server.failing["/search"] = (500, {"detail": "the log says why"})
        page.fill("#q", "bread")
        page.wait_for_selector("#alert")
        assert serious_violations(page) == []


def test_forced_colours_show_which_result_has_the_focus(browser: Any, server: SearchServer) -> None:
    with opened(browser, forced_colors="active") as page:
        page.goto(f"{server.url}/?q=bees")
        page.wait_for_selector("#results li")
        page.press("#q", "ArrowDown")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) == "solid"
        page.keyboard.press("ArrowDown")
        assert page.locator(".hit").first.evaluate("hit => getComputedStyle(hit).outlineStyle") == "none"


@pytest.mark.parametrize("path", ["/", "/map"])
def test_without_scripts_a_page_says_what_it_needs(
    browser: Any, artifact: Path, tmp_path: Path, path: str
) -> None:
    with (
        uvicorn_server(artifact, tmp_path / "log") as url,
        opened(browser, java_script_enabled=False) as page,
    ):
        page.goto(f"{url}{path}")
        assert "needs JavaScript" in page.inner_text("main")


def test_nothing_is_asked_of_another_host(browser: Any, server: SearchServer) -> None:
    with opened(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{server.url}/")
        page.wait_for_selector("#empty li")
    assert asked
    assert all(url.startswith((server.url, "data:")) for url in asked)


def test_over_the_service_itself(browser: Any, artifact: Path, tmp_path: Path) -> None:
    query = "storms in Europe"
    best = Searcher.load(artifact).search(query, 10)
    with uvicorn_server(artifact, tmp_path / "log", API_KEY="secret") as url, opened(browser) as page:
        page.goto(f"{url}/")
        give_key(page, "secret")
        page.wait_for_selector("#empty li")
        assert f"{len(TEXTS)} documents" in page.inner_text("#about")
        page.fill("#q", query)
        page.wait_for_selector("#results li")
        assert page.locator("#results .text").all_text_contents() == [hit.text for hit in best]
        marks = page.locator("#results .hit").first.locator("mark").all_text_contents()
        assert marks == [best[0].text[match.start : match.end] for match in best[0].matches]
        page.click("#results button >> text=More like this")
        page.wait_for_selector(f"#chips >> text=like {best[0].id}")
