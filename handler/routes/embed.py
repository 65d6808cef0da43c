"""POST /embed: vectors of texts, in the form of text-embeddings-inference."""

from __future__ import annotations

from handler.errors import RequestError
from handler.events import Request
from handler.fields import check_choice, check_flag, check_object, check_whole, invalid, parse_json
from handler.manifest import Manifest
from handler.requests import refuse_body, write_list
from handler.responses import JSON, Response
from handler.routes.texts import check_texts
from handler.routes.vectors import cut, write_vector
from handler.service import Service

FIELDS = ("inputs", "normalize", "truncate", "truncation_direction", "prompt_name", "dimensions")
EXAMPLE = '{"inputs": "..."}'


def post(service: Service, request: Request) -> Response:
    """Answers with a list of vectors, one for each text, in their order."""
    body, settings, searcher = request.body(), service.settings, service.searcher
    refuse_body(len(body), settings.max_body_bytes)
    fields = check_object(parse_json(body, EXAMPLE), FIELDS, "inputs")
    if "inputs" not in fields:
        raise invalid("inputs", "the field inputs is missing: put the texts there")
    texts = check_texts("inputs", fields["inputs"], settings)
    given = {name: value for name, value in fields.items() if value is not None}
    if not check_flag("normalize", given.get("normalize", True)):
        raise invalid("normalize", "the vectors of this model are always of length 1: leave normalize out")
    check_choice("truncation_direction", given.get("truncation_direction", "Right"), ("Right", "right"))
    truncate = check_flag("truncate", given.get("truncate", False))
    dim = searcher.manifest.dim
    dimensions = check_whole("dimensions", given["dimensions"], 1, dim) if "dimensions" in given else None
    prompts = prompts_of(searcher.manifest)
    prompt = ""
    if "prompt_name" in given:
        prompt = prompts[check_choice("prompt_name", given["prompt_name"], tuple(prompts))]
    encoded = searcher.encoder.encode_counted(texts, prompt, request.clock)
    if not truncate and encoded.truncated.any():
        place = int(encoded.truncated.argmax())
        raise RequestError(
            413,
            "text_too_long",
            f"text {place + 1} has more than {searcher.manifest.max_length} tokens, which is what the model reads: "
            "send a shorter one, or truncate: true",
            "inputs",
        )
    vectors = map(write_vector, cut(encoded.embeddings, dimensions))
    return Response(200, write_list(vectors, settings.max_response_bytes, "inputs"), JSON, "inputs")


def prompts_of(manifest: Manifest) -> dict[str, str]:
    """Returns the prompts by their names; documents have none here where another model embedded them."""
    prompts = {"query": manifest.query_prompt}
    if manifest.document_model is None:
        prompts["document"] = manifest.document_prompt
    return prompts
