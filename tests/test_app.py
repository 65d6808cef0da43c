"""The function over its sample events, and uvicorn over the same requests."""

from __future__ import annotations

import base64
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from handler.similar import parse_query
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from servers import uvicorn_server

from handler.errors import RequestError
from handler.schemas import ErrorResponse, SimilarRequest, SimilarResponse
from handler.searcher import Searcher

ROOT = Path(__file__).parent.parent
EVENTS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "events").glob("*.json"))}
ITEM = re.compile(r"Item:(?P<text>.*) \(index: (?P<index>\d+) score:(?P<score>-?\d[\d.e-]*)\)", re.DOTALL)


@pytest.fixture(scope="module")
def app_module(artifact: Path) -> Iterator[Any]:
    patch = pytest.MonkeyPatch()
    patch.setenv("ARTIFACT_DIR", str(artifact))
    sys.modules.pop("handler.app", None)
    yield importlib.import_module("handler.app")
    patch.undo()


@pytest.fixture(scope="module")
def server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """uvicorn over the same artifact, on a free port."""
    with uvicorn_server(artifact, tmp_path_factory.mktemp("uvicorn") / "log") as url:
        yield url


def send(app_module: Any, event: dict[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = app_module.handler(event, None)
    assert response["headers"]["content-type"].startswith("application/json")
    return response


def post(app_module: Any, body: str | bytes, path: str = "/similar", method: str = "POST") -> tuple[int, Any]:
    event = json.loads(json.dumps(EVENTS["similar"]))
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["isBase64Encoded"] = isinstance(body, bytes)
    event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    response = send(app_module, event)
    return response["statusCode"], json.loads(response["body"])


def request_of(event: dict[str, Any]) -> tuple[str, str, bytes]:
    """Method, path and body, whichever of the two payload formats it is."""
    http = event["requestContext"].get("http", {"method": event.get("httpMethod"), "path": event.get("path")})
    body = event.get("body") or ""
    return http["method"], http["path"], base64.b64decode(body) if event["isBase64Encoded"] else body.encode()


@pytest.mark.parametrize("name", EVENTS)
def test_uvicorn_answers_each_event_alike(app_module: Any, server: str, name: str) -> None:
    response = send(app_module, EVENTS[name])
    method, path, body = request_of(EVENTS[name])
    served = httpx.request(method, server + path, content=body)
    assert (served.status_code, served.text) == (response["statusCode"], response["body"])
    assert served.headers["content-type"] == response["headers"]["content-type"]
    expected = {"similar": 200, "health": 200, "bad-request": 422}
    assert served.status_code == expected[re.sub("-(rest|base64)$", "", name)]


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith("similar")])
def test_the_articles_form(app_module: Any, artifact: Path, name: str) -> None:
    answer = json.loads(send(app_module, EVENTS[name])["body"])
    SimilarResponse.model_validate(answer)
    hits = Searcher.load(artifact).search("europe climate change storm", 5)
    assert answer["text"] == [f"Item:{hit.text} (index: {hit.index} score:{hit.score})" for hit in hits]
    for item, result, hit in zip(answer["text"], answer["results"], hits, strict=True):
        match = ITEM.fullmatch(item)
        assert match
        assert (match["text"], int(match["index"]), float(match["score"])) == (hit.text, hit.index, hit.score)
        assert result == {
            "id": hit.id,
            "index": hit.index,
            "score": hit.score,
            "text": hit.text,
            "metadata": hit.metadata,
        }


