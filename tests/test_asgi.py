"""The ASGI application: the same bytes as the function's, and what a server of its own must bear."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import loops
import pytest
from http_events import BAD_BODIES, EVENTS
from lambda_tools import ROOT

from handler import asgi
from handler.asgi import WATCHED_PATHS, Application
from handler.errors import RequestError
from handler.events import Request, read_request
from handler.function import Function
from handler.record import Watcher
from handler.responses import Response
from handler.settings import Settings

CHANGING = ("x-request-id", "server-timing", "content-length")


def exchange(app: Any, *received: dict[str, Any], **scope: Any) -> list[dict[str, Any]]:
    """What an application sends for one scope, when a server passes on these messages."""
    sent: list[dict[str, Any]] = []
    waiting = iter(received)

    async def receive() -> dict[str, Any]:
        message = next(waiting, None)
        if message is None:
            await asyncio.sleep(3600)
        assert message is not None
        return message

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    described = {"type": "http", "method": "POST", "path": "/similar", "headers": [], "query_string": b""}
    loops.run(app({**described, **scope}, receive, send))
    return sent


def request(app: Any, sent: Request) -> httpx.Response:
    """What a client of the application gets for a request that the function was sent as an event."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(sent.source_ip or "127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            url = httpx.URL(path=sent.path, query=sent.query.encode())
            headers = {name: value for name, value in sent.headers.items() if name != "content-length"}
            return await client.request(sent.method, url, headers=headers, content=sent.body())

    return loops.run(ask())


def steady(headers: Any) -> dict[str, str]:
    return {name: value for name, value in dict(headers).items() if name not in CHANGING}


@pytest.fixture(scope="module")
def app(function: Function) -> Application:
    made = function.asgi
    assert isinstance(made, Application)
    return made


@pytest.mark.parametrize("name", EVENTS)
def test_an_answer_is_the_functions(function: Function, app: Application, name: str) -> None:
    event = EVENTS[name]
    right = function.router.respond(read_request(event))
    answered = request(app, read_request(event))
    if read_request(event).path in ("/docs", "/openapi.json"):
        right = function._answer_http(event)
    assert (answered.status_code, answered.content) == (right.status, right.body)
    assert steady(answered.headers) == steady(right.headers)


@pytest.mark.parametrize(("body", "status", "field"), BAD_BODIES)
def test_a_bad_body_is_the_functions_refusal(
    function: Function, app: Application, body: str | bytes, status: int, field: str | None
) -> None:
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    sent = Request("POST", "/similar", {"content-type": "application/json"}, raw_body=data)
    answered = request(app, sent)
    assert (answered.status_code, answered.content) == function.router.respond(sent)[:2]
    assert answered.status_code == status


@pytest.mark.parametrize("path", ["/similar", "/search", "/docs", "/openapi.json"])
def test_a_body_that_is_too_long_is_refused_with_every_header(function: Function, path: str) -> None:
    settings = function.settings._replace(cors_origins=("*",))
    app = Function(settings, function.searcher).asgi
    sent = Request("GET" if path in ("/docs", "/openapi.json") else "POST", path, {}, raw_body=b" " * 70000)
    answered = request(app, sent)
    assert answered.status_code == 413
    assert answered.headers["access-control-allow-origin"] == "*"
    assert {"x-request-id", "server-timing"} <= set(answered.headers)


