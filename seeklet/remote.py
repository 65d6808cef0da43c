"""A service at a URL: `RemoteSearcher` answers as `Searcher` does, and `HttpService` is the way there and back.

It reads what the service answers, and gives its errors as one sentence. It opens no artifact and repeats no request.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from handler.errors import OptionError, RequestError, SeekletError

if TYPE_CHECKING:
    from handler.hits import Hit

# Longer than API Gateway, which waits 30 s, and than a start on Lambda, which may take 10 s.
TIMEOUT_SECONDS = 60.0
# A day. A socket takes no more than some weeks.
MOST_SECONDS = 86_400
# Ten times the longest answer of Lambda.
MOST_BYTES = 64 * 1024 * 1024
# What a hit has, and no more.
INCLUDE = ("text", "metadata", "highlights", "explain")
# Of an error that has no code of seeklet's; the JavaScript client has the same.
CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "too_many_requests"}
# What json.loads, an index, int(), float() and dict() raise of an answer that is none.
NO_ANSWER = (ValueError, TypeError, KeyError, OverflowError, RecursionError, AttributeError)


class HttpService:
    """The service at `url`, with the API key where there is one. It follows no redirect."""

    def __init__(self, url: str, key: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        if not url.strip().lower().startswith(("http://", "https://")):
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
    return refused or RequestError(error.code, code, f"{address} can't answer: HTTP status {error.code}")


class RemoteSearcher:
    """The search of a service at a URL, by POST /search. It has Searcher's methods `search`, `search_many` and `like`.

    Examples:
        >>> from seeklet import RemoteSearcher
        >>> searcher = RemoteSearcher("https://abc123.execute-api.eu-west-1.amazonaws.com", api_key="secret")
        >>> searcher.timeout
        60.0
    """

    def __init__(self, url: str, api_key: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        """Asks nothing yet.

        Args:
            url: where the service is, without a route: "http://127.0.0.1:3000".
            api_key: the service's API key, if it has one.
            timeout: the seconds after which the search gives up on a service that says nothing; a day at most.

        Raises OptionError if the URL has no http:// or https://, a header can't carry the key, or the timeout is none.
        """
        self._service = HttpService(url, api_key, timeout)

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._service.url

    @property
    def timeout(self) -> float:
        """The seconds after which the search gives up on a service that says nothing."""
        return self._service.timeout

    def search(
        self,
        query: str,
        k: int = 10,
        mode: str | None = None,
        share: float | None = None,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - Searcher's name for it
        offset: int = 0,
        min_score: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """Asks for the k best documents. It takes the arguments of Searcher.search, and returns the same hits.

        Raises RequestError if the service refuses the request, OptionError if the URL can't be used or JSON can't hold
        an option, and SeekletError if nothing answers, or something that isn't seeklet.
        """
        options = {
            "mode": mode,
            "share": share,
            "filter": filter,
            "offset": offset,
            "min_score": min_score,
            "exact": exact or None,
        }
        return self._ask({"query": query}, k, options)[0]

    def search_many(self, queries: Sequence[str], k: int = 10, **options: Any) -> list[list[Hit]]:
        """Asks each of the queries as `search` does, by one request; the options and the errors are those of `search`."""
        if isinstance(queries, str):
            raise TypeError(f"search_many takes a sequence of queries: put {queries!r:.60} in a list")
        return self._ask({"queries": list(queries)}, k, options)

    def like(self, id: str, k: int = 10, **options: Any) -> list[Hit]:  # noqa: A002 - the document's field
        """Asks for the documents most like one of the corpus; the options and the errors are those of `search`.

        Raises RequestError with the status 404 if no document has the id.
        """
        return self._ask({"like": id}, k, options)[0]

    def _ask(self, asked: Mapping[str, Any], k: int, options: Mapping[str, Any]) -> list[list[Hit]]:
        given = {name: value for name, value in options.items() if value is not None}
        try:
            body = json.dumps({**asked, "k": k, **given, "include": INCLUDE}, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise OptionError(f"the request can't be written as JSON ({error}): check the options") from None
        return read_answers(
            self._service.address("/search"), self._service.post("/search", body), "queries" in asked
        )


def read_answers(where: str, data: bytes, many: bool) -> list[list[Hit]]:
    """Reads the answers of POST /search: one, or for many queries one for each.

    Raises SeekletError where the data is no such answer.
    """
    try:
        answer = json.loads(data)
        # Python reads NaN and infinity, which JSON hasn't.
        json.dumps(answer, allow_nan=False)
        answers = answer["answers"] if many else [answer]
        return [[_read_hit(result) for result in one["results"]] for one in answers]
    except NO_ANSWER:
        raise no_answer(where, data) from None


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


def _read_hit(result: Mapping[str, Any]) -> Hit:
    """Reads one result; raises one of NO_ANSWER where it is none."""
    # Asking needs them; importing this module doesn't.
    from handler.hits import Hit
    from handler.keywords import Match
    from handler.passages import Span

    explain, passage = result.get("explain") or {}, result.get("passage")
    parts = [explain.get(name) for name in ("cosine", "keyword")]
    cosine, keyword = (None if part is None else float(part) for part in parts)
    matches = [
        Match(str(match["term"]), int(match["start"]), int(match["end"]))
        for match in result.get("highlights") or ()
    ]
    return Hit(
        str(result["id"]),
        int(result["index"]),
        float(result["score"]),
        str(result["text"]),
        dict(result["metadata"]),
        cosine,
        keyword,
        passage and Span(int(passage["start"]), int(passage["end"])),
        lambda _: matches,
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A handler that follows no redirect: urllib would send the API key to any other host, and GET instead of POST."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        """Does nothing, so urllib raises the redirect as an HTTPError."""
