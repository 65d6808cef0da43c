"""<seeklet-search> in Chromium: what a user sees and hears, by keys, by mouse, and while answers come late."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from box_page import BOX, SITE, Pages, selected, texts
from browser import serious_violations

from seeklet import Searcher

pytestmark = pytest.mark.clients

Open = Callable[..., Any]

# A client whose answers come when the test says so.
LATE = """box => {
  window.calls = [];
  window.called = async count => {
    while (window.calls.length < count) await new Promise(resolve => setTimeout(resolve, 5));
  };
  box.client = {search: (query, {signal}) => new Promise((resolve, reject) => {
    const hit = {id: query, index: 0, score: 1, text: query, metadata: {}};
    window.calls.push({query, signal, answer: () => resolve({results: [hit]}), fail: reject});
  })};
}"""

STYLE = "(item, name) => getComputedStyle(item)[name]"
LISTEN = """() => {
  window.heard = [];
  const push = ({detail}) => window.heard.push([detail.hit.id, detail.place, detail.query]);
  document.addEventListener('seeklet-select', push);
}"""


@pytest.fixture
def open_page(browser: Any, searcher: Searcher) -> Iterator[Open]:
    """Opens a page with the box; at the end no script failed."""
    pages = Pages(browser, searcher)
    yield pages.open
    pages.close()
    assert pages.faults == []


def test_results_come_as_one_types(open_page: Open, searcher: Searcher) -> None:
    page = open_page()
    box = page.get_by_role("combobox", name="Search the news")
    assert box.get_attribute("aria-expanded") == "false"
    box.press_sequentially("storms in Europe", delay=5)
    page.get_by_text("4 results").wait_for()
    hits = searcher.search("storms in Europe", 4)
    assert texts(page) == [hit.text for hit in hits]
    assert box.get_attribute("aria-expanded") == "true"
    marked = page.get_by_role("option").first.locator("mark").all_text_contents()
    assert marked == [hits[0].text[match.start : match.end] for match in hits[0].matches]
    assert marked
    box.fill("")
    page.get_by_role("listbox").wait_for(state="hidden")
    page.evaluate("document.querySelector('seeklet-search').setAttribute('mode', 'keyword')")
    box.fill("zzqx")
    page.get_by_text("No results").wait_for()
    assert box.get_attribute("aria-expanded") == "false"


def test_keys(open_page: Open, searcher: Searcher) -> None:
    page = open_page()
    page.evaluate(LISTEN)
    box = page.get_by_role("combobox")
    box.fill("storms")
    page.get_by_role("option").nth(3).wait_for()
    keys = ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "ArrowDown", "Home")
    places = ("0", "1", "0", "3", "0", "0")
    for key, place in zip(keys, places, strict=True):
        page.keyboard.press(key)
        assert selected(page) == [f"option-{place}"]
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    hits = searcher.search("storms", 4)
    assert page.evaluate("window.heard") == [[hits[3].id, 3, "storms"]]
    assert not page.get_by_role("listbox").is_visible()
    page.keyboard.press("Alt+ArrowDown")
    assert page.get_by_role("listbox").is_visible()
    assert selected(page) == []
    page.keyboard.press("Escape")
    assert not page.get_by_role("listbox").is_visible()
    assert box.input_value() == "storms"
    page.keyboard.press("ArrowDown")
    assert selected(page) == ["option-0"]
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert box.input_value() == ""
    assert texts(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "after"


def test_the_mouse(open_page: Open, searcher: Searcher) -> None:
    page = open_page()
    page.evaluate(LISTEN)
    page.get_by_role("combobox").fill("storms")
    page.get_by_role("option").nth(1).click()
    assert page.evaluate("window.heard") == [[searcher.search("storms", 4)[1].id, 1, "storms"]]
    assert (
        page.evaluate("document.querySelector('seeklet-search').shadowRoot.activeElement.role") == "combobox"
    )
    page.keyboard.press("ArrowDown")
    page.locator("h1").click()
    assert not page.get_by_role("listbox").is_visible()


def test_only_the_last_query_is_shown(open_page: Open) -> None:
    page = open_page()
    page.evaluate(f"({LATE})(document.querySelector('seeklet-search'))")
    box = page.get_by_role("combobox")
    for count, query in enumerate(("a", "ab", "abc"), 1):
        box.fill(query)
        page.evaluate("count => window.called(count)", count)
    assert page.evaluate("window.calls.map(call => call.signal.aborted)") == [True, True, False]
    page.evaluate("window.calls[2].answer()")
    page.get_by_role("option", name="abc").wait_for()
    page.evaluate("window.calls[0].answer(); window.calls[1].fail(new Error('late'))")
    page.evaluate("new Promise(resolve => setTimeout(resolve, 20))")
    assert texts(page) == ["abc"]
    assert page.get_by_role("status").text_content() == "1 result"
    # A box that is taken off the page asks no more.
    box.fill("abcd")
    page.evaluate("window.called(4)")
    page.evaluate("document.querySelector('seeklet-search').remove()")
    assert page.evaluate("window.calls[3].signal.aborted")


def test_a_choice_ends_what_is_under_way(open_page: Open) -> None:
    page = open_page()
    page.evaluate(f"({LATE})(document.querySelector('seeklet-search'))")
    page.evaluate(LISTEN)
    box = page.get_by_role("combobox")
    box.fill("a")
    page.evaluate("window.called(1).then(() => window.calls[0].answer())")
    page.get_by_role("option", name="a").wait_for()
    page.keyboard.press("ArrowDown")
    box.press_sequentially("b")
    assert selected(page) == []
    page.evaluate("window.called(2)")
    page.get_by_role("option", name="a").click()
    assert page.evaluate("window.heard") == [["a", 0, "a"]]
    assert page.evaluate("window.calls[1].signal.aborted")
    box.press_sequentially("c")
    page.evaluate("window.called(3)")
    assert page.get_by_role("status").text_content() == "Searching"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert page.evaluate("window.calls[2].signal.aborted")
    assert page.get_by_role("status").text_content() == "1 result"


def test_typing_waits_and_a_word_in_composition_is_no_query(open_page: Open) -> None:
    page = open_page(BOX.replace('debounce="0"', 'debounce="60"'))
    page.evaluate(f"({LATE})(document.querySelector('seeklet-search'))")
    box = page.get_by_role("combobox")
    box.evaluate(
        """box => Array.from('storms', letter => {
      box.value += letter;
      box.dispatchEvent(new InputEvent('input'));
    })"""
    )
    page.evaluate("window.called(1)")
    assert page.evaluate("window.calls.map(call => call.query)") == ["storms"]
    box.evaluate(
        "box => { box.value = '東'; box.dispatchEvent(new InputEvent('input', {isComposing: true})) }"
    )
    page.evaluate("new Promise(resolve => setTimeout(resolve, 120))")
    assert page.evaluate("window.calls.length") == 1
    box.evaluate("box => { box.value = '東京'; box.dispatchEvent(new CompositionEvent('compositionend')) }")
    page.evaluate("window.called(2)")
    assert page.evaluate("window.calls[1].query") == "東京"


def test_an_error_is_shown(open_page: Open) -> None:
    page = open_page()
    page.evaluate(f"({LATE})(document.querySelector('seeklet-search'))")
    page.evaluate("document.addEventListener('seeklet-error', event => window.told = event.detail.query)")
    page.get_by_role("combobox").fill("a")
    page.evaluate("window.called(1)")
    page.evaluate("window.calls[0].fail(Object.assign(new Error('m'), {detail: 'the API key is missing'}))")
    page.get_by_text("the API key is missing").wait_for()
    assert page.evaluate("window.told") == "a"
    assert page.get_by_role("status").get_attribute("part") == "status error"
    assert serious_violations(page) == []


def test_the_key_is_sent(open_page: Open) -> None:
    page = open_page(BOX.replace("k=", 'api-key="secret" mode="keyword" share="0" k='))
    with page.expect_request(f"{SITE}/search") as request:
        page.get_by_role("combobox").fill("storms")
    assert request.value.headers["x-api-key"] == "secret"
    options = {"k": 4, "mode": "keyword", "share": 0, "include": ["text", "metadata", "highlights"]}
    assert json.loads(request.value.post_data) == {"query": "storms", **options}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_nothing_shuts_people_out(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 700})
    if scheme == "dark":
        page.evaluate("document.documentElement.style.cssText = 'background: #111; color: #eee'")
    assert serious_violations(page) == []
    page.get_by_role("combobox").fill("storms in Europe")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert serious_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = page.get_by_role("combobox").evaluate(STYLE, "backgroundColor")
    assert background == ("rgb(30, 30, 30)" if scheme == "dark" else "rgb(255, 255, 255)")


def test_a_text_is_read_from_its_own_side(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("combobox").fill("storms")
    option = page.get_by_role("option").first
    option.wait_for()
    assert option.evaluate(STYLE, "direction") == "ltr"
    option.evaluate("element => { element.textContent = 'סופה storm!'; }")
    assert option.evaluate(STYLE, "direction") == "rtl"
    page.get_by_role("combobox").fill("עברית")
    assert page.get_by_role("combobox").evaluate(STYLE, "direction") == "rtl"


def test_a_page_may_style_it(open_page: Open) -> None:
    page = open_page(BOX.replace("k=", 'theme="dark" k='))
    page.evaluate(
        """() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`seeklet-search { --seeklet-background: rgb(1, 2, 3) }
        seeklet-search::part(mark) { color: rgb(4, 5, 6) } seeklet-search::part(active) { color: rgb(7, 8, 9) }`);
      document.adoptedStyleSheets = [sheet];
    }"""
    )
    page.get_by_role("combobox").fill("storms")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("listbox").evaluate(STYLE, "backgroundColor") == "rgb(1, 2, 3)"
    assert page.locator("mark").first.evaluate(STYLE, "color") == "rgb(4, 5, 6)"
    assert page.locator("li").first.evaluate(STYLE, "color") == "rgb(7, 8, 9)"
    assert page.get_by_role("combobox").evaluate(STYLE, "color") == "rgb(242, 242, 242)"
