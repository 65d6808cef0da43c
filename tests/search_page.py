"""What tests do with the search page: they type, and read what comes."""

from __future__ import annotations

from typing import Any

# The time in ms from the last key until the first result is in the document.
STOPWATCH = """() => {
  const results = document.getElementById("results");
  window.took = new Promise(resolve => {
    let pressed = 0;
    addEventListener("keydown", () => { pressed = performance.now(); }, true);
    new MutationObserver(() => { if (results.children.length) resolve(performance.now() - pressed); }).observe(results, {childList: true});
  });
}"""


def search(page: Any, query: str = "bees") -> None:
    """Types a query, and waits for its results."""
    page.fill("#q", query)
    page.wait_for_selector(f"#results mark >> text={query}")


def texts(page: Any) -> list[str]:
    return [str(text) for text in page.locator("#results .text").all_text_contents()]
