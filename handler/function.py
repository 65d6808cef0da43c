"""The function: one event to one response. No event makes it raise.

HTTP event   -> read_request -> the router, or FastAPI for its two paths -> write_response
ping         -> one real search, so that the next request finds everything in memory
direct query -> the answer itself, as an object
other events -> {"error": ...}
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from types import MappingProxyType

from handler.errors import RequestError, is_defect
from handler.events import Request, direct_path, is_http, is_ping, read_request, write_response
from handler.json_types import is_unicode, json_type
from handler.light_typing import TYPE_CHECKING, Any
from handler.record import Watcher
from handler.responses import Response, as_defect, without_body
from handler.router import OLD_PATH, Router
from handler.routes import FRAMEWORK_PATHS, find_route
from handler.searcher import Searcher
from handler.service import WARM_QUERY, Service, Source
from handler.settings import Settings
from handler.threads import available_cpus

if TYPE_CHECKING:
    from handler.output import Teller

# How long a ping waits for a new release, in seconds, where Lambda doesn't say how much time is left.
WAIT = 60.0
# What is left of an event's time, in seconds, for its answer.
_MARGIN = 2.0


class Function:
    """What is served, behind Lambda's entry: `function(event, context)`."""

    def __init__(
        self,
        settings: Settings,
        searcher: Searcher | None = None,
        *,
        source: Source | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
        direct: bool = True,
    ) -> None:
        """Answers from the searcher, or from what the source has at each event.

        `environ` has what Lambda sets anew at each event: the id of its trace. With `direct` off, FastAPI answers every
        HTTP event.
        """
        if source is None:
            if searcher is None:
                raise TypeError("a Function needs a searcher or a source")
            source = Service(settings, searcher)
        self.settings = settings
        self.source = source
        self.router = Router(source)
        self._direct = direct
        self._watch = watchers(settings, environ)
        if not settings.snap_start:
            self.router.watchers += self._watch

    @classmethod
    def load(cls, settings: Settings, environ: Mapping[str, str] = MappingProxyType({})) -> Function:
        """Fetches the artifact if it is on S3, and loads it; raises SeekletError where it can't."""
        if settings.index_uri:
            from handler.published import PublishedSource

            return cls(settings, environ=environ, source=PublishedSource.open(settings))
        if settings.indexes:
            from handler.indexes import Catalog

            return cls(settings, environ=environ, source=Catalog(settings))
        if settings.artifact_uri:
            # Imported only where it is needed: botocore takes longer than all the rest.
            from handler.loading import Loader
            from handler.opening import open_source

            return cls(settings, environ=environ, source=open_source(Loader(settings), settings.artifact_uri))
        return cls(settings, Searcher.load(settings.artifact_dir, settings.threads), environ=environ)

    @property
    def searcher(self) -> Searcher:
        """The searcher that an event which begins now is answered from."""
        return self.source.current().searcher

    def resume(self) -> None:
        """Lets looks for new releases begin, which must not run before a snapshot, and lines: its requests are nobody's."""
        self.router.watchers += [watch for watch in self._watch if watch not in self.router.watchers]
        self.source.resume()

    def __call__(self, event: Any, context: Any = None) -> dict[str, Any]:
        """Answers one event; it never raises."""
        if is_http(event):
            return write_response(event, self._answer_http(event, context))
        try:
            if is_ping(event):
                self.router.tell_ping(_invocation(context))
                return self.warm(_seconds_left(context))
            if path := direct_path(event):
                return self._answer_direct(event, path, context)
            raise _unknown(event)
        except RequestError as error:
            return self._refuse(error, context)
        except BaseException as error:
            if not is_defect(error):
                raise
            return self._refuse(as_defect(error), context)

    def warm(self, seconds: float = WAIT) -> dict[str, Any]:
        """Answers a ping: runs one search, after it has waited, at most so long, for a new release that is being loaded."""
        self.source.current()
        self.source.wait(seconds)
        searcher = self.searcher
        hits = searcher.search(WARM_QUERY, 1)
        return {"status": "warm", "documents": searcher.manifest.count, "results": len(hits)}

    def _answer_direct(self, event: dict[str, Any], path: str, context: Any) -> dict[str, Any]:
        if self.settings.indexes and "index" in event:
            name, event = event["index"], {key: value for key, value in event.items() if key != "index"}
            names = [place.name for place in self.settings.indexes]
            if name not in names:
                from handler.indexes import unknown_index

                return self._refuse(unknown_index(name, names), context, problem=path != OLD_PATH)
            path = f"/{name}{path}"
        request = Request("POST", path, {}, raw_body=_to_text(event), invocation=_invocation(context))
        # Who may invoke the function needs no key: AWS has checked the caller's permission.
        return self._parsed(self.router.respond(request, needs_key=False).body)

    def _answer_http(self, event: dict[str, Any], context: Any = None) -> Response:
        try:
            request = read_request(event, _invocation(context) if self.router.watchers else "")
        except RequestError as error:
            return self.router.refuse(error, invocation=_invocation(context))
        except Exception as error:  # noqa: BLE001 - a defect: logged with its traceback, and answered without it
            return self.router.refuse(as_defect(error), invocation=_invocation(context))
        if request.method == "HEAD":
            return without_body(self._route(request._replace(method="GET")))
        return self._route(request)

    def _route(self, request: Request) -> Response:
        if self._direct and not (request.method == "GET" and request.path in FRAMEWORK_PATHS):
            return self.router.respond(request)
        return self.router.respond(request, self._ask_app)

    def _ask_app(self, request: Request) -> Response:
        # FastAPI takes longer to import than all the rest of the function (docs/adr/0003-cold-start.md).
        from handler.gateway import ask

        if request.path not in FRAMEWORK_PATHS:
            # A wrong path is refused before a body that can't be decoded, as the router does it.
            find_route(request.method, self.source.split(request.path).path)
        return ask(self.app, request)

    @functools.cached_property
    def asgi(self) -> Any:
        """The same routes as an ASGI application, for uvicorn."""
        from handler.asgi import Application

        return Application(self.router, lambda: self.app, available_cpus(), self.settings.max_waiting)

    @functools.cached_property
    def app(self) -> Any:
        """The same routes as a FastAPI application, for /docs; raises RequestError (404) where it isn't packed."""
        try:
            from handler.api import create_app
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("handler"):
                raise
            raise RequestError(
                404, "no_docs", "this function was built without its documentation, by DOCS=off"
            ) from None
        return create_app(self.router)

    def _refuse(self, error: RequestError, context: Any, *, problem: bool = False) -> dict[str, Any]:
        """Returns the answer to an event without HTTP that can't be answered."""
        return self._parsed(self.router.refuse(error, invocation=_invocation(context), problem=problem).body)

    @staticmethod
    def _parsed(body: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(body)
        return answer


def watchers(settings: Settings, environ: Mapping[str, str]) -> list[Watcher]:
    """Makes what the settings ask to be told of requests; what isn't asked for isn't imported."""
    tellers: list[Teller] = []
    if settings.log_requests or settings.metrics != "off":
        from handler.lines import Lines

        tellers.append(Lines(settings, environ=environ))
    if settings.analytics:
        from handler.analytics import Analytics

        tellers.append(Analytics(settings))
    if not tellers:
        return []
    from handler.output import Output

    return [Output(tellers)]


def _invocation(context: Any) -> str:
    """Returns Lambda's id of an event, "" elsewhere."""
    return str(getattr(context, "aws_request_id", ""))


def _seconds_left(context: Any) -> float:
    """Returns how long a ping may wait: less than what Lambda leaves of the event's time."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    return WAIT if left is None else float(left()) / 1000 - _MARGIN


def _to_text(event: dict[str, Any]) -> str:
    """Writes a direct query as the body of its HTTP request: half of a surrogate pair escaped, all else as it is.

    Raises RequestError (400) where it is nested too deeply.
    """
    try:
        text = json.dumps(event, ensure_ascii=False)
    except RecursionError:
        raise RequestError(
            400, "not_json", "the event is nested too deeply: send fields as docs/http.md has them"
        ) from None
    return text if is_unicode(text) else json.dumps(event)


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
