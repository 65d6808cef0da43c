"""The tools of POST /mcp: search, get_document and describe_corpus, described from the corpus's own columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from handler.events import Request
from handler.fields import Fields, check_object, invalid
from handler.light_typing import Any
from handler.routes import search
from handler.service import Service

DEFAULT_K = 5
_SEARCH_FIELDS = ("query", "k", "offset", "mode", "filter")
# Frequent values of a column that a description names.
_NAMED = 8
_DOCUMENT = {
    "id": {"type": "string"},
    "index": {"type": "integer"},
    "text": {"type": "string"},
    "metadata": {"type": "object"},
}


def _search(service: Service, request: Request, arguments: Mapping[str, Any]) -> dict[str, Any]:
    fields = _check(arguments, _SEARCH_FIELDS, "query")
    k = min(DEFAULT_K, service.settings.max_results)
    query = search.check_search({"k": k, **fields}, service)
    (found,) = service.searcher.answer(query.queries, query.asked, request.clock)
    results = search.render_hits(found, query.include)
    return {"results": results, "total": found.total}


def _check(arguments: Mapping[str, Any], names: Collection[str], needed: str) -> Fields:
    fields = check_object(dict(arguments), names, needed)
    if needed not in fields:
        raise invalid(needed, f"the field {needed} is missing: send it")
    return fields


def _get_document(service: Service, _request: Request, arguments: Mapping[str, Any]) -> dict[str, Any]:
    # Each tool imports what it alone needs: an agent's first call is a search, as a rule.
    from handler.routes import documents

    fields = _check(arguments, ("id",), "id")
    return documents.read(service, fields["id"])


def _describe_corpus(service: Service, _request: Request, arguments: Mapping[str, Any]) -> dict[str, Any]:
    from handler.routes import about

    check_object(dict(arguments), (), "no fields")
    told = about.describe(service)
    return {name: told[name] for name in ("documents", "model_id", "modes", "language", "columns", "limits")}


TOOLS: Mapping[str, Callable[[Service, Request, Mapping[str, Any]], dict[str, Any]]] = {
    "search": _search,
    "get_document": _get_document,
    "describe_corpus": _describe_corpus,
}


def instructions(service: Service) -> str:
    """Says to an agent what is here."""
    count = service.searcher.manifest.count
    return f"A corpus of {count:,} short texts, searched by meaning and by words. Call search first."


def describe_tools(service: Service) -> list[dict[str, Any]]:
    """Returns the tools as tools/list has them, with the schemas of what they take and return."""
    searcher, settings = service.searcher, service.settings
    columns = searcher.engine.describe_columns()
    takes: dict[str, Any] = {
        "query": {"type": "string", "description": "What to look for, in words: a question or a topic."},
        "k": {
            "type": "integer",
            "minimum": 1,
            "maximum": settings.max_results,
            "default": min(DEFAULT_K, settings.max_results),
            "description": "How many documents.",
        },
        "offset": {
            "type": "integer",
            "minimum": 0,
            "default": 0,
            "description": "How many of the best to leave out.",
        },
        "mode": {
            "type": "string",
            "enum": list(searcher.modes),
            "default": searcher.modes[0],
            "description": "By meaning and words, by meaning alone, or by words alone.",
        },
    }
    if columns:
        takes["filter"] = _describe_filter(columns)
    result = _object(
        {**_DOCUMENT, "score": {"type": "number"}, "passage": {"type": "object"}}, ["id", "score", "text"]
    )
    return [
        _tool(
            "search",
            "Search the corpus",
            f"Finds the best of {searcher.manifest.count:,} texts by meaning and words, best first.",
            _object(takes, ["query"]),
            _object(
                {"results": {"type": "array", "items": result}, "total": {"type": "integer"}},
                ["results", "total"],
            ),
        ),
        _tool(
            "get_document",
            "Read a document",
            "Returns the document that has an id, whole.",
            _object(
                {"id": {"type": "string", "description": "The id, as a result of search has it."}}, ["id"]
            ),
            _object(_DOCUMENT, ["id", "text", "metadata"]),
        ),
        _tool(
            "describe_corpus",
            "Describe the corpus",
            "Says how many documents there are, which columns filters may name, and what their values are.",
            _object({}, []),
            {"type": "object", "properties": {"documents": {"type": "integer"}}, "required": ["documents"]},
        ),
    ]


def _tool(name: str, title: str, description: str, takes: Any, returns: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "description": description,
        "inputSchema": takes,
        "outputSchema": returns,
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _describe_filter(columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Describes the filter: its grammar, and each column with its type and what values it has."""
    return {
        "type": "object",
        "description": "Only documents whose metadata pass. A column's name with a value it equals, or with "
        '{"$gte": .., "$lt": .., "$in": [..], "$ne": .., "$exists": true}. Several columns must all pass; '
        '{"$or": [..]} and {"$not": {..}} combine filters. Dates are ISO 8601.',
        "properties": {column["name"]: {"description": _describe_column(column)} for column in columns},
    }


def _describe_column(column: Mapping[str, Any]) -> str:
    said = f"{column['type']}, in {column['documents']:,} documents"
    if "values" in column:
        values = [str(value["value"])[:60] for value in column["values"][:_NAMED]]
        more = f" and {column['distinct'] - len(values):,} more" if column["distinct"] > len(values) else ""
        return f"{said}: {', '.join(values)}{more}"
    return f"{said}: {column['min']} to {column['max']}" if column["documents"] else said
