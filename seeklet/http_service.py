"""A service at a URL: `HttpService` is the way there and back.

It gives the service's errors as one sentence. It follows no redirect and repeats no request.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from handler.errors import OptionError, RequestError, SeekletError
from seeklet.targets import is_url

# Longer than API Gateway, which waits 30 s, and than a start on Lambda, which may take 10 s.
TIMEOUT_SECONDS = 60.0
# A day. A socket takes no more than some weeks.
MOST_SECONDS = 86_400
# Ten times the longest answer of Lambda.
MOST_BYTES = 64 * 1024 * 1024
# Of an error that has no code of seeklet's; the JavaScript client has the same.
CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "too_many_requests"}
# What json.loads, an index, int(), float() and dict() raise of an answer that is none.
NO_ANSWER = (ValueError, TypeError, KeyError, OverflowError, RecursionError, AttributeError)


class HttpService:
    """The service at `url`, with the API key where there is one. It follows no redirect."""

    def __init__(self, url: str, key: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        if not is_url(url.strip()):
            raise OptionError(f"{url!r} has no http:// or https:// before it: write http://... for a service")
        if not 0 < timeout <= MOST_SECONDS:
            raise OptionError(f"timeout is {timeout}: give seconds, more than 0 and at most {MOST_SECONDS:,}")
        self.url = url
        self.timeout = timeout
        self._headers = {"content-type": "application/json"}
        if key:
            if not all("!" <= character <= "~" for character in key):
                raise OptionError(
                    "the API key has a character that a header can't carry: check --api-key or API_KEY"
                )
            self._headers["x-api-key"] = key
        self._opener = urllib.request.build_opener(_NoRedirect)

    def address(self, route: str) -> str:
        """Returns the address of a route, "/search". A URL may name one of the routes that search already."""
        base = self.url.rstrip("/")
        for name in ("/similar", "/search"):
            base = base.removesuffix(name)
        return base + route

    def post(self, route: str, body: bytes) -> bytes:
        """Posts JSON, and returns the answer's body.

        Raises RequestError where the service refuses the request, OptionError where the URL is none, and SeekletError
        where nothing answers or something else does.
        """
        address = self.address(route)
        try:
            request = urllib.request.Request(address, body, self._headers)
            try:
                with self._opener.open(request, timeout=self.timeout) as response:
                    return _read_body(response)
            except urllib.error.HTTPError as error:
                # Its body may break off as an answer's may, so it is read within.
                raise _refused(address, error) from None
        except (UnicodeError, ValueError, http.client.InvalidURL) as error:
            raise OptionError(f"{self.url} is not an address that can be asked ({error}): check it") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise SeekletError(
                f"{address} doesn't answer ({reason or type(error).__name__}): check the address"
            ) from None


def _read_body(response: Any) -> bytes:
    """Reads a body, MOST_BYTES of it at most; raises HTTPException where the connection ends before it does."""
    data: bytes = response.read(MOST_BYTES)
    # http.client counts what is left, but with a limit it doesn't complain.
    if response.length and len(data) < MOST_BYTES:
        raise http.client.IncompleteRead(data, response.length)
    return data


def _refused(address: str, error: urllib.error.HTTPError) -> SeekletError:
    """Returns what a status other than 200 means; raises OSError or HTTPException where its body can't be read."""
    with error:
        if 300 <= error.code < 400:
            return SeekletError(f"{address} redirects to {error.headers.get('location')}: give that address")
        refused = refusal(address, _read_body(error), error.code)
    # A gateway or a proxy has no code of seeklet's. Programs need the status: after 429 they ask again later.
    code = CODES.get(error.code, "http_error")
    told = refused or RequestError(error.code, code, f"{address} can't answer: HTTP status {error.code}")
    if "retry-after" in error.headers:
        told.headers = {"retry-after": error.headers["retry-after"]}
    return told


def refusal(where: str, data: bytes, status: int) -> RequestError | None:
    """Reads the error of an answer: a problem, or the error of POST /similar. None where the data is neither."""
    try:
        answer = json.loads(data)
        error = answer["error"] if "error" in answer else {**answer, "message": answer["detail"]}
        message, code, field = error["message"], error["code"], error.get("field")
        return RequestError(status, code, f"{where} can't answer: {message} ({code})", field)
    except NO_ANSWER:
        return None


def no_answer(where: str, data: bytes) -> SeekletError:
    """Returns the error for an answer that can't be seeklet's."""
    shown = data[:80].decode(errors="replace")
    return SeekletError(f"{where} answers {shown!r}, which is no answer of seeklet: check the target")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that follows no redirect: urllib would send the API key to any other host, and GET instead of POST."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        """Does nothing, so urllib raises the redirect as an HTTPError."""
