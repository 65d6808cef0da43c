"""The function: one event to one response. No event makes it raise.

HTTP event   -> read_request -> the key -> a route, or FastAPI for all other paths -> write_response
ping         -> one real search, so that the next request finds everything in memory
direct query -> the answer itself, as an object
other events -> {"error": ...}
"""

from __future__ import annotations

import functools
import json
from typing import Any

from handler.errors import RequestError
from handler.events import Request, is_direct, is_http, is_ping, read_request, write_response
from handler.json_types import json_type
from handler.requests import KEY_HEADER, check_similar, refuse_body, refuse_without_key
from handler.responses import Response, defect, refusal
from handler.routes import ROUTES, answer_similar
from handler.searcher import Searcher
from handler.settings import Settings

WARM_QUERY = "europe climate change storm"


class Function:
    """A loaded artifact behind Lambda's entry: `function(event, context)`."""

    def __init__(self, settings: Settings, searcher: Searcher, *, direct: bool = True) -> None:
        """Answers from the searcher; with `direct` off, FastAPI answers every HTTP event."""
        self.settings = settings
        self.searcher = searcher
        self._routes = ROUTES if direct else {}

    @classmethod
    def load(cls, settings: Settings) -> Function:
        """Fetches the artifact if it is on S3, and loads it; raises SeekletError where it can't."""
        directory = settings.artifact_dir
        if settings.artifact_uri:
            # Imported only where it is needed: botocore takes longer than all the rest.
            from handler.fetch import fetch_artifact

            directory = fetch_artifact(settings.artifact_uri, owner=settings.artifact_bucket_owner)
        return cls(settings, Searcher.load(directory, settings.threads))

    def __call__(self, event: Any, _context: Any = None) -> dict[str, Any]:
        """Answers one event; it never raises."""
        if is_http(event):
            return write_response(event, self._answer_http(event))
        try:
            if is_ping(event):
                return self.warm()
            if is_direct(event):
                return self._answer_direct(event)
            raise _unknown(event)
        except RequestError as error:
            return self._parsed(refusal(error).body)
        except Exception as error:  # noqa: BLE001 - a defect: logged with its traceback, and answered without it
            return self._parsed(defect(error).body)

    def warm(self) -> dict[str, Any]:
        """Answers a ping: runs one search."""
        hits = self.searcher.search(WARM_QUERY, 1)
        return {"status": "warm", "documents": self.searcher.manifest.count, "results": len(hits)}

    def _answer_direct(self, event: dict[str, Any]) -> dict[str, Any]:
        query = check_similar(event, self.settings.max_results)
        refuse_body(len(query.text.encode()), self.settings.max_body_bytes)
        return self._parsed(answer_similar(self.searcher, self.settings, query))

    def _answer_http(self, event: dict[str, Any]) -> Response:
        try:
            request = read_request(event)
            sent = request.headers.get(KEY_HEADER, "").encode(errors="surrogatepass")
            refuse_without_key(sent, self.settings.api_key)
            route = self._routes.get((request.method, request.path))
            if route is None:
                return self._answer_by_app(request)
            return Response(200, route(self.searcher, self.settings, request.body()))
        except RequestError as error:
            return refusal(error)
        except Exception as error:  # noqa: BLE001 - as above
            return defect(error)

    def _answer_by_app(self, request: Request) -> Response:
        # FastAPI takes longer to import than all the rest of the function (docs/adr/0003-cold-start.md).
        from handler.gateway import ask

        return ask(self.app, request)

    @functools.cached_property
    def app(self) -> Any:
        """The same routes as a FastAPI application, for uvicorn and for /docs."""
        from handler.api import create_app

        return create_app(self.settings, self.searcher)

    @staticmethod
    def _parsed(body: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(body)
        return answer


def _unknown(event: object) -> RequestError:
    """Returns the error for an event of no known kind; it names the event's fields or its type."""
    what = json_type(event)
    if isinstance(event, dict):
        what = ", ".join(map(str, event))[:80] or "nothing"
    return RequestError(
        400,
        "unknown_event",
        f"the event holds {what!a}: send an HTTP event of API Gateway, a function URL or a load balancer, "
        'a scheduled event, or {"text": "...", "num_results": 5}',
    )
