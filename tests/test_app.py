"""The function over its sample events, and uvicorn over the same requests."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_events import BAD_BODIES, EVENTS, BrokenSearcher, error_of, json_requests, make_event, post, send
from hypothesis import given
from pydantic import ValidationError
from servers import uvicorn_server

from handler.errors import RequestError
from handler.events import read_request
from handler.function import Function
from handler.hits import Hit
from handler.local import LocalEngine
from handler.routes import ROUTES
from handler.routes.similar import parse_similar
from handler.schemas.similar import ErrorResponse, SimilarRequest, SimilarResponse
from handler.searcher import Searcher
from handler.settings import Settings

ITEM = re.compile(r"Item:(?P<text>.*) \(index: (?P<index>\d+) score:(?P<score>-?\d[\d.e-]*)\)", re.DOTALL)


@pytest.fixture(scope="module")
def server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """uvicorn over the same artifact, on a free port."""
    with uvicorn_server(artifact, tmp_path_factory.mktemp("uvicorn") / "log") as url:
        yield url


@pytest.mark.parametrize("name", EVENTS)
def test_uvicorn_answers_each_event_alike(function: Function, server: str, name: str) -> None:
    response = send(function, EVENTS[name])
    request = read_request(EVENTS[name])
    address = f"{server}{request.path}?{request.query}"
    served = httpx.request(request.method, address, content=request.body())
    assert (served.status_code, served.text) == (response["statusCode"], response["body"])
    assert served.headers["content-type"] == response["headers"]["content-type"]
    assert served.status_code == (422 if name.startswith("bad-request") else 200)


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith("similar")])
def test_the_articles_form(function: Function, artifact: Path, name: str) -> None:
    answer = json.loads(send(function, EVENTS[name])["body"])
    SimilarResponse.model_validate(answer)
    hits = Searcher.load(artifact).search("europe climate change storm", 5, "semantic")
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


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_a_mode_is_answered_with_the_scores_parts(function: Function, artifact: Path, mode: str) -> None:
    asked = {"text": "a storm over Europe", "num_results": 9, "mode": mode}
    hits = Searcher.load(artifact).search("a storm over Europe", 9, mode)
    for matches in (True, False):
        status, answer = post(function, json.dumps({**asked, "matches": matches}))
        assert status == 200
        SimilarResponse.model_validate(answer)
        assert answer["results"] == [hit.fields(matches=matches) for hit in hits]
    assert {*answer["results"][0]} == {"id", "index", "score", "text", "metadata", "cosine", "keyword"}


def test_a_share_weighs_the_words(function: Function, artifact: Path) -> None:
    asked = {"text": "storms and cheese", "num_results": 9, "mode": "hybrid"}
    searcher = Searcher.load(artifact)
    for share in (0, 0.25, 1):
        status, answer = post(function, json.dumps({**asked, "share": share}))
        hits = searcher.search("storms and cheese", 9, "hybrid", share)
        assert (status, answer["results"]) == (200, [hit.fields(matches=False) for hit in hits])


def test_an_artifact_without_keywords_refuses_their_modes(function: Function, searcher: Searcher) -> None:
    whole = searcher.local
    manifest = whole.manifest._replace(keywords=None)
    without = Searcher(function.searcher.encoder, LocalEngine(manifest, whole.index, whole.documents))
    refusing = Function(function.settings, without)
    for mode in ("hybrid", "keyword"):
        status, answer = post(refusing, json.dumps({"text": "storm", "mode": mode}))
        assert (status, answer["error"]["field"]) == (422, "mode")
        assert answer["error"]["message"] == "the artifact has no keywords, so mode is one of: semantic"
    assert post(refusing, '{"text": "storm", "mode": "semantic"}')[0] == 200
    assert post(refusing, '{"text": "storm"}')[0] == 200


def test_health(function: Function, artifact: Path) -> None:
    answer = json.loads(send(function, EVENTS["health"])["body"])
    assert answer["status"] == "ok"
    assert answer["documents"] == len(Searcher.load(artifact).local.documents)
    assert answer["model_id"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_more_than_the_corpus_gives_what_there_is(function: Function, texts: list[str]) -> None:
    assert len(texts) < 100
    status, answer = post(function, '{"text": "storm", "num_results": 100}')
    assert status == 200
    assert len(answer["results"]) == len(texts)


def test_num_results_may_be_left_out(function: Function) -> None:
    status, answer = post(function, '{"text": "storm"}')
    assert (status, len(answer["results"])) == (200, 5)


def test_any_language_comes_through(function: Function) -> None:
    status, answer = post(function, '{"text": "бүрэн 漢字 \\ud83d\\ude00", "num_results": 1}'.encode())
    assert (status, len(answer["results"])) == (200, 1)


@pytest.mark.parametrize(
    ("body", "status", "field"), BAD_BODIES, ids=[str(body)[:40] for body, _, _ in BAD_BODIES]
)
def test_a_bad_body_names_its_field(
    function: Function, body: str | bytes, status: int, field: str | None
) -> None:
    got, answer = post(function, body)
    ErrorResponse.model_validate(answer)
    assert (got, answer["error"]["field"]) == (status, field)
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("POST", "/similarr", 404),
        ("POST", "/similar/", 404),
        ("GET", "/../etc/passwd", 404),
        ("GET", "/similar", 405),
        ("DELETE", "/similar", 405),
        ("POST", "/health", 405),
    ],
)
def test_a_wrong_path_or_method(function: Function, method: str, path: str, status: int) -> None:
    got, answer = post(function, '{"text": "storm"}', path, method)
    assert got == status
    assert "POST /similar" in error_of(answer)["message"]


def test_a_body_that_is_not_base64(function: Function) -> None:
    event = make_event("POST", "/similar", body="not base64!", isBase64Encoded=True)
    response = send(function, event)
    ErrorResponse.model_validate(json.loads(response["body"]))
    assert response["statusCode"] == 400


def test_a_byte_order_mark_is_named(function: Function) -> None:
    status, answer = post(function, '\ufeff{"text": "storm"}')
    assert (status, "byte order mark" in error_of(answer)["message"]) == (400, True)


def test_a_defect_of_ours_is_a_500_without_its_insides(
    function: Function, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Function(function.settings, BrokenSearcher(function.searcher))
    status, answer = post(broken, '{"text": "storm"}')
    ErrorResponse.model_validate(answer)
    assert (status, answer["error"]["code"]) == (500, "internal_error")
    assert "secret" not in answer["error"]["message"]
    assert "ZeroDivisionError: secret" in caplog.text


class NotANumber(BrokenSearcher):
    """A searcher over damaged vectors."""

    def search(self, *_: Any, **__: Any) -> list[Hit]:
        return [Hit("a", 0, math.nan, "storm", {})]


@pytest.mark.parametrize("direct", [True, False])
def test_no_answer_holds_nan(function: Function, direct: bool) -> None:
    broken = Function(function.settings, NotANumber(function.searcher), direct=direct)
    status, answer = post(broken, '{"text": "storm"}')
    assert (status, answer["error"]["code"]) == (500, "internal_error")
    assert broken({"text": "storm"})["error"]["code"] == "internal_error"


def test_openapi_has_an_example_that_runs(function: Function) -> None:
    status, schema = post(function, "", "/openapi.json", "GET")
    assert status == 200
    operation = schema["paths"]["/similar"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    for example in content["schema"]["examples"]:
        got, answer = post(function, json.dumps(example))
        assert got == 200
        SimilarResponse.model_validate(answer)
    assert {"200", "400", "413", "422"} <= set(operation["responses"])
    assert {(method.upper(), path) for path, said in schema["paths"].items() for method in said} == set(
        ROUTES
    )


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
def test_each_route_refuses_a_body_that_is_too_long(function: Function, path: str) -> None:
    most = function.settings.max_body_bytes
    status, answer = post(function, " " * (most + 1), path.replace("{id}", "any"))
    assert (status, f"more than {most:,} bytes" in json.dumps(answer)) == (413, True)


def test_openapi_has_the_errors_that_any_route_may_answer(function: Function) -> None:
    """A generated client gives no answer at all for a status that it doesn't know."""
    _, schema = post(function, "", "/openapi.json", "GET")
    for operation in (said for methods in schema["paths"].values() for said in methods.values()):
        for status in ("500", "503"):
            (content,) = operation["responses"][status]["content"].values()
            assert content["schema"]["$ref"].endswith(("Problem", "ErrorResponse"))


