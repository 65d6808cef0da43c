"""Chromium for tests of pages: what a page says to its console is kept, and axe looks for what shuts people out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

WIDE = (1280, 800)
PHONE = (375, 740)
# The service's own refusals, and a connection that a test cuts, are no fault of the page.
EXPECTED = "Failed to load resource"


@contextmanager
def chromium() -> Iterator[Any]:
    """Starts Chromium; skips the test where it or Playwright isn't installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, size: tuple[int, int] = WIDE, **options: Any) -> Iterator[Any]:
    """Opens an empty page; at its end there must have been no error of a script and no violation of the policy."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    page = context.new_page()
    faults = listen(page)
    yield page
    context.close()
    assert not faults, faults


def listen(page: Any) -> list[str]:
    """Returns a list that gets what the page's scripts and its policy say against it."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if message.type == "error" and EXPECTED not in message.text else None
        ),
    )
    return faults


def give_key(page: Any, key: str) -> None:
    """Types an API key into the field that asks for one, and sends it."""
    page.fill("#key", key)
    page.press("#key", "Enter")


def focused(page: Any) -> str:
    """Returns the id of what has the keyboard's focus."""
    return str(page.evaluate("document.activeElement.id"))


def serious_violations(page: Any) -> list[str]:
    """Returns the rules of axe that the page breaks seriously, with the elements."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python isn't installed")
    # Not by a script element, which the page's policy refuses.
    page.evaluate((Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in result["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def style(page: Any, selector: str, name: str) -> str:
    """Returns a property of the first element, as the browser works it out."""
    found: str = page.eval_on_selector(selector, "(element, name) => getComputedStyle(element)[name]", name)
    return found
