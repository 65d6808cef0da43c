"""GET /documents/{id} and POST /documents: documents by their ids, or by their places in the corpus."""

from __future__ import annotations

from collections.abc import Sequence

from handler.errors import RequestError
from handler.events import Request
from handler.fields import check_list, check_object, check_string, check_whole, invalid, parse_json
from handler.light_typing import Any
from handler.requests import refuse_body
from handler.responses import Response, to_json
from handler.searcher import Searcher
from handler.service import Service

FIELDS = ("ids", "indexes")
EXAMPLE = '{"ids": ["..."]}'


def get(service: Service, request: Request) -> Response:
    """Answers GET /documents/{id}."""
    return Response(200, to_json(read(service, request.parameters["document_id"])), service.headers)


def read(service: Service, id_: object) -> dict[str, Any]:
    """Returns the document that has an id, as JSON has it; raises RequestError (404 or 422) where there is none."""
    id_ = check_string("id", id_)
    index = service.searcher.find(id_)
    if index is None:
        raise RequestError(404, "no_document", f"no document has the id {id_[:80]!a}", "id")
    return render_all(service.searcher, [index])[0]


def post(service: Service, request: Request) -> Response:
    """Answers POST /documents: the documents in the order that was asked for, null where there is none."""
    body, searcher = request.body(), service.searcher
    refuse_body(len(body), service.settings.max_body_bytes)
    fields = check_object(parse_json(body, EXAMPLE), FIELDS, "ids")
    if len(fields) != 1:
        raise invalid("ids", "send either ids or indexes")
    places: list[int | None]
    if "ids" in fields:
        ids = check_list("ids", fields["ids"], service.settings.max_results, "ids")
        places = searcher.engine.find_all([check_string(f"ids[{i}]", id_) for i, id_ in enumerate(ids)])
    else:
        indexes = check_list("indexes", fields["indexes"], service.settings.max_results, "indexes")
        places = [check_whole(f"indexes[{i}]", index, 0) for i, index in enumerate(indexes)]
    count = searcher.manifest.count
    there = [place for place in places if place is not None and place < count]
    rendered = dict(zip(there, render_all(searcher, there), strict=True))
    written = to_json({"documents": [None if place is None else rendered.get(place) for place in places]})
    return Response(200, written, service.headers, next(iter(fields)))


def render_all(searcher: Searcher, indexes: Sequence[int]) -> list[dict[str, Any]]:
    """Returns documents as JSON has them."""
    return [
        {"id": document.id, "index": index, "text": document.text, "metadata": document.metadata}
        for index, document in zip(indexes, searcher.engine.read_all(indexes), strict=True)
    ]
