"""POST /embed and POST /v1/embeddings against the encoder, each other, and plain arithmetic."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from http_events import error_of, post
from numpy.typing import NDArray

from handler.errors import RequestError
from handler.function import Function
from handler.responses import render_embed, render_openai
from handler.schemas.familiar import Embeddings, EmbedProblem, OpenAIProblem
from handler.settings import Settings

TEXTS = ["storms in Europe", "bread", "Ein Sturm über 漢字 \U0001f600"]
LONG = "storm " * 400


def embed(function: Function, **fields: Any) -> NDArray[np.float32]:
    """The vectors of POST /embed."""
    status, answer = post(function, json.dumps(fields), "/embed")
    assert status == 200, answer
    return np.array(answer, np.float32)


def embeddings(function: Function, **fields: Any) -> Any:
    """The answer of POST /v1/embeddings, which must be one."""
    status, answer = post(function, json.dumps(fields), "/v1/embeddings")
    assert status == 200, answer
    Embeddings.model_validate(answer)
    assert [one["index"] for one in answer["data"]] == list(range(len(answer["data"])))
    return answer


def vectors_of(answer: Any) -> NDArray[np.float32]:
    return np.array([one["embedding"] for one in answer["data"]], np.float32)


def test_the_vectors_are_the_encoders(function: Function) -> None:
    right = function.searcher.encoder.encode(TEXTS)
    assert embed(function, inputs=TEXTS).tobytes() == right.tobytes()
    assert embed(function, inputs=TEXTS[0]).tobytes() == right[:1].tobytes()
    assert vectors_of(embeddings(function, input=TEXTS)).tobytes() == right.tobytes()
    assert vectors_of(embeddings(function, input=TEXTS[0], model="any")).tobytes() == right[:1].tobytes()


def test_base64_is_the_same_numbers(function: Function) -> None:
    coded = embeddings(function, input=TEXTS, encoding_format="base64")
    read = [np.frombuffer(base64.b64decode(one["embedding"]), "<f4") for one in coded["data"]]
    assert np.array(read).tobytes() == vectors_of(embeddings(function, input=TEXTS)).tobytes()


def test_null_is_what_was_left_out(function: Function) -> None:
    left_out = dict.fromkeys(("model", "encoding_format", "dimensions", "user"))
    assert embeddings(function, input=TEXTS, **left_out) == embeddings(function, input=TEXTS)


def test_tokens_are_counted_and_may_be_sent_themselves(function: Function) -> None:
    encodings = [function.searcher.encoder.tokenizer.encode(text) for text in TEXTS]
    answer = embeddings(function, input=TEXTS)
    count = sum(len(encoding.ids) for encoding in encodings)
    assert answer["usage"] == {"prompt_tokens": count, "total_tokens": count}
    by_ids = embeddings(function, input=[encoding.ids for encoding in encodings])
    assert by_ids == answer
    assert embeddings(function, input=encodings[0].ids)["data"] == answer["data"][:1]


@pytest.mark.parametrize("dimensions", [1, 100, 384])
def test_fewer_dimensions_have_length_1_again(function: Function, dimensions: int) -> None:
    whole = function.searcher.encoder.encode(TEXTS)[:, :dimensions]
    right = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    for vectors in (
        embed(function, inputs=TEXTS, dimensions=dimensions),
        vectors_of(embeddings(function, input=TEXTS, dimensions=dimensions)),
    ):
        np.testing.assert_allclose(vectors, right, atol=1e-6)


def test_a_text_that_is_too_long_is_refused_or_cut(function: Function) -> None:
    status, answer = post(function, json.dumps({"inputs": ["a", LONG]}), "/embed")
    assert (status, error_of(answer)["code"]) == (413, "text_too_long")
    assert "text 2" in answer["detail"]
    cut = embed(function, inputs=["a", LONG], truncate=True)
    assert cut.tobytes() == function.searcher.encoder.encode(["a", LONG]).tobytes()


def test_a_prompt_goes_before_each_text(function: Function) -> None:
    for name in ("query", "document"):
        assert embed(function, inputs="bread", prompt_name=name).shape == (1, 384)
    assert post(function, '{"inputs": "a", "prompt_name": "title"}', "/embed")[0] == 422


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("/embed", {}, "inputs"),
    ("/embed", {"inputs": ""}, "inputs"),
    ("/embed", {"inputs": []}, "inputs"),
    ("/embed", {"inputs": ["a", 1]}, "inputs[1]"),
    ("/embed", {"inputs": ["a"] * 129}, "inputs"),
    ("/embed", {"inputs": "a", "normalize": False}, "normalize"),
    ("/embed", {"inputs": "a", "truncate": 1}, "truncate"),
    ("/embed", {"inputs": "a", "truncation_direction": "Left"}, "truncation_direction"),
    ("/embed", {"inputs": "a", "dimensions": 385}, "dimensions"),
    ("/embed", {"inputs": "a", "model": "b"}, "model"),
    ("/v1/embeddings", {"model": "a"}, "input"),
    ("/v1/embeddings", {"input": None}, "input"),
    ("/v1/embeddings", {"input": ""}, "input"),
    ("/v1/embeddings", {"input": []}, "input"),
    ("/v1/embeddings", {"input": [1, "a"]}, "input[1]"),
    ("/v1/embeddings", {"input": [[1], []]}, "input[1]"),
    ("/v1/embeddings", {"input": [10**6]}, "input[0]"),
    ("/v1/embeddings", {"input": [1] * 257}, "input"),
    ("/v1/embeddings", {"input": "a", "encoding_format": "hex"}, "encoding_format"),
    ("/v1/embeddings", {"input": "a", "dimensions": 0}, "dimensions"),
    ("/v1/embeddings", {"input": "a", "user": 5}, "user"),
]


@pytest.mark.parametrize(("path", "fields", "field"), BAD, ids=[str(bad[1])[:40] for bad in BAD])
def test_a_bad_request_names_its_field(
    function: Function, path: str, fields: dict[str, Any], field: str
) -> None:
    status, answer = post(function, json.dumps(fields), path)
    assert (status, error_of(answer)["field"]) == (422, field)


@pytest.mark.parametrize(
    ("method", "path", "fields", "kind"),
    [
        ("POST", "/v1/embeddings", {"input": ""}, "invalid_request_error"),
        ("POST", "/v1/vector_stores/a/search", {"query": ""}, "invalid_request_error"),
        ("GET", "/v1/models/any", {}, "invalid_request_error"),
        ("POST", "/embed", {"inputs": LONG}, "Validation"),
    ],
)
def test_familiar_clients_find_the_message(
    function: Function, method: str, path: str, fields: dict[str, Any], kind: str
) -> None:
    _, answer = post(function, json.dumps(fields), path, method)
    told = error_of(answer)
    if path == "/embed":
        assert EmbedProblem.model_validate(answer).error == told["message"]
        assert answer["error_type"] == kind
        return
    error = OpenAIProblem.model_validate(answer).error
    assert error.model_dump() == {
        "message": told["message"],
        "type": kind,
        "param": told["field"],
        "code": told["code"],
    }


def test_familiar_clients_are_told_of_a_defect() -> None:
    error = RequestError(500, "internal_error", "the log says why")
    assert json.loads(render_openai(error))["error"]["type"] == "server_error"
    assert json.loads(render_embed(error))["error_type"] == "Backend"


def test_the_limits_are_the_settings(function: Function) -> None:
    limited = Function(Settings.from_env({"MAX_TEXT_LENGTH": "5", "MAX_BATCH": "2"}), function.searcher)
    for path, name in (("/embed", "inputs"), ("/v1/embeddings", "input"), ("/search", "queries")):
        assert post(limited, json.dumps({name: ["12345", "b"]}), path)[0] == 200
        assert post(limited, json.dumps({name: ["123456"]}), path)[0] == 422
        assert post(limited, json.dumps({name: ["a", "b", "c"]}), path)[0] == 422
    assert post(limited, '{"text": "123456"}')[0] == 422
    limits = post(limited, "", "/info", "GET")[1]["limits"]
    assert (limits["max_text_length"], limits["max_batch"]) == (5, 2)


def test_the_one_model_is_named(function: Function) -> None:
    status, answer = post(function, "", "/v1/models", "GET")
    name = function.searcher.manifest.model_id
    assert (status, [model["id"] for model in answer["data"]]) == (200, [name])
    described = answer["data"][0]
    assert post(function, "", f"/v1/models/{name}", "GET") == (200, described)
    status, answer = post(function, "", f"/v1/models/{name}-2", "GET")
    assert (status, error_of(answer)["code"]) == (404, "no_model")
