"""The ASGI application, for uvicorn: threads answer by router.py, and by FastAPI for its own paths alone.

    request --read, with limits--> [ queue ] --a thread: Router.respond--> response
                                       |
                                       +-- it is full --> 503 with retry-after

Outside Lambda nothing else limits how many requests come at once. So the queue has a limit, and what is beyond it is
refused at once, rather than answered too late. GET /health and /ready have a thread each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor

from handler.counters import CONTENT_TYPE, Counters
from handler.errors import RequestError
from handler.events import Request
from handler.light_typing import Any
from handler.requests import refuse_body
from handler.responses import BODILESS, Response, without_body
from handler.router import Router
from handler.routes import FRAMEWORK_PATHS, METRICS_PATH, wrong_method

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

# A request whose body takes longer is refused: it holds a connection and answers nobody.
READ_SECONDS = 30.0
# They tell whether the process works, so they must be answered under any load. Who asks doesn't wait long.
WATCHED_PATHS = ("/health", "/ready")


class Application:
    """An ASGI 3 application. One process has one event loop and some threads."""

    def __init__(self, router: Router, framework: Callable[[], Asgi], threads: int, max_waiting: int) -> None:
        """Takes the router, and what makes the application for FRAMEWORK_PATHS.

        So many requests are answered at a time as there are `threads`; `max_waiting` more may wait.
        """
        self._router = router
        self._framework = framework
        self._at_once = threads
        self._most = threads + max_waiting
        self._threads = ThreadPoolExecutor(threads, "request")
        # Each has its own: /ready searches, and may wait for a database.
        self._watched = {path: ThreadPoolExecutor(1, "watched") for path in WATCHED_PATHS}
        # On Lambda they would be those of one environment of many.
        self._counters = None if router.source.settings.function_name else Counters()
        if self._counters is not None:
            router.watchers.append(self._counters)
        # How many are answered or wait. Only the event loop's thread changes it.
        self._taken = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers what one scope stands for: a request, or the server's own start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        head = scope["method"] == "HEAD"
        if head:
            scope = {**scope, "method": "GET"}
        if self._counters is not None and read_path(scope) == METRICS_PATH:
            # By no thread: what is counted matters most where all of them are taken.
            response: Response | None = self._router.respond(read_head(scope), self._count)
        else:
            response = await self._respond(scope, receive)
        if response is not None:
            await _send(without_body(response) if head else response, send)

    def _count(self, request: Request) -> Response:
        assert self._counters is not None
        if request.method != "GET":
            raise wrong_method(request.method, request.path, ["GET"])
        return Response(200, self._counters.text().encode(), {"content-type": CONTENT_TYPE})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                # By now the server has waited for its requests.
                for threads in (self._threads, *self._watched.values()):
                    threads.shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})

    async def _respond(self, scope: Message, receive: Receive) -> Response | None:
        """Returns the response; None where the client has gone."""
        request = read_head(scope)
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await read_body(receive, self._router.source.settings.max_body_bytes)
        except TimeoutError:
            return refuse(self._router, request, _too_slow())
        except RequestError as error:
            return refuse(self._router, request, error)
        if body is None:
            return None
        request = request._replace(raw_body=body)
        if watched := self._watched.get(request.path):
            asked = watched.submit(self._router.respond, request)
            return await _unless_gone(asyncio.wrap_future(asked), receive)
        if self._taken >= self._most:
            return refuse(self._router, request, _overloaded())
        waits = self._taken >= self._at_once
        self._taken += 1
        answer = self._threads.submit(self._answer, scope, request)
        # A thread may go on when its client has gone, and its place is taken as long.
        loop = asyncio.get_running_loop()
        answer.add_done_callback(lambda _: loop.call_soon_threadsafe(self._free))
        answered = asyncio.wrap_future(answer)
        return await (_unless_gone(answered, receive) if waits else answered)

    def _free(self) -> None:
        self._taken -= 1

    def _answer(self, scope: Message, request: Request) -> Response:
        """Answers a request whose body is read. It runs on a thread."""
        if not (request.path in FRAMEWORK_PATHS and request.method == "GET"):
            return self._router.respond(request)
        try:
            app = self._framework()
        except RequestError as error:
            return refuse(self._router, request, error)
        # The router is asked within, and asks a source that may ask a database.
        # It has its own reading of a target's form and of a root path: it gets the path that was read.
        read = {**scope, "path": request.path, "root_path": ""}
        return asyncio.run(run_app(app, read, request.body()))


async def run_app(app: Asgi, scope: Message, body: bytes) -> Response:
    """Returns the response of an ASGI application to a request whose body is read."""
    received: list[Message] = [{"type": "http.request", "body": body}]
    sent: list[Message] = []

    async def receive() -> Message:
        return received.pop() if received else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *parts = sent
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    headers.pop("content-length", None)
    return Response(start["status"], b"".join([part.get("body", b"") for part in parts]), headers)


def refuse(router: Router, request: Request, error: RequestError) -> Response:
    """Returns the response to a request whose body isn't read, with the headers that every answer has."""

    def fail(_request: Request) -> Response:
        raise error

    return router.respond(request, fail)


async def _unless_gone(answer: asyncio.Future[Response], receive: Receive) -> Response | None:
    """Waits for an answer; returns None, and takes the request off the queue, where its client goes away first."""
    gone = asyncio.ensure_future(receive())
    await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
    if answer.done():
        gone.cancel()
        return answer.result()
    # One that a thread has begun can't be cancelled, and ends by itself.
    answer.cancel()
    return None


def read_path(scope: Message) -> str:
    """Returns the path below the root path, of a target in absolute form too (RFC 9112, 3.2.2)."""
    path, given = str(scope["path"]), str(scope.get("root_path", ""))
    # uvicorn writes a root path before the target as it is sent: /apihttp://x/health.
    scheme, absolute, target = path.removeprefix(given).partition("://")
    # A scheme may have capitals.
    if absolute and scheme.lower() in ("http", "https"):
        path = "/" + target.partition("/")[2]
    root = given.rstrip("/")
    if not root or not f"{path}/".startswith(f"{root}/"):
        return path
    # uvicorn writes a root path before the path as it is given: /api/ makes /api//health.
    doubled = given != root and path.startswith(f"{given}/")
    return path[len(given if doubled else root) :] or "/"


def read_head(scope: Message) -> Request:
    """Reads all of a request but its body."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=read_path(scope),
        headers=headers,
        query=scope["query_string"].decode("latin-1"),
        source_ip=client[0] if client else "",
        # gateway.py puts it there.
        clock=scope.get("aws.event", {}).get("clock"),
    )


async def read_body(receive: Receive, most: int) -> bytes | None:
    """Reads the body; returns None where the client goes away. Raises RequestError (413) where it is too long."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        # Checked while it is read: outside Lambda a body may have any length.
        refuse_body(len(body), most)
        more = message.get("more_body", False)
    return bytes(body)


async def _send(response: Response, send: Send) -> None:
    fields = dict(response.headers)
    if response.status not in BODILESS:
        fields.setdefault("content-length", str(len(response.body)))
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _overloaded() -> RequestError:
    error = RequestError(503, "overloaded", "too many requests wait for an answer: try again in a second")
    error.headers = {"retry-after": "1"}
    return error


def _too_slow() -> RequestError:
    error = RequestError(408, "body_too_slow", f"the body didn't arrive within {READ_SECONDS:g} seconds")
    # Otherwise the rest of the body would hold the connection for as long as it comes (RFC 9110, 15.5.9).
    error.headers = {"connection": "close"}
    return error
