"""A page with <seeklet-search> in Chromium, and what tests read from it. The service behind it is a searcher."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from browser import listen
from node import CLIENT

from seeklet import Searcher

SITE = "http://site.example"
# The strictest policy that a page with scripts of its own can have.
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>News</title>
<body><main><h1>News</h1>{box}<button id="after">after</button></main><script type="module" src="/seeklet-search.js"></script>"""
BOX = f'<seeklet-search src="{SITE}" k="4" label="Search the news" debounce="0"></seeklet-search>'


class Pages:
    """Opens pages with a box."""

    def __init__(self, browser: Any, searcher: Searcher) -> None:
        self._heard: list[list[str]] = []
        self._browser = browser
        self._searcher = searcher
        self._contexts: list[Any] = []

    def open(self, box: str = BOX, **options: Any) -> Any:
        """A page that holds the box; the options are the browser context's."""
        context = self._browser.new_context(**options)
        self._contexts.append(context)
        page = context.new_page()
        self._heard.append(listen(page))
        page.route(f"{SITE}/**", lambda route: self._serve(route, PAGE.format(box=box)))
        page.goto(f"{SITE}/")
        page.evaluate("customElements.whenDefined('seeklet-search').then(() => null)")
        return page

    @property
    def faults(self) -> list[str]:
        """What scripts and the policy said against the pages."""
        return [fault for heard in self._heard for fault in heard]

    def close(self) -> None:
        """Closes them."""
        for context in self._contexts:
            context.close()

    def _serve(self, route: Any, page: str) -> None:
        path = urlsplit(route.request.url).path
        if path == "/":
            route.fulfill(content_type="text/html", headers={"content-security-policy": POLICY}, body=page)
        elif path == "/search":
            route.fulfill(content_type="application/json", body=self._answer(route.request))
        elif path.endswith(".js"):
            route.fulfill(content_type="text/javascript", body=(CLIENT / path[1:]).read_text())
        else:
            route.fulfill(status=204)  # the browser asks for an icon

    def _answer(self, request: Any) -> str:
        asked = json.loads(request.post_data)
        hits = self._searcher.search(asked["query"], asked["k"], asked.get("mode"), asked.get("share"))
        results = [{**hit.fields(), "highlights": hit.fields()["matches"]} for hit in hits]
        return json.dumps({"results": results})


def texts(page: Any) -> list[str]:
    return [str(text) for text in page.get_by_role("option").all_text_contents()]


def selected(page: Any) -> list[str]:
    """The option that the keys are on, as both attributes name it."""
    marked = page.locator("li[aria-selected=true]").evaluate_all("items => items.map(item => item.id)")
    named = page.get_by_role("combobox").get_attribute("aria-activedescendant")
    assert marked == ([] if named is None else [named])
    return [str(item) for item in marked]
