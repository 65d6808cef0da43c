"""Chromium for tests of the map's page: what a page says to its console is kept, and axe looks for what shuts people out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from map_server import MapServer

WIDE = (1280, 800)
PHONE = (375, 740)
# The service's own refusals are no fault of the page.
EXPECTED = "Failed to load resource"
# How many pixels differ from the ground, within a rectangle of the canvas given in shares of its sides.
INKED = """([left, top, right, bottom]) => {
  const canvas = document.getElementById("base"), pen = canvas.getContext("2d"), w = canvas.width, h = canvas.height;
  const data = new Uint32Array(pen.getImageData(left * w, top * h, (right - left) * w, (bottom - top) * h).data.buffer);
  const ground = new Uint32Array(pen.getImageData(0, 0, 1, 1).data.buffer)[0];
  return data.reduce((sum, pixel) => sum + (pixel !== ground), 0);
}"""
ALL = [0, 0, 1, 1]


@contextmanager
def chromium() -> Iterator[Any]:
    """Starts Chromium; skips the test where it or Playwright isn't installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium isn't installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, size: tuple[int, int] = WIDE, **options: Any) -> Iterator[Any]:
    """Opens an empty page; at its end there must have been no error of a script and no violation of the policy."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text) if message.type == "error" and EXPECTED not in message.text else None
        ),
    )
    yield page
    context.close()
    assert not faults, faults


def serious_violations(page: Any) -> list[str]:
    """Returns the rules of axe that the page breaks seriously, with the elements."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python isn't installed")
    page.evaluate((Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in result["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def show(page: Any, server: MapServer, address: str = "/map") -> None:
    """Opens the map, and waits until it is drawn."""
    page.goto(server.url + address)
    page.wait_for_selector("#notice", state="hidden")
    settle(page)


def settle(page: Any) -> None:
    """Waits until what was asked for is drawn, movements included."""
    page.wait_for_timeout(400)


def place(page: Any, server: MapServer, index: int) -> tuple[float, float]:
    """Where a document is on the window while the whole map is shown."""
    area = page.locator("#stage").bounding_box()
    panel = page.locator("#coloured").bounding_box()
    covered = (
        panel["x"] + panel["width"] - area["x"] if panel and panel["x"] < 300 and area["width"] > 700 else 0
    )
    side = min(area["width"] - covered, area["height"]) * 0.96
    x, y = server.points[index] / 65535 - 0.5
    return (
        area["x"] + (area["width"] + covered) / 2 + float(x) * side,
        area["y"] + area["height"] / 2 - float(y) * side,
    )


def lonely(server: MapServer) -> int:
    """The document whose nearest one is farthest away, so that a pointer means it alone."""
    points = server.points.astype(float)
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    distances[range(len(points)), range(len(points))] = float("inf")
    return int(distances.min(axis=1).argmax())