def test_it_stops_reading_a_body_that_is_too_long(app: Application) -> None:
    parts = [{"type": "http.request", "body": b" " * 40000, "more_body": True}] * 2
    # A third message would never come.
    assert exchange(app, *parts)[0]["status"] == 413


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/search"), ("GET", "/docs"), ("GET", "/openapi.json")]
)
def test_a_body_that_does_not_arrive_is_refused(
    app: Application, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(asgi, "READ_SECONDS", 0.05)
    part = {"type": "http.request", "body": b"{", "more_body": True}
    start, body = exchange(app, part, method=method, path=path)
    assert start["status"] == 408
    assert dict(start["headers"])[b"connection"] == b"close"
    assert json.loads(body["body"])["code"] == "body_too_slow"


def test_a_client_that_goes_away_is_left_alone(app: Application) -> None:
    part = {"type": "http.request", "body": b"{", "more_body": True}
    assert exchange(app, part, {"type": "http.disconnect"}) == []


def test_it_starts_and_ends_with_the_server(function: Function) -> None:
    app = Function(function.settings, function.searcher).asgi
    sent = exchange(app, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}, type="lifespan")
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/api/health", "/api"),
        ("/api/health", "/api/"),
        ("/api//health", "/api/"),
        ("http://x/health", ""),
        ("HTTPS://x/health", ""),
        ("/apihttp://x/health", "/api"),
        ("/api/http://x/health", "/api/"),
        ("http://x/api/health", "/api"),
        ("/health", ""),
    ],
)
def test_a_root_path_is_taken_off(app: Application, path: str, root: str) -> None:
    body = {"type": "http.request", "body": b""}
    sent = exchange(app, body, method="GET", path=path, root_path=root)
    assert (sent[0]["status"], json.loads(sent[1]["body"])["status"]) == (200, "ok")


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("", ""),
        ("http://x", ""),
        ("/api", "/api"),
        ("/api", "/api/"),
        ("/api/", "/api/"),
        ("/apihttp://x", "/api"),
    ],
)
@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_frameworks_paths_are_read_as_all_others(
    app: Application, path: str, prefix: str, root: str
) -> None:
    body = {"type": "http.request", "body": b""}
    sent = exchange(app, body, method="GET", path=prefix + path, root_path=root)
    assert sent[0]["status"] == 200


def test_metrics_are_for_get_alone(app: Application) -> None:
    for method, status in (("GET", 200), ("POST", 405)):
        start = exchange(app, method=method, path="/metrics")[0]
        assert start["status"] == status
    assert dict(start["headers"])[b"allow"] == b"GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/info", "/docs", "/search", "/nowhere"])
def test_head_is_get_without_the_body(app: Application, path: str) -> None:
    body = {"type": "http.request", "body": b""}
    (get, page), (head, nothing) = (
        exchange(app, body, method=method, path=path, query_string=b"q=storm&k=1")
        for method in ("GET", "HEAD")
    )
    assert (head["status"], nothing["body"]) == (get["status"], b"")
    length = {
        name: dict(start["headers"])[b"content-length"] for name, start in (("GET", get), ("HEAD", head))
    }
    # The counters have counted the first one.
    assert int(length["GET"]) == len(page["body"])
    assert length["HEAD"] == length["GET"] or path == "/metrics"


def test_a_web_socket_is_closed(app: Application) -> None:
    assert exchange(app, {"type": "websocket.connect"}, type="websocket") == [{"type": "websocket.close"}]


class Held:
    """A router whose answers wait until they are let go, but for those of some paths."""

    def __init__(self, settings: Settings, *free: str) -> None:
        self.settings = settings
        self.free = free
        self.source = self
        self.watchers: list[Watcher] = []
        self.let_go = threading.Event()

    def respond(self, sent: Request, answer: Callable[[Request], Response] | None = None) -> Response:
        if answer is not None:
            try:
                return answer(sent)
            except RequestError as error:
                return Response(error.status, error.code.encode(), error.headers)
        if sent.path not in self.free:
            self.let_go.wait(60)
        return Response(200, sent.path.encode(), {})


def test_what_is_beyond_the_queue_is_refused_at_once_and_the_rest_is_answered(function: Function) -> None:
    router = Held(function.settings, *WATCHED_PATHS)
    app = Application(router, lambda: None, threads=2, max_waiting=3)  # type: ignore[arg-type, return-value]

    async def ask(client: httpx.AsyncClient, path: str) -> httpx.Response:
        return await client.post(path, content=b"{}")

    async def ask_all() -> tuple[list[httpx.Response], list[httpx.Response], list[httpx.Response]]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            taken = [asyncio.create_task(ask(client, f"/{number}")) for number in range(5)]
            await asyncio.sleep(0)  # each is begun, in turn
            while app._taken < 5:
                await asyncio.sleep(0.001)
            refused = [await ask(client, "/more") for _ in range(4)]
            watched = [await ask(client, path) for path in WATCHED_PATHS]
            # They didn't wait for the others.
            assert not [task for task in taken if task.done()]
            router.let_go.set()
            answered = [await task for task in taken]
            return answered, refused, watched

    answered, refused, watched = loops.run(ask_all())
    assert [response.text for response in answered] == [f"/{number}" for number in range(5)]
    assert {(response.status_code, response.text) for response in refused} == {(503, "overloaded")}
    assert {response.headers["retry-after"] for response in refused} == {"1"}
    assert [(each.status_code, each.text) for each in watched] == [(200, "/health"), (200, "/ready")]
    # The places are free again.
    assert app._taken == 0


