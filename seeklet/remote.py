"""`RemoteSearcher` asks the service at a URL, and answers as `Searcher` does. It opens no artifact and repeats no request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from handler.errors import OptionError
from seeklet.http_service import NO_ANSWER, TIMEOUT_SECONDS, HttpService, no_answer

if TYPE_CHECKING:
    from handler.hits import Hit

# What a hit has, and no more.
INCLUDE = ("text", "metadata", "highlights", "explain")


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
