"""`seeklet query` of a URL and of a deployed function, against servers that answer as those do."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answering import AnsweringServer, answering_server

from handler.errors import ArtifactError, OptionError, SeekletError
from handler.function import Function
from handler.settings import Settings
from seeklet.asking import ask_folder, ask_function, ask_url, read_results
from seeklet.http_service import MOST_BYTES
from seeklet.targets import Question, find_target

RESULTS = [{"id": "7", "index": 6, "score": 0.5, "text": "a storm", "metadata": {"topic": "weather"}}]
ANSWER = json.dumps({"text": ["Item:a storm (index: 6 score:0.5)"], "results": RESULTS}).encode()
REFUSED = json.dumps(
    {"error": {"code": "invalid_request", "message": "ask for 1 to 100", "field": "k"}}
).encode()


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering_server() as answering:
        answering.answer(200, ANSWER)
        yield answering


@pytest.mark.parametrize("path", ["", "/", "/similar", "/prod", "/prod/similar/"])
def test_a_url(server: AnsweringServer, path: str) -> None:
    assert find_target(server.url + path, None, None, None)(Question("a storm", 3)) == RESULTS
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", f"{'/prod' if 'prod' in path else ''}/similar")
    assert json.loads(asked.body) == {"text": "a storm", "num_results": 3}
    assert asked.headers["content-type"] == "application/json"
    assert "x-api-key" not in asked.headers


def test_the_api_key_is_sent(server: AnsweringServer) -> None:
    ask_url(server.url, "se~cret!")(Question("a", 1))
    assert server.asked[0].headers["x-api-key"] == "se~cret!"
    for key in ("a key", "clé", "a\r\nx-other: b"):
        with pytest.raises(OptionError, match="a character that a header can't carry: check --api-key"):
            ask_url(server.url, key)


def test_the_api_key_is_not_sent_on(server: AnsweringServer) -> None:
    with answering_server() as elsewhere:
        elsewhere.answer(200, ANSWER)
        for status in (301, 302, 303, 307, 308):
            server.answer(status, b"", {"location": f"{elsewhere.url}/similar"})
            with pytest.raises(
                SeekletError, match=rf"redirects to {elsewhere.url}/similar: give that address"
            ):
                ask_url(server.url, "secret")(Question("a", 1))
        assert elsewhere.asked == []


# Python reads and writes what JSON hasn't.
ODD: list[dict[str, Any]] = [
    {"score": math.nan},
    {"score": math.inf},
    {"index": math.inf},
    {"index": math.nan},
    {"metadata": {"a": [math.nan]}},
    {"metadata": [1]},
]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (422, REFUSED, r"/similar can't answer: ask for 1 to 100 \(invalid_request\)$"),
        (200, REFUSED, r"/similar can't answer: ask for 1 to 100 \(invalid_request\)$"),
        (403, b'{"message":"Forbidden"}', r"/similar can't answer: HTTP status 403$"),
        (502, b"<html>", r"/similar can't answer: HTTP status 502$"),
        (200, b"<html>", r"answers '<html>', which is no answer of seeklet: check the target$"),
        (200, b'{"results": [{"id": "a"}]}', r"answers .*, which is no answer of seeklet"),
        (200, b'{"results": 5}', r"answers .*, which is no answer of seeklet"),
        (200, b"[" * 100_000, r"answers .*, which is no answer of seeklet"),
        *((200, json.dumps({"results": [{**RESULTS[0], **odd}]}).encode(), "no answer of") for odd in ODD),
        (200, b"\xff", "answers '\ufffd', which is no answer of seeklet"),
    ],
)
def test_answers_that_are_none(server: AnsweringServer, status: int, body: bytes, message: str) -> None:
    server.answer(status, body)
    with pytest.raises(SeekletError, match=message):
        ask_url(server.url, None)(Question("a", 1))


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(SeekletError, match=r"/similar doesn't answer \(.*refused.*\): check the address"):
            ask_url(url, None)(Question("a", 1))


@pytest.mark.parametrize("url", ["http://", "http://a:b", "http://a b/", "http://[::1", "https://x\x00y"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(SeekletError, match=r"check (it|the address)$"):
        ask_url(url, None)(Question("a", 1))


def test_an_answer_without_end_is_not_kept() -> None:
    assert MOST_BYTES > 10 * 6_291_556  # what Lambda can answer
    with pytest.raises(SeekletError, match="which is no answer of seeklet"):
        read_results("x", ANSWER[:-1])


@pytest.fixture
def lambda_service(server: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> AnsweringServer:
    """The server as AWS Lambda, for a client with credentials."""
    pytest.importorskip("botocore")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    return server


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:seeklet-dev"


@pytest.mark.parametrize(
    ("name", "region", "signed_for"),
    [
        ("seeklet-dev", "us-east-1", "us-east-1"),
        ("seeklet-dev:live", "us-east-1", "us-east-1"),
        (ARN, None, "eu-west-1"),
    ],
)
def test_a_function(lambda_service: AnsweringServer, name: str, region: str | None, signed_for: str) -> None:
    assert find_target(name, None, region, None)(Question("a storm", 2)) == RESULTS
    (asked,) = lambda_service.asked
    assert json.loads(asked.body) == {"text": "a storm", "num_results": 2}
    assert asked.path.split("/")[3].replace("%3A", ":") == name
    assert f"/{signed_for}/lambda/" in asked.headers["authorization"]


def test_a_function_of_ours(lambda_service: AnsweringServer, artifact: Path) -> None:
    function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(artifact)}))
    ask = ask_function("f", "us-east-1", None)
    for mode in ("hybrid", "semantic", "keyword"):
        event = {"text": "a storm", "num_results": 3, "mode": mode, "matches": True}
        lambda_service.answer(200, json.dumps(function(event)).encode())
        assert ask(Question("a storm", 3, mode)) == ask_folder(artifact)(Question("a storm", 3, mode))
        assert json.loads(lambda_service.asked[-1].body) == event
    lambda_service.answer(200, json.dumps(function({"text": "a storm", "num_results": 999})).encode())
    with pytest.raises(
        SeekletError, match=r"the function f can't answer: num_results is 999: ask for 1 to 100"
    ):
        ask(Question("a storm", 999))


@pytest.mark.parametrize(
    ("status", "body", "headers", "message"),
    [
        (200, REFUSED, {}, r"the function f can't answer: ask for 1 to 100 \(invalid_request\)"),
        (
            200,
            b'{"errorMessage": "no memory", "errorType": "Runtime.ExitError"}',
            {"x-amz-function-error": "Unhandled"},
            r"the function f failed \(no memory\): its log says why",
        ),
        (200, b"[]", {"x-amz-function-error": "Unhandled"}, r"the function f failed \(\[\]\)"),
        (200, b"null", {}, r"the function f answers 'null', which is no answer of seeklet"),
        (
            404,
            b'{"Message": "Function not found"}',
            {"x-amzn-errortype": "ResourceNotFoundException"},
            r"there is no folder f, and the function f can't be asked \(.*ResourceNotFound.*\): check its name",
        ),
    ],
)
def test_a_function_that_fails(
    lambda_service: AnsweringServer, status: int, body: bytes, headers: dict[str, str], message: str
) -> None:
    lambda_service.answer(status, body, headers)
    with pytest.raises(SeekletError, match=message):
        ask_function("f", "us-east-1", None)(Question("a", 1))


@pytest.mark.usefixtures("lambda_service")
def test_a_function_without_region_or_profile() -> None:
    with pytest.raises(SeekletError, match=r"there is no folder f, and .*region.*: check --region"):
        find_target("f", None, None, None)
    with pytest.raises(
        SeekletError, match=r"the function f can't be asked \(.*\(nobody\).*: check --region and"
    ):
        find_target("f", None, "us-east-1", "nobody")


@pytest.mark.parametrize("target", ["127.0.0.1:3917", "localhost:3000", "search.example.org:80/prod"])
def test_a_url_without_its_beginning(target: str) -> None:
    with pytest.raises(ArtifactError) as raised:
        find_target(target, None, None, None)
    assert str(raised.value) == (
        f"{target} has no http:// or https:// before it: write http://{target} for a URL"
    )


@pytest.mark.parametrize("target", ["ftp://x", "postgresql://me:secret@host/db", "S3://bucket/secret"])
def test_another_address_is_refused_without_what_it_holds(target: str) -> None:
    with pytest.raises(ArtifactError) as raised:
        find_target(target, None, None, None)
    beginning = target.partition("//")[0]
    assert str(raised.value) == (
        f"{beginning}// can't be asked: name an artifact's folder, a service's URL, or a deployed function"
    )


@pytest.mark.parametrize("target", ["no/folder", "./x", "a b", "x" * 65, "arn:aws:s3:::bucket"])
def test_what_can_be_no_target(target: str) -> None:
    with pytest.raises(
        ArtifactError, match=r"there is no artifact folder .*: name one, or a URL, or a deployed"
    ):
        find_target(target, None, None, None)