def test_health_is_answered_while_ready_waits_for_a_database(function: Function) -> None:
    router = Held(function.settings, "/health")
    app = Application(router, lambda: None, threads=1, max_waiting=1)  # type: ignore[arg-type, return-value]

    async def ask_both() -> tuple[list[str], list[str]]:
        answered: list[str] = []
        ready = ask(app, "/ready", asyncio.Event(), answered)
        await asyncio.sleep(0)  # it is begun
        await asyncio.wait_for(ask(app, "/health", asyncio.Event(), answered), 30)
        before = [*filter(None, answered)]
        router.let_go.set()
        await ready
        return before, [*filter(None, answered)]

    assert loops.run(ask_both()) == (["/health"], ["/health", "/ready"])


def ask(app: Any, path: str, gone: asyncio.Event, answered: list[str]) -> asyncio.Task[None]:
    """Posts to a path as a client that stays until it is `gone`; the body of its answer goes to `answered`."""
    messages = iter([{"type": "http.request", "body": b"{}"}])

    async def receive() -> dict[str, Any]:
        message = next(messages, None)
        if message is None:
            await gone.wait()
        return message or {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        answered.append(message.get("body", b"").decode())

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
    return asyncio.create_task(app(scope, receive, send))


def test_who_goes_away_leaves_the_queue(function: Function) -> None:
    router = Held(function.settings)
    app = Application(router, lambda: None, threads=1, max_waiting=1)  # type: ignore[arg-type, return-value]
    answered: list[str] = []

    async def ask_all() -> None:
        stays, gone = asyncio.Event(), asyncio.Event()
        first, second = ask(app, "/first", stays, answered), ask(app, "/gone", gone, answered)
        while app._taken < 2:
            await asyncio.sleep(0.001)
        gone.set()
        await second
        while app._taken > 1:
            await asyncio.sleep(0.001)
        third = ask(app, "/third", stays, answered)
        while app._taken < 2:
            await asyncio.sleep(0.001)
        router.let_go.set()
        await asyncio.gather(first, third)

    loops.run(ask_all())
    assert [body for body in answered if body] == ["/first", "/third"]


def test_a_thread_whose_client_has_gone_is_taken_until_it_ends(function: Function) -> None:
    begun = {"/first": threading.Event(), "/gone": threading.Event()}
    end = {path: threading.Event() for path in begun}

    class Slow(Held):
        def respond(self, sent: Request, answer: Callable[[Request], Response] | None = None) -> Response:
            begun[sent.path].set()
            end[sent.path].wait(60)
            return Response(200, b"", {})

    app = Application(Slow(function.settings), lambda: None, threads=1, max_waiting=1)  # type: ignore[arg-type, return-value]

    async def until(true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.sleep(0.001)

    async def ask_all() -> None:
        gone = asyncio.Event()
        first = ask(app, "/first", gone, [])
        await until(begun["/first"].is_set)
        second = ask(app, "/gone", gone, [])
        await until(lambda: app._taken == 2)
        end["/first"].set()
        await first
        await until(begun["/gone"].is_set)
        gone.set()
        await second
        assert app._taken == 1
        end["/gone"].set()
        await until(lambda: app._taken == 0)

    loops.run(ask_all())


def test_an_answer_never_waits_for_fastapi(artifact: Path) -> None:
    script = (
        "import asyncio, sys, handler.app\n"
        # As hypercorn finds it: a name that the module makes when it is asked for isn't among these.
        "app = vars(handler.app)['app']\n"
        "async def receive(): return {'type': 'http.request', 'body': b'{\"text\": \"storm\"}'}\n"
        "async def send(message): print(message.get('status', ''), end='')\n"
        "scope = {'type': 'http', 'method': 'POST', 'path': '/similar', 'headers': [], 'query_string': b''}\n"
        "asyncio.run(app(scope, receive, send))\n"
        "print('', 'fastapi' in sys.modules, 'pydantic' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"ARTIFACT_DIR": str(artifact), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "200 False False", done.stderr
