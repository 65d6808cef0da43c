"""Static pages: what is in handler/pages/, with the headers that a page needs.

A page is served as one file whose styles and scripts stand in it. What several pages share is a file of its own, which
`/* include NAME */` names. The page's policy allows only these styles and scripts, by their hashes, and requests to the
page's own origin. This module knows no page's content.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from handler.events import Request
from handler.responses import Response
from handler.routes.kept import answer_kept
from handler.settings import Settings

_FOLDER = Path(__file__).parent.parent / "pages"
_INCLUDE = re.compile(rb"/\* include ([a-z.]+) \*/\n")
_INLINE = {
    "style-src": re.compile(rb"<style>(.*?)</style>", re.DOTALL),
    "script-src": re.compile(rb"<script>(.*?)</script>", re.DOTALL),
}


def get(settings: Settings, request: Request) -> Response:
    """Answers GET / with the search page."""
    return serve_page(settings, request, "search.html")


def serve_page(settings: Settings, request: Request, name: str) -> Response:
    """Answers with a page of handler/pages/; with 304 where the browser has it already."""
    body, policy, etag = _load(name)
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return answer_kept(settings, request, etag, lambda: Response(200, body, headers))


@functools.cache
def _load(name: str) -> tuple[bytes, str, str]:
    """Reads a page; returns its bytes, its Content-Security-Policy and its ETag."""
    # Imported here: only pages need them.
    import base64
    import hashlib

    body = _INCLUDE.sub(
        lambda found: (_FOLDER / found[1].decode()).read_bytes(), (_FOLDER / name).read_bytes()
    )
    rules = ["default-src 'none'", "base-uri 'none'", "connect-src 'self'", "form-action 'none'"]
    rules += ["frame-ancestors 'none'", "img-src data:"]
    for directive, pattern in _INLINE.items():
        hashes = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in pattern.findall(body)]
        rules.append(" ".join([directive, *(f"'sha256-{value}'" for value in hashes)]))
    return body, "; ".join(rules), f'"{hashlib.sha256(body).hexdigest()[:16]}"'
