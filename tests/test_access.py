"""The API key over HTTP, as uvicorn serves it, and what a function without one never loads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from http_events import EVENTS, error_of
from servers import uvicorn_server

from handler.errors import RequestError
from handler.events import read_request
from handler.requests import check_key
from handler.variables import ApiKey

ROOT = Path(__file__).parent.parent
KEY = "k3y-of-the-test!"


@pytest.fixture(scope="module")
def server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """uvicorn with API_KEY set: its address and its log."""
    log = tmp_path_factory.mktemp("uvicorn") / "log"
    with uvicorn_server(artifact, log, API_KEY=KEY) as url:
        yield url, log


@pytest.mark.parametrize("path", ["/similar", "/health", "/docs", "/openapi.json", "/nowhere"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"x-api-key", b"")],
        [(b"x-api-key", b"another")],
        [(b"x-api-key", b"\xff\xfe")],
        [(b"x-api-key", KEY.encode()), (b"x-api-key", b"another")],
        [(b"authorization", KEY.encode())],
    ],
    ids=["missing", "empty", "wrong", "not ASCII", "twice", "elsewhere"],
)
def test_every_path_is_refused_without_the_key(
    server: tuple[str, Path], path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    answer = httpx.get(server[0] + path, headers=headers)
    error = error_of(answer.json())
    assert (answer.status_code, error["code"]) == (403, "forbidden")


@pytest.mark.parametrize("name", ["x-api-key", "X-Api-Key"])
def test_with_the_key_everything_is_as_ever(server: tuple[str, Path], name: str) -> None:
    url, log = server
    headers = {name: KEY}
    assert httpx.post(f"{url}/similar", json={"text": "storm"}, headers=headers).status_code == 200
    assert httpx.get(f"{url}/nowhere", headers=headers).status_code == 404
    schema = httpx.get(f"{url}/openapi.json", headers=headers).json()
    assert "403" in schema["paths"]["/similar"]["post"]["responses"]
    assert KEY not in log.read_text()


def test_a_value_that_is_no_text_is_no_key() -> None:
    for headers in ({"x-api-key": None}, {"x-api-key": 5}, None, {}, [1]):
        request = read_request({**EVENTS["similar"], "headers": headers})
        assert "x-api-key" not in request.headers
    request = read_request({**EVENTS["similar-rest"], "multiValueHeaders": {"X-Api-Key": ["a", "b"]}})
    assert request.headers["x-api-key"] == "a, b"


def test_no_key_set_lets_everyone_in_and_the_error_hides_the_key() -> None:
    keys = [ApiKey("web", KEY), ApiKey("app", KEY[::-1])]
    assert check_key(b"", []) == ""
    assert [check_key(key.encode(), keys) for _, key in keys] == ["web", "app"]
    with pytest.raises(RequestError) as caught:
        check_key(b"another", keys)
    assert KEY not in str(caught.value)
    assert "another" not in str(caught.value)


def test_without_a_key_the_plain_path_loads_no_hmac_and_without_uris_neither_botocore_nor_pg8000(
    artifact: Path,
) -> None:
    script = (
        "import json, sys, handler.app\n"
        "handler.app.handler(json.load(open('events/similar.json')), None)\n"
        "unneeded = {'hmac', 'botocore', 'pg8000', 'handler.fetch', 'handler.postgres', 'handler.snapstart'}\n"
        "print(*sorted(unneeded & set(sys.modules)))\n"
    )
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in {"API_KEY", "ARTIFACT_URI", "INDEX_URI"}
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**environ, "ARTIFACT_DIR": str(artifact)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
