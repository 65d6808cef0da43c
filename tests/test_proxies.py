"""The service behind a proxy: nginx with the configuration of docs/deploy.md, and what a proxy's headers make of a caller."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import loops
import pytest
from documents import ROOT, read_blocks
from servers import free_port, uvicorn_server, wait_for
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from watched import SALT

from handler.analytics import hash_of
from handler.function import Function
from handler.record import Record
from handler.routes import ROUTES

PREFIX = "/papers"
PROXY, CALLER, FORGED = "10.0.0.7", "198.51.100.7", "203.0.113.9"


@pytest.mark.parametrize(
    ("trusted", "client", "sent", "asked"),
    [
        # A proxy on this machine, which replaces the header or appends to it.
        ("127.0.0.1", "127.0.0.1", CALLER, CALLER),
        ("127.0.0.1", "127.0.0.1", f"{FORGED}, {CALLER}", CALLER),
        # A proxy elsewhere: nobody told uvicorn of it, or somebody did.
        ("127.0.0.1", PROXY, CALLER, PROXY),
        (PROXY, PROXY, f"{FORGED}, {CALLER}", CALLER),
        # A unix socket has no address.
        ("127.0.0.1", None, CALLER, ""),
        ("*", None, CALLER, CALLER),
        # So here the proxy must replace the header.
        ("*", None, f"{FORGED}, {CALLER}", FORGED),
    ],
)
def test_who_asked_is_whom_a_trusted_proxy_names(
    function: Function, trusted: str, client: str | None, sent: str, asked: str
) -> None:
    inner = Function(function.settings, function.searcher)
    told: list[str] = []

    def watch(record: Record) -> None:
        told.append(record.request.source_ip)

    inner.router.watchers.append(watch)  # type: ignore[arg-type]
    app = ProxyHeadersMiddleware(inner.asgi, trusted_hosts=trusted)
    came_from = (client, 1) if client else None

    async def ask() -> None:
        transport = httpx.ASGITransport(app, client=came_from)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            await asking.get("/search?q=storm", headers={"x-forwarded-for": sent})

    loops.run(ask())
    assert told == [asked]


@contextmanager
def nginx(folder: Path, service: str) -> Iterator[str]:
    """nginx with the document's configuration, without TLS, before a service; its address."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        pytest.skip("nginx isn't installed")
    shown = next(
        block.text for block in read_blocks(ROOT / "docs" / "deploy.md") if block.text.startswith("upstream")
    )
    port = free_port()
    shown = shown.replace("127.0.0.1:8000", service.removeprefix("http://"))
    shown = re.sub(r"\n *ssl_.*", "", shown).replace("443 ssl http2", f"127.0.0.1:{port}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/errors;\nevents {{}}\n"
        f"http {{ access_log off; proxy_max_temp_file_size 0; gzip on; gzip_types application/json; gzip_min_length 1; {places}\n{shown}}}\n"
    )
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-e", f"{folder}/errors", "-c", str(configuration)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxied") / "log"


@pytest.fixture(scope="module")
def address(artifact: Path, log: Path) -> Iterator[str]:
    """The address of the proxy."""
    # The path of an index's page is redirected.
    variables = {"ANALYTICS": "on", "ANALYTICS_SALT": SALT, "INDEXES": f"news={artifact}"}
    with uvicorn_server(artifact, log, **variables) as service, nginx(log.parent, service) as proxy:
        yield proxy


@pytest.mark.parametrize(
    "path",
    [
        *(path for method, path in ROUTES if method == "GET" and path != "/search" and "{" not in path),
        *("/search?q=storm", "/docs", "/openapi.json", "/metrics", "/news", "/news/health"),
    ],
)
def test_every_route_is_below_the_prefix(address: str, path: str) -> None:
    for method in ("GET", "HEAD"):
        answered = httpx.request(method, address + PREFIX + path, follow_redirects=True)
        assert answered.status_code == 200, answered.text
        assert str(answered.url).startswith(address + PREFIX)


def test_an_id_keeps_its_slashes(address: str) -> None:
    for path in ("https:%2F%2Fexample.org%2F1", "https://example.org/1"):
        answered = httpx.get(f"{address}{PREFIX}/documents/{path}").json()
        assert (answered["code"], "'https://example.org/1'" in answered["detail"]) == ("no_document", True)


def test_a_compressed_answer_is_known_by_its_tag(address: str) -> None:
    asked = f"{address}{PREFIX}/search?q=storm"
    first = httpx.get(asked, headers={"accept-encoding": "gzip"})
    assert (first.headers["content-encoding"], first.headers["etag"][:2]) == ("gzip", "W/")
    again = httpx.get(asked, headers={"accept-encoding": "gzip", "if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_mcp_knows_its_own_pages_from_others(address: str) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for origin, status in ((address, 200), ("http://127.0.0.1:1", 403), ("https://evil.example", 403)):
        answered = httpx.post(f"{address}{PREFIX}/mcp", json=message, headers={"origin": origin})
        assert answered.status_code == status


def test_a_caller_can_not_name_another(address: str, log: Path) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(transport=transport) as client:
        client.get(f"{address}{PREFIX}/search?q=forged", headers={"x-forwarded-for": FORGED})
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert [line["who"] for line in lines if line["query"] == "forged"] == [hash_of(SALT, "127.0.0.2")]
