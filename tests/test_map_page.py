"""The map's page in Chromium: what a user can do by pointer, keyboard and touch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import PHONE, opened, style
from map_page import ALL, INKED, lonely, place, settle, show
from map_server import TOPICS, MapServer, serve_map, text_of

pytestmark = pytest.mark.clients


@pytest.fixture
def server() -> Iterator[MapServer]:
    with serve_map() as started:
        yield started


@pytest.fixture
def page(browser: Any, server: MapServer) -> Iterator[Any]:
    """The page, drawn."""
    with opened(browser) as page:
        show(page, server)
        yield page


def test_every_document_is_drawn_in_its_place(page: Any, server: MapServer) -> None:
    assert "300 documents" in page.inner_text("#about")
    assert "12 % of the variance" in page.inner_text("#caption")
    assert "300 documents" in page.get_attribute("#base", "aria-label")
    # The groups are at the lower left, the lower right and the top; nothing is between them.
    assert page.evaluate(INKED, ALL) > 1500
    x, y = place(page, server, lonely(server))
    area = page.locator("#stage").bounding_box()
    left, top = (x - area["x"]) / area["width"], (y - area["y"]) / area["height"]
    assert page.evaluate(INKED, [left - 0.004, top - 0.004, left + 0.004, top + 0.004]) > 3


def test_the_pointer_shows_a_text_once_asked_for(page: Any, server: MapServer) -> None:
    index = lonely(server)
    for _ in range(2):
        page.mouse.move(*place(page, server, index))
        page.wait_for_selector(f"#card >> text={text_of(index)}")
        assert TOPICS[index % 3] in page.inner_text("#card dl")
        page.mouse.move(400, 780)
        page.wait_for_selector("#card", state="hidden")
    assert [body for path, body in server.requests if path == "/documents"] == [{"indexes": [index]}]


def test_a_click_keeps_the_text_open(page: Any, server: MapServer) -> None:
    index = lonely(server)
    page.mouse.click(*place(page, server, index))
    page.wait_for_selector("#card.pinned")
    page.mouse.move(400, 780)
    settle(page)
    assert text_of(index) in page.inner_text("#card")
    page.click("#card >> text=Show similar documents")
    page.wait_for_selector("#results li")
    assert ("/search", {"like": str(index), "k": 50, "include": ["text", "metadata"]}) in server.requests
    page.mouse.click(*place(page, server, index))
    page.click("#card [aria-label=Close]")
    assert page.is_hidden("#card")


def test_zoom_and_pan(page: Any, server: MapServer) -> None:
    index = lonely(server)
    x, y = place(page, server, index)
    whole = page.evaluate(INKED, ALL)
    page.mouse.move(x, y)
    for _ in range(5):
        page.mouse.wheel(0, -240)
    settle(page)
    # What is under the pointer stays there, and less of the map is seen.
    page.mouse.move(x + 30, y)
    page.mouse.move(x, y)
    page.wait_for_selector(f"#card >> text={text_of(index)}")
    near = page.evaluate(INKED, ALL)
    assert near != whole
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    page.mouse.up()
    page.mouse.move(x + 61, y + 40)
    page.wait_for_selector(f"#card >> text={text_of(index)}")
    assert page.locator("#card.pinned").count() == 0
    page.click("#all")
    settle(page)
    page.mouse.move(400, 780)
    settle(page)
    assert page.evaluate(INKED, ALL) == whole


def test_buttons_and_keys_zoom(page: Any, server: MapServer) -> None:
    whole = page.evaluate(INKED, ALL)
    seen = [whole]
    for action in ("in", "out", "+", "-", "ArrowLeft"):
        if action in ("in", "out"):
            page.click(f"#{action}")
        else:
            page.focus("#stage")
            page.keyboard.press(action)
        settle(page)
        seen.append(page.evaluate(INKED, ALL))
    assert seen[1] != whole
    assert seen[2] == whole
    assert seen[3] != whole
    assert seen[4] == whole
    page.keyboard.press("0")
    settle(page)
    assert page.evaluate(INKED, ALL) == whole


def test_the_keyboard_reads_the_document_in_the_centre(page: Any, server: MapServer) -> None:
    page.focus("#stage")
    # The third group is there.
    for _ in range(2):
        page.keyboard.press("ArrowUp")
        settle(page)
    page.wait_for_selector("#said >> text=Document ", state="attached")
    said = page.inner_text("#said")
    assert said in page.inner_text("#card")
    page.keyboard.press("Enter")
    page.wait_for_selector("#card.pinned")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.wait_for_selector("#card", state="hidden")
    assert page.evaluate("document.activeElement.id") == "stage"


def test_a_query_lights_up_its_documents(page: Any, server: MapServer) -> None:
    page.fill("#q", "winter storms")
    page.press("#q", "Enter")
    page.wait_for_selector("#results li")
    assert (
        "/search",
        {"query": "winter storms", "k": 50, "include": ["text", "metadata"]},
    ) in server.requests
    assert page.locator("#results li").count() == 10
    assert page.inner_text("#told").startswith("50 documents light up.")
    assert text_of(0) in page.inner_text("#results li >> nth=0")
    assert "q=winter+storms" in page.url
    assert page.get_attribute("#to-search", "href") == "./?q=winter%20storms"
    # The list is reached by the keyboard; an item has a ring on the map and brings its document to the centre.
    page.focus("#results button >> nth=2")
    settle(page)
    assert page.locator("#results button.lit").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector("#card.pinned")
    assert text_of(6) in page.inner_text("#card")
    page.click("#told >> text=Clear")
    assert page.locator("#results li").count() == 0
    assert "q=" not in page.url


def test_a_query_without_an_answer(page: Any, server: MapServer) -> None:
    page.fill("#q", "nothing")
    page.click("#ask >> role=button[name=Find]")
    page.wait_for_selector("#told >> text=No document fits")
    assert page.locator("#results li").count() == 0


def test_colours_and_their_legend(page: Any, server: MapServer) -> None:
    colours = "[...document.querySelectorAll('#legend i')].map((spot) => spot.style.background)"
    page.select_option("#color", "topic")
    page.wait_for_selector("#legend li")
    assert page.inner_text("#legend").split() == ["storms", "100", "bread", "100", "bees", "100"]
    assert len(set(page.evaluate(colours))) == 3
    inked = page.evaluate(INKED, ALL)
    page.click("#legend button >> nth=1")
    settle(page)
    assert page.get_attribute("#legend button >> nth=1", "aria-pressed") == "true"
    assert page.evaluate(INKED, ALL) != inked
    # Only the documents of the chosen line can be pointed at.
    index = lonely(server)
    page.mouse.move(*place(page, server, index))
    settle(page)
    assert page.is_visible("#card") == (index % 3 == 1)
    page.select_option("#color", "year")
    page.wait_for_selector("#legend >> text=2000 to 2004")
    assert "color=year" in page.url
    page.reload()
    page.wait_for_selector("#legend >> text=2000 to 2004")
    assert page.input_value("#color") == "year"


def test_touch(browser: Any, server: MapServer) -> None:
    with opened(browser, PHONE, has_touch=True, is_mobile=True, device_scale_factor=3) as page:
        show(page, server)
        index = lonely(server)
        page.touchscreen.tap(*place(page, server, index))
        page.wait_for_selector(f"#card.pinned >> text={text_of(index)}")


def test_the_page_is_small(page: Any) -> None:
    assert page.evaluate("fetch('map').then((answer) => answer.text()).then((text) => text.length)") < 60_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_the_text_is_dark_and_the_colours_are_there(
    browser: Any, server: MapServer, scheme: str
) -> None:
    with opened(browser, color_scheme=scheme) as page:
        show(page, server, "/map?q=bees&color=topic")
        page.wait_for_selector("#results li")
        page.emulate_media(media="print")
        assert style(page, "body", "color") == "rgb(22, 26, 36)"
        assert style(page, "#legend i", "printColorAdjust") == "exact"
        assert style(page, "#results b", "printColorAdjust") == "exact"