def test_health(app_module: Any, artifact: Path) -> None:
    answer = json.loads(send(app_module, EVENTS["health"])["body"])
    assert answer["status"] == "ok"
    assert answer["documents"] == len(Searcher.load(artifact).documents)
    assert answer["model_id"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_more_than_the_corpus_gives_what_there_is(app_module: Any, texts: list[str]) -> None:
    assert len(texts) < 100
    status, answer = post(app_module, '{"text": "storm", "num_results": 100}')
    assert status == 200
    assert len(answer["results"]) == len(texts)


def test_num_results_may_be_left_out(app_module: Any) -> None:
    status, answer = post(app_module, '{"text": "storm"}')
    assert (status, len(answer["results"])) == (200, 5)


def test_any_language_comes_through(app_module: Any) -> None:
    status, answer = post(app_module, '{"text": "бүрэн 漢字 \\ud83d\\ude00", "num_results": 1}'.encode())
    assert (status, len(answer["results"])) == (200, 1)


BAD_BODIES: list[tuple[str | bytes, int, str | None]] = [
    ('{"text": "", "num_results": 5}', 422, "text"),
    ('{"text": " \\t\\n\\u00a0", "num_results": 5}', 422, "text"),
    ('{"num_results": 5}', 422, "text"),
    ('{"text": null}', 422, "text"),
    ('{"text": 5}', 422, "text"),
    ('{"text": ["storm"]}', 422, "text"),
    ('{"text": "half \\ud83d of one"}', 422, "text"),
    ('{"text": "storm", "num_results": 0}', 422, "num_results"),
    ('{"text": "storm", "num_results": -1}', 422, "num_results"),
    ('{"text": "storm", "num_results": 101}', 422, "num_results"),
    ('{"text": "storm", "num_results": 1000000000000000000000}', 422, "num_results"),
    ('{"text": "storm", "num_results": "5"}', 422, "num_results"),
    ('{"text": "storm", "num_results": 5.0}', 422, "num_results"),
    ('{"text": "storm", "num_results": true}', 422, "num_results"),
    ('{"text": "storm", "num_results": null}', 422, "num_results"),
    ('{"text": "storm", "k": 5}', 422, "k"),
    ('["storm"]', 422, None),
    ('"storm"', 422, None),
    ("null", 422, None),
    ("", 400, None),
    ("text=storm", 400, None),
    ('{"text": "storm"', 400, None),
    ('{"text": "storm", "num_results": NaN}', 400, None),
    ('{"text": "storm", "num_results": ' + "9" * 5000 + "}", 400, None),
    ("[" * 60000, 400, None),
    (b'{"text": "caf\xe9"}', 400, None),
    (b"\xff\xfe{\x00}\x00", 400, None),
    ('{"text": "' + "a" * 70000 + '"}', 413, None),
]


@pytest.mark.parametrize(
    ("body", "status", "field"), BAD_BODIES, ids=[str(body)[:40] for body, _, _ in BAD_BODIES]
)
def test_a_bad_body_names_its_field(
    app_module: Any, body: str | bytes, status: int, field: str | None
) -> None:
    got, answer = post(app_module, body)
    ErrorResponse.model_validate(answer)
    assert (got, answer["error"]["field"]) == (status, field)
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404),
        ("POST", "/similarr", 404),
        ("POST", "/similar/", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/similar", 405),
        ("DELETE", "/similar", 405),
        ("POST", "/health", 405),
    ],
)
def test_a_wrong_path_or_method(app_module: Any, method: str, path: str, status: int) -> None:
    got, answer = post(app_module, '{"text": "storm"}', path, method)
    ErrorResponse.model_validate(answer)
    assert got == status
    assert "POST /similar" in answer["error"]["message"]


def test_a_body_that_is_not_base64(app_module: Any) -> None:
    event = json.loads(json.dumps({**EVENTS["similar-base64"], "body": "not base64!"}))
    for path in ("/similar", "/other"):
        event["requestContext"]["http"]["path"] = path
        response = send(app_module, event)
        ErrorResponse.model_validate(json.loads(response["body"]))
        assert response["statusCode"] == 400


def test_a_defect_of_ours_is_a_500_without_its_insides(
    app_module: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(query: str, k: int) -> list[Any]:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(app_module.searcher, "search", fail)
    status, answer = post(app_module, '{"text": "storm"}')
    ErrorResponse.model_validate(answer)
    assert (status, answer["error"]["code"]) == (500, "internal_error")
    assert "secret" not in answer["error"]["message"]
    assert "ZeroDivisionError: secret" in caplog.text


def test_openapi_has_an_example_that_runs(app_module: Any) -> None:
    status, schema = post(app_module, "", "/openapi.json", "GET")
    assert status == 200
    operation = schema["paths"]["/similar"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    for example in content["schema"]["examples"]:
        got, answer = post(app_module, json.dumps(example))
        assert got == 200
        SimilarResponse.model_validate(answer)
    assert {"200", "400", "413", "422"} <= set(operation["responses"])
    assert set(schema["paths"]) == {"/similar", "/health"}


def test_docs_is_a_page(app_module: Any) -> None:
    event = json.loads(json.dumps(EVENTS["health"]))
    event["requestContext"]["http"]["path"] = "/docs"
    response = app_module.handler(event, None)
    assert response["statusCode"] == 200
    assert "/openapi.json" in response["body"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 120)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
json_requests = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=8) | json_values,
        "num_results": st.integers(-3, 120) | json_values,
        "k": json_values,
    },
)


@given(json_requests)
def test_the_schema_says_what_the_parser_does(request_fields: dict[str, Any]) -> None:
    try:
        parse_query(json.dumps(request_fields).encode(), max_results=10**9, max_body_bytes=10**6)
        parsed = True
    except RequestError:
        parsed = False
    try:
        SimilarRequest.model_validate(request_fields)
        valid = True
    except ValidationError:
        valid = False
    assert parsed == valid
