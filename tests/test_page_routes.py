"""GET / and GET /map: the bytes of the pages, their policy, and what a browser may keep. How they behave is tested in Chromium."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import cast

import pytest

from handler.events import Request
from handler.responses import Response
from handler.router import Router
from handler.searcher import Searcher
from handler.service import Service
from handler.settings import Settings

PAGES = pytest.mark.parametrize("path", ["/", "/map"])


def ask(path: str, headers: dict[str, str] | None = None, **environ: str) -> Response:
    # A page reads nothing of the corpus, so there is no searcher.
    router = Router(Service(Settings.from_env(environ), cast(Searcher, None)))
    return router.respond(Request("GET", path, headers or {}))


def digests(body: bytes, name: str) -> set[str]:
    """What a policy has for each element of a name."""
    inside = re.findall(rf"<{name}>(.*?)</{name}>", body.decode(), re.DOTALL)
    assert inside
    return {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inside
    }


@PAGES
def test_a_page_is_one_file_and_its_policy_allows_it_alone(path: str) -> None:
    page = ask(path)
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.body.startswith(b"<!DOCTYPE html>")
    policy = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))
    assert set(policy.pop("script-src").split()) == digests(page.body, "script")
    assert set(policy.pop("style-src").split()) == digests(page.body, "style")
    assert policy == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "img-src": "data:",
    }
    # Nothing comes from elsewhere, and the policy would refuse it.
    assert not re.search(rb"(?:src|href)=\"(?:https?:)?//", page.body)
    assert not re.search(rb" (?:style|on\w+)=\"", page.body)
    assert not re.search(rb"innerHTML|insertAdjacentHTML|document\.write", page.body)
    assert b"/* include" not in page.body
    assert len(page.body) < 60_000


@PAGES
def test_a_browser_may_keep_a_page(path: str) -> None:
    tag = ask(path).headers["etag"]
    kept = ask(path, {"if-none-match": tag}, CACHE_CONTROL="max-age=60")
    assert (kept.status, kept.body, kept.headers["cache-control"]) == (304, b"", "max-age=60")
    other = "/map" if path == "/" else "/"
    assert ask(other, {"if-none-match": tag}).status == 200


@PAGES
def test_a_page_needs_no_key(path: str) -> None:
    assert ask(path, API_KEY="secret").status == 200
