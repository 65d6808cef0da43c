"""GET /search against POST /search, its ETag, and the documents by id and index."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_events import error_of, make_event, post
from search_requests import QUERY, ask, get
from texts import TEXTS

from handler.function import Function
from handler.schemas.search import Document, Documents
from handler.settings import Settings


def test_a_get_is_the_post(function: Function) -> None:
    topic = TEXTS[0].topic
    response = get(
        function,
        "/search",
        q=QUERY,
        k=3,
        offset=1,
        mode="hybrid",
        share=0.25,
        min_score=0.01,
        filter=json.dumps({"topic": topic}),
        facets="topic",
        include="text, explain",
    )
    assert json.loads(response["body"]) == ask(
        function,
        query=QUERY,
        k=3,
        offset=1,
        mode="hybrid",
        share=0.25,
        min_score=0.01,
        filter={"topic": topic},
        facets=["topic"],
        include=["text", "explain"],
    )


def test_a_get_is_kept_by_its_etag(function: Function) -> None:
    first = get(function, "/search", q=QUERY)
    etag = first["headers"]["etag"]
    assert first["headers"]["cache-control"] == "no-cache"
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        again = get(function, "/search", {"if-none-match": known}, q=QUERY)
        assert (again["statusCode"], again["body"], again["headers"]["etag"]) == (304, "", etag)
    assert get(function, "/search", {"if-none-match": etag}, q="cheese")["statusCode"] == 200
    assert get(function, "/search", {"if-none-match": '"other"'}, q=QUERY)["statusCode"] == 200
    set_so = Function(Settings.from_env({"CACHE_CONTROL": "public, max-age=60"}), function.searcher)
    assert get(set_so, "/search", q=QUERY)["headers"]["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "q"),
        ({"k": "3"}, "q"),
        ({"q": ""}, "query"),
        ({"query": "a"}, "query"),
        ({"q": "a", "k": "many"}, "k"),
        ({"q": "a", "k": "9" * 50}, "k"),
        ({"q": "a", "k": "1_0"}, "k"),
        ({"q": "a", "k": "\u0663"}, "k"),
        ({"q": "a", "share": "0_1"}, "share"),
        ({"q": "a", "share": "null"}, "share"),
        ({"q": "a", "share": "nan"}, "share"),
        ({"q": "a", "filter": "{"}, "filter"),
        ({"q": "a", "filter": "[]"}, "filter"),
        ({"q": "a", "colour": "red"}, "colour"),
    ],
)
def test_a_bad_parameter_is_named(function: Function, parameters: dict[str, str], field: str) -> None:
    response = get(function, "/search", **parameters)
    assert (response["statusCode"], error_of(json.loads(response["body"]))["field"]) == (422, field)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("k=1&k=2", "k is given twice: send it once"),
        ("include=text&include=metadata", "include is given twice: send names with commas between them"),
    ],
)
def test_a_parameter_that_is_given_twice_is_refused(function: Function, query: str, message: str) -> None:
    event = make_event("GET", "/search", rawQueryString=f"q=a&{query}")
    assert json.loads(function(event)["body"])["detail"] == message


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/search", "q=caf%E9"),
        ("GET", "/search", "q=a&filter=%7B%22topic%22%3A%22caf%E9%22%7D"),
        ("GET", "/map/points", "color=caf%E9"),
        # Half of a surrogate pair, which an event's JSON may hold.
        ("GET", "/search", "q=\ud800"),
        ("GET", "/search", "q=a&filter=\ud800"),
        ("GET", "/map/points", "color=\ud800"),
    ],
)
def test_a_query_string_that_is_no_utf8_is_refused_as_a_body_is(
    function: Function, method: str, path: str, query: str
) -> None:
    response = function(make_event(method, path, rawQueryString=query))
    told = error_of(json.loads(response["body"]))
    # A database has no map.
    assert response["statusCode"] == 422 or told["code"] == "no_map"
    assert "not UTF-8" in told["message"] or told["code"] == "no_map"
    assert post(function, b'{"query": "caf\xe9"}', "/search")[0] == 400


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/search", {}),
        ("/search", {"q": ""}),
        ("/search", {"q": "a", "k": "0"}),
        ("/map/points", {"color": "flavour"}),
        ("/map/points", {"indexes": "x"}),
    ],
)
def test_a_refusal_is_never_kept(function: Function, path: str, parameters: dict[str, str]) -> None:
    for known in ({}, {"if-none-match": "*"}):
        # A database has no map.
        assert get(function, path, known, **parameters)["statusCode"] in (404, 422)


def test_an_etag_is_of_the_settings_and_a_cache_keeps_keys_apart(function: Function) -> None:
    def headers(**environ: str) -> dict[str, str]:
        other = Function(Settings.from_env(environ), function.searcher)
        answer = get(other, "/search", {"x-api-key": environ.get("API_KEY", "")}, q=QUERY)
        assert answer["statusCode"] == 200
        found: dict[str, str] = answer["headers"]
        return found

    assert headers(MAX_RESULTS="5")["etag"] != headers(MAX_RESULTS="4")["etag"]
    assert "vary" not in headers()
    assert headers(API_KEY="secret")["vary"] == "x-api-key"
    assert headers(API_KEY="secret", CORS_ORIGINS="https://a.example")["vary"] == "x-api-key, origin"


def test_documents_by_id_and_index(function: Function) -> None:
    answer = json.loads(get(function, "/documents/t3")["body"])
    Document.model_validate(answer)
    expected = {"id": "t3", "index": 3, "text": TEXTS[3].text, "metadata": {"topic": TEXTS[3].topic}}
    assert answer == expected
    response = get(function, "/documents/nowhere")
    assert (response["statusCode"], error_of(json.loads(response["body"]))["code"]) == (404, "no_document")
    for fields in ({"ids": ["t3", "nowhere", "t3"]}, {"indexes": [3, 10**8, 3]}):
        status, several = post(function, json.dumps(fields), "/documents")
        assert status == 200
        Documents.model_validate(several)
        assert several == {"documents": [expected, None, expected]}


def test_an_id_that_is_spelled_like_the_template(function: Function) -> None:
    response = get(function, "/documents/{document_id}")
    assert (response["statusCode"], error_of(json.loads(response["body"]))["code"]) == (404, "no_document")


@pytest.mark.parametrize("path", ["/documents/t3", "/info"])
def test_an_answer_without_parts_that_is_too_long_is_refused(function: Function, path: str) -> None:
    # What Lambda counts: the body as a string within the JSON of the response.
    unlimited = Function(Settings.from_env({}), function.searcher)
    length = len(json.dumps(get(unlimited, path)["body"]))
    for most, status in ((length + 20, 200), (length - 20, 422)):
        limited = Function(Settings.from_env({"MAX_RESPONSE_BYTES": str(most)}), function.searcher)
        answer = get(limited, path)
        assert answer["statusCode"] == status
    error = error_of(json.loads(answer["body"]))
    assert (error["code"], error["field"]) == ("response_too_long", None)
    assert "bytes, at most" in error["message"]


def test_fewer_results_than_the_default_are_allowed(function: Function) -> None:
    few = Function(Settings.from_env({"MAX_RESULTS": "3"}), function.searcher)
    assert ask(few, query=QUERY) == ask(function, query=QUERY, k=3)
    similar = [
        post(each, json.dumps(fields), "/similar")
        for each, fields in ((few, {"text": QUERY}), (function, {"text": QUERY, "num_results": 3}))
    ]
    assert similar[0] == similar[1]
    document = json.loads(few(make_event("GET", "/openapi.json"))["body"])
    schemas = [
        document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"][
            name
        ]
        for path, name in (("/search", "k"), ("/similar", "num_results"))
    ]
    assert [(schema["maximum"], schema["default"]) for schema in schemas] == [(3, 3), (3, 3)]


@pytest.mark.parametrize(
    "fields", [{}, {"ids": []}, {"ids": ["t1"], "indexes": [1]}, {"ids": [1]}, {"indexes": [-1]}]
)
def test_a_bad_list_of_documents(function: Function, fields: dict[str, Any]) -> None:
    assert post(function, json.dumps(fields), "/documents")[0] == 422


def test_numbers_may_be_written_in_several_ways(function: Function) -> None:
    written = get(function, "/search", q=QUERY, k="03", share=".5", min_score="-1e-1")
    assert written["statusCode"] == 200
    assert written["body"] == get(function, "/search", q=QUERY, k="3", share="0.5", min_score="-0.1")["body"]