def test_generators_of_clients_can_read_openapi(function: Function) -> None:
    """They name each value of an enum without regard to case, and what leads back to itself by its component."""
    _, schema = post(function, "", "/openapi.json", "GET")
    for enum in (each["enum"] for each in members_of(schema) if isinstance(each.get("enum"), list)):
        assert len({str(value).lower() for value in enum}) == len(enum)
    schemas = schema["components"]["schemas"]
    for alternative in schemas["StoreFilter"]["anyOf"]:
        assert "StoreFilter" not in json.dumps(alternative.get("properties", {}))


def members_of(value: Any) -> Iterator[dict[str, Any]]:
    """All objects within a JSON value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from members_of(each)


def test_docs_is_a_page(function: Function) -> None:
    event = json.loads(json.dumps(EVENTS["health"]))
    event["requestContext"]["http"]["path"] = "/docs"
    response = function(event)
    assert response["statusCode"] == 200
    assert response["headers"]["content-type"].startswith("text/html")
    assert 'url: "openapi.json"' in response["body"]
    # Whatever comes from elsewhere is run only where its hash is known.
    foreign = re.findall(r"<(?:script|link)[^>]*https?://[^>]*>", response["body"])
    assert len(foreign) == 2
    for tag in foreign:
        assert re.search(r'integrity="sha384-[A-Za-z0-9+/]{64}" crossorigin="anonymous"', tag)
        assert re.search(r"@\d+\.\d+\.\d+/", tag)


def test_no_other_page_loads_scripts(function: Function) -> None:
    assert post(function, "", "/redoc", "GET")[0] == 404


@given(json_requests)
def test_the_schema_says_what_the_parser_does(request_fields: dict[str, Any]) -> None:
    settings = Settings.from_env({"MAX_RESULTS": str(10**9), "MAX_BODY_BYTES": str(10**6)})
    try:
        parse_similar(json.dumps(request_fields).encode(), settings)
        parsed = True
    except RequestError:
        parsed = False
    try:
        SimilarRequest.model_validate(request_fields)
        valid = True
    except ValidationError:
        valid = False
    assert parsed == valid
