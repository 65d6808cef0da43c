"""POST /v1/embeddings, GET /v1/models and GET /v1/models/{id}: vectors of texts, in the form of OpenAI's API."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handler.errors import RequestError
from handler.events import Request
from handler.fields import (
    check_choice,
    check_list,
    check_object,
    check_string,
    check_whole,
    invalid,
    parse_json,
)
from handler.light_typing import Any
from handler.requests import refuse_body, write_list
from handler.responses import JSON, Response, to_json
from handler.routes.texts import check_texts
from handler.routes.vectors import cut, with_vector, write_vector
from handler.service import Service

FIELDS = ("input", "model", "encoding_format", "dimensions", "user")
EXAMPLE = '{"input": "...", "model": "..."}'


def post(service: Service, request: Request) -> Response:
    """Answers with a vector for each text or list of token ids, in their order. Any model's name is accepted."""
    body, settings, searcher = request.body(), service.settings, service.searcher
    refuse_body(len(body), settings.max_body_bytes)
    fields = check_object(parse_json(body, EXAMPLE), FIELDS, "input and model")
    if "input" not in fields:
        raise invalid("input", "the field input is missing: put the texts there")
    # Some clients send null for what their caller left out.
    given = {name: value for name, value in fields.items() if value is not None}
    for name in ("model", "user"):
        check_string(name, given.get(name, ""))
    form = check_choice("encoding_format", given.get("encoding_format", "float"), ("float", "base64"))
    dim = searcher.manifest.dim
    dimensions = check_whole("dimensions", given["dimensions"], 1, dim) if "dimensions" in given else None
    vectors, tokens = _embed(service, fields["input"], request)
    write = write_vector if form == "float" else _write_base64
    data = (
        with_vector(to_json({"object": "embedding", "index": index}), "embedding", write(vector))
        for index, vector in enumerate(cut(vectors, dimensions))
    )
    written = write_list(data, settings.max_response_bytes, "input")
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    rest = to_json({"model": searcher.manifest.model_id, "usage": usage})
    return Response(200, b'{"object":"list","data":%b,%b' % (written, rest[1:]), JSON, "input")


def models(service: Service, _request: Request) -> Response:
    """Answers GET /v1/models with the artifact's model."""
    return Response(200, to_json({"object": "list", "data": [_describe(service)]}))


def model(service: Service, request: Request) -> Response:
    """Answers GET /v1/models/{id}; raises RequestError (404) where it isn't the artifact's model."""
    described, id_ = _describe(service), request.parameters["id"]
    if id_ != described["id"]:
        raise RequestError(
            404, "no_model", f"no model has the id {id_[:80]!a}: GET /v1/models names the one model", "id"
        )
    return Response(200, to_json(described))


def _describe(service: Service) -> dict[str, Any]:
    return {"id": service.searcher.manifest.model_id, "object": "model", "created": 0, "owned_by": "seeklet"}


def _embed(service: Service, value: object, request: Request) -> tuple[NDArray[np.float32], int]:
    """Returns the vectors, (n, dim), and the number of all tokens."""
    encoder = service.searcher.encoder
    lists = _token_lists(service, value)
    if lists is None:
        encoded = encoder.encode_counted(check_texts("input", value, service.settings), clock=request.clock)
        return encoded.embeddings, int(encoded.tokens.sum())
    vectors = np.stack([encoder.encode_ids(ids) for ids in lists])
    if request.clock is not None:
        request.clock.lap("encode")
    return vectors, sum(map(len, lists))


def _token_lists(service: Service, value: object) -> list[list[int]] | None:
    """Returns the lists of token ids, or None where texts were sent."""
    if not isinstance(value, list) or not value or isinstance(value[0], str):
        return None
    if not isinstance(value[0], list):
        return [_check_ids("input", value, service)]
    lists = check_list("input", value, service.settings.max_batch, "lists of token ids")
    return [_check_ids(f"input[{i}]", ids, service) for i, ids in enumerate(lists)]


def _check_ids(name: str, value: object, service: Service) -> list[int]:
    searcher = service.searcher
    ids = check_list(name, value, searcher.manifest.max_length, "token ids")
    known = searcher.encoder.tokenizer.whole.get_vocab_size()
    return [check_whole(f"{name}[{i}]", id_, 0, known - 1) for i, id_ in enumerate(ids)]


def _write_base64(vector: NDArray[np.float32]) -> bytes:
    """Writes a vector as JSON: the base64 of its little-endian float32."""
    import base64

    return b'"%b"' % base64.b64encode(vector.astype("<f4").tobytes())
