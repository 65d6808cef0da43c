"""`make screenshots`: takes the pictures of the pages that docs/ shows, from a service that runs. It starts none.

It needs Playwright and Chromium: `make clients-setup`, and `apt-get install chromium`.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

QUERY = "make a copy of a database"
# A larger picture makes the documents slow to load.
MOST_BYTES = 150_000
# Chosen so that those of the map's legend, which few pixels have, stay apart.
COLORS = 192
# Name -> the width and height of the window, and its colours.
LOOKS = {
    "light": ((1280, 800), "light"),
    "dark": ((1280, 800), "dark"),
    "phone": ((375, 740), "light"),
}


def main(arguments: list[str] | None = None) -> int:
    """Takes all pictures; returns 0, or 1 where one can't be taken or is too large."""
    parser = argparse.ArgumentParser(prog="python -m dev.screenshots", description=__doc__)
    parser.add_argument("url", help="the service, such as http://127.0.0.1:3000")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="the folder of the pictures")
    parser.add_argument("--query", default=QUERY, help="what is searched for")
    parser.add_argument(
        "--color", default="", help="the column that colours the map; the first one without it"
    )
    options = parser.parse_args(arguments)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from PIL import Image
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        print(
            "error: Playwright or Chromium is missing: make clients-setup, apt-get install chromium",
            file=sys.stderr,
        )
        return 1
    large = 0
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (size, scheme) in LOOKS.items():
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            for kind, take in (("page", take_search), ("map", take_map)):
                path = options.out / f"{kind}-{name}.png"
                take(page, options)
                picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                picture.quantize(COLORS, method=Image.Quantize.MAXCOVERAGE, kmeans=2).save(
                    path, optimize=True
                )
                print(f"{path}  {path.stat().st_size:,} bytes")
                if path.stat().st_size > MOST_BYTES:
                    print(f"error: {path} is larger than {MOST_BYTES:,} bytes: ask for less", file=sys.stderr)
                    large = 1
            context.close()
        browser.close()
    return large


def take_search(page: Any, options: argparse.Namespace) -> None:
    """Opens the search page with its results."""
    open_page(page, options.url, "/", {"q": options.query})
    page.wait_for_selector("#results li")
    page.wait_for_timeout(300)
    # A second time, so that the picture shows the time of a service that is warm.
    page.press("#q", "Enter")
    page.wait_for_timeout(700)


def take_map(page: Any, options: argparse.Namespace) -> None:
    """Opens the map with a query's documents, in the colours of a column."""
    open_page(page, options.url, "/map", {"q": options.query})
    page.wait_for_selector("#notice", state="hidden")
    names = page.eval_on_selector_all("#color option", "options => options.map(option => option.value)")
    if color := options.color or next(filter(None, names), ""):
        page.select_option("#color", color)
    page.wait_for_selector("#results li")
    page.wait_for_timeout(1000)


def open_page(page: Any, url: str, path: str, query: dict[str, str]) -> None:
    """Opens a page of the service; API_KEY, if it is set, is the key that the page would ask for."""
    if key := os.environ.get("API_KEY"):
        page.add_init_script(f"sessionStorage.setItem('seeklet-key', {key!r})")
    page.goto(f"{url.rstrip('/')}{path}?{urlencode(query)}")


if __name__ == "__main__":
    sys.exit(main())
