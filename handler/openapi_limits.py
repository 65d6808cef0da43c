"""Completes the OpenAPI document with what only the loaded artifact and the settings know: columns, modes and limits."""

from __future__ import annotations

from handler.light_typing import Any
from handler.requests import KEY_HEADER
from handler.routes.search import DEFAULT_K
from handler.routes.similar import DEFAULT_RESULTS
from handler.schemas.about import Problem
from handler.schemas.columns import filter_schema, openai_filter_schemas
from handler.schemas.familiar import EmbedProblem, OpenAIProblem, RpcProblem
from handler.service import Service

Schema = dict[str, Any]


def complete(document: Schema, service: Service) -> Schema:
    """Adds the limits, the columns, the key and the models that are named but not used by FastAPI itself, and returns it."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, EmbedProblem, OpenAIProblem, RpcProblem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    types = service.searcher.engine.column_types
    schemas["Filter"] = filter_schema(types)
    schemas |= openai_filter_schemas(types)
    # FastAPI adds its own validation's error to routes with parameters. Nothing here is validated by it.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    if service.settings.api_keys:
        scheme = {"type": "apiKey", "in": "header", "name": KEY_HEADER}
        document["components"]["securitySchemes"] = {KEY_HEADER: scheme}
    limits = _limits(service)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schemas |= content["schema"].pop("$defs", {})
                _limit(content["schema"].get("properties", {}), limits.get(path, {}))
            for parameter in operation.get("parameters", ()):
                _limit({parameter["name"]: parameter.get("schema", {})}, limits.get(path, {}))
    return document


def _limits(service: Service) -> dict[str, dict[str, Schema]]:
    """Returns what is added to the schema of each field, by path. An array's "items" is what is added to its items."""
    searcher, settings = service.searcher, service.settings
    columns = list(searcher.engine.column_types)
    # A longer body is refused before its texts are looked at.
    limited = settings.max_text_length < settings.max_body_bytes
    text: Schema = {"maxLength": settings.max_text_length} if limited else {}
    mode = {"enum": list(searcher.modes)}
    texts = {**text, "maxItems": settings.max_batch, "items": text}
    whole = searcher.encoder.tokenizer.whole
    ids = {"maximum": whole.get_vocab_size() - 1}
    dimensions = {"maximum": searcher.manifest.dim}
    facets: Schema = {"items": {"type": "string", "enum": columns}} if columns else {"maxItems": 0}
    most = settings.max_results
    listed = {"maxItems": most}

    def limited_count(default: int) -> Schema:
        return {"maximum": most, "default": min(default, most)}

    return {
        "/similar": {"text": text, "num_results": limited_count(DEFAULT_RESULTS), "mode": mode},
        "/search": {
            "q": text,
            "query": text,
            "queries": texts,
            "k": limited_count(DEFAULT_K),
            "mode": mode,
            "facets": facets,
            "filter": {"$ref": "#/components/schemas/Filter"},
        },
        "/documents": {"ids": listed, "indexes": listed},
        "/embed": {"inputs": texts, "dimensions": dimensions, "prompt_name": {}},
        "/v1/embeddings": {
            "input": {
                **texts,
                "items": {**text, **ids, "maxItems": searcher.manifest.max_length, "items": ids},
            },
            "dimensions": dimensions,
        },
        "/v1/vector_stores/{id}/search": {
            "query": texts,
            "filters": {"anyOf": [{"$ref": "#/components/schemas/StoreFilter"}, {"type": "null"}]},
            "max_num_results": {"maximum": min(50, most)},
        },
        "/map/points": {
            "color": {"enum": columns},
            "indexes": {"items": {"maximum": searcher.manifest.count - 1}},
        },
    }


def _limit(properties: Schema, limits: dict[str, Schema]) -> None:
    for name, added in limits.items():
        if name in properties and ("$ref" in added or "anyOf" in added):
            properties[name] = {"description": properties[name].get("description", ""), **added}
        elif name in properties:
            _add(properties[name], added)


def _add(schema: Schema, added: Schema) -> None:
    """Adds keywords to a schema and to each of its alternatives, as far as their type has such keywords."""
    for alternative in schema.get("anyOf", ()):
        _add(alternative, added)
    if "anyOf" in schema:
        return
    kind = schema.get("type")
    if kind == "array" and "items" in added:
        _add(schema.setdefault("items", {}), added["items"])
    fitting = {"string": ("maxLength", "enum"), "integer": ("maximum", "default"), "array": ("maxItems",)}
    # A schema of an enum alone has no type.
    keywords = fitting.get(kind or "", ()) if kind else ("enum",) if "enum" in schema else ()
    schema |= {name: added[name] for name in keywords if name in added}
