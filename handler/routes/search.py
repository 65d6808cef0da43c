"""POST /search and GET /search: search with filters, facets, paging and more like this."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from handler.asking import Answer, Asked
from handler.errors import RequestError
from handler.events import Request
from handler.fields import (
    MOST,
    Fields,
    check_choice,
    check_choices,
    check_flag,
    check_list,
    check_number,
    check_object,
    check_string,
    check_text,
    check_whole,
    invalid,
    parse_json,
    parse_query,
)
from handler.hits import Hit
from handler.light_typing import TYPE_CHECKING, Any
from handler.named import NamedTuple
from handler.requests import refuse_body, write_list
from handler.responses import Response, to_json
from handler.routes.kept import answer_kept
from handler.service import Service

if TYPE_CHECKING:
    from handler.filters import Filter
    from handler.searcher import Searcher

DEFAULT_K = 10
INCLUDED = ("text", "metadata", "embedding", "highlights", "explain")
DEFAULT_INCLUDED = ("text", "metadata")
ASKED = ("query", "queries", "like")
FIELDS = (*ASKED, "k", "offset", "mode", "share", "min_score", "filter", "facets", "include", "exact")
# The parameters of GET /search: q is the query.
PARAMETERS = ("q", *FIELDS[len(ASKED) :])
EXAMPLE = '{"query": "...", "k": 10}'
# The fields of GET /search that are numbers, lists or JSON; all others are texts.
_WHOLE, _NUMBERS, _LISTS = ("k", "offset"), ("share", "min_score"), ("facets", "include")
# A score is never beyond it: a cosine is within rounding of 1, and the keyword part is at most 1.
_MOST_SCORE = 2.0


class SearchQuery(NamedTuple):
    """A request that can be answered. One of queries and like is given."""

    queries: Sequence[str]
    like: int | None  # a document's index
    batch: bool  # whether the answer is a list
    asked: Asked
    include: Sequence[str]


def post(service: Service, request: Request) -> Response:
    """Answers POST /search."""
    body = request.body()
    refuse_body(len(body), service.settings.max_body_bytes)
    query = check_search(parse_json(body, EXAMPLE), service)
    return Response(200, answer(service, query, request), service.headers, "k")


def get(service: Service, request: Request) -> Response:
    """Answers GET /search, for links and caches: 304 where the caller has the answer already."""
    import binascii

    fields = read_query(request.query)
    if "query" not in fields:
        raise invalid("q", "there is no query: send q, as in /search?q=storms")
    query = check_search(fields, service)
    # The number of results depends on a setting where the caller says none.
    etag = f'"{service.fingerprint}-{query.asked.k}-{binascii.crc32(request.query.encode()):08x}"'
    return answer_kept(
        service.settings,
        request,
        etag,
        lambda: Response(200, answer(service, query, request), service.headers, "k"),
    )


def read_query(query: str) -> dict[str, Any]:
    """Reads a query string as the fields of POST /search; raises RequestError (422) that names the field."""
    fields: dict[str, Any] = {}
    for name, value in parse_query(query):
        if name not in PARAMETERS:
            raise invalid(
                str(ascii(name))[1:-1][:80],
                f"there is no parameter {name[:80]!a}: there are {', '.join(PARAMETERS)}",
            )
        if ("query" if name == "q" else name) in fields:
            how = "names with commas between them" if name in _LISTS else "it once"
            raise invalid(name, f"{name} is given twice: send {how}")
        fields["query" if name == "q" else name] = _read_parameter(name, value)
    return fields


def _read_parameter(name: str, value: str) -> object:
    # Python would read "1_0" too, and digits of other scripts.
    if name in (*_WHOLE, *_NUMBERS) and len(value) < 40 and value.isascii() and "_" not in value:
        with contextlib.suppress(ValueError):
            return int(value) if value.isdecimal() else float(value)
    if name == "exact":
        return {"true": True, "false": False}.get(value, value)
    if name in _LISTS:
        return [part.strip() for part in value.split(",") if part.strip()]
    if name == "filter":
        try:
            return parse_json(value.encode(), '{"year": 2020}')
        except RequestError as error:
            raise invalid("filter", str(error).replace("the body", "filter", 1)) from None
    return value


def check_search(request: object, service: Service) -> SearchQuery:
    """Checks a parsed request; raises RequestError (404 or 422) that names the field."""
    searcher, settings = service.searcher, service.settings
    fields = check_object(request, FIELDS, "query")
    given = [name for name in ASKED if name in fields]
    if len(given) != 1:
        said = "none is given" if not given else f"{' and '.join(given)} are given"
        raise invalid(given[1] if given else "query", f"send one of query, queries and like: {said}")
    queries, like = _check_asked(fields, given[0], service)
    types = searcher.engine.column_types
    mode = check_choice("mode", fields["mode"], searcher.modes) if "mode" in fields else searcher.modes[0]
    asked = Asked(
        k=check_whole("k", fields.get("k", min(DEFAULT_K, settings.max_results)), 1, settings.max_results),
        offset=check_whole("offset", fields.get("offset", 0), 0, MOST),
        mode=mode,
        share=check_number("share", fields["share"], 0, 1) if "share" in fields else None,
        min_score=check_number("min_score", fields["min_score"], -_MOST_SCORE, _MOST_SCORE)
        if "min_score" in fields
        else None,
        filter=_check_filter(searcher, fields),
        facets=check_choices("facets", fields.get("facets", []), types) if "facets" in fields else (),
        exact=check_flag("exact", fields.get("exact", False)),
    )
    include = (
        check_choices("include", fields["include"], INCLUDED) if "include" in fields else DEFAULT_INCLUDED
    )
    return SearchQuery(queries, like, given[0] == "queries", asked, include)


def _check_asked(fields: Fields, given: str, service: Service) -> tuple[Sequence[str], int | None]:
    """Returns the queries, or the index of the document that the others shall be like."""
    settings = service.settings
    if given == "query":
        return [check_text("query", fields["query"], settings.max_text_length)], None
    if given == "queries":
        texts = check_list("queries", fields["queries"], settings.max_batch, "queries")
        return [
            check_text(f"queries[{i}]", text, settings.max_text_length) for i, text in enumerate(texts)
        ], None
    id_ = check_string("like", fields["like"])
    index = service.searcher.find(id_)
    if index is None:
        raise RequestError(404, "no_document", f"no document has the id {id_[:80]!a}", "like")
    return [], index


def _check_filter(searcher: Searcher, fields: Fields) -> Filter | None:
    if "filter" not in fields:
        return None
    if fields["filter"] is None:
        raise invalid("filter", "filter is null, not an object: leave it out to find every document")
    return searcher.parse_filter(fields["filter"])


def answer(service: Service, query: SearchQuery, request: Request) -> bytes:
    """Searches, and writes the answer's bytes; raises RequestError (422) where a batch's are too many."""
    searcher = service.searcher
    if query.like is not None:
        return _write_answer(searcher, query, searcher.answer_like(query.like, query.asked, request.clock))
    answers = searcher.answer(query.queries, query.asked, request.clock)
    if query.batch:
        written = (_write_answer(searcher, query, found) for found in answers)
        return b'{"answers":%b}' % write_list(written, service.settings.max_response_bytes, "k")
    (found,) = answers
    return _write_answer(searcher, query, found)


def _write_answer(searcher: Searcher, query: SearchQuery, found: Answer) -> bytes:
    """Writes the answer to one query."""
    hits = render_hits(found, query.include)
    with_embeddings = "embedding" in query.include and hits
    results = _write_with_embeddings(searcher, found, hits) if with_embeddings else to_json(hits)
    rest: dict[str, Any] = {
        "total": found.total,
        "mode": found.mode,
        "share": found.share,
        "k": query.asked.k,
        "offset": query.asked.offset,
    }
    if query.asked.facets:
        rest["facets"] = found.facets
    return b'{"results":%b,%b' % (results, to_json(rest)[1:])


def render_hits(found: Answer, include: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the results as JSON has them, with what is asked for but the embeddings."""
    return [_render_hit(hit, include, found.share) for hit in found.hits]


def _write_with_embeddings(searcher: Searcher, found: Answer, hits: Sequence[Mapping[str, Any]]) -> bytes:
    """Writes the rendered results, each with its document's embedding."""
    from handler.routes.vectors import with_vector, write_vector

    vectors = searcher.engine.embeddings([hit.index for hit in found.hits])
    written = [
        with_vector(to_json(hit), "embedding", write_vector(vector))
        for hit, vector in zip(hits, vectors, strict=True)
    ]
    return b"[%b]" % b",".join(written)


def _render_hit(hit: Hit, include: Sequence[str], share: float | None) -> dict[str, Any]:
    rendered: dict[str, Any] = {"id": hit.id, "index": hit.index, "score": hit.score}
    if "text" in include:
        rendered["text"] = hit.text
    if "metadata" in include:
        rendered["metadata"] = hit.metadata
    if hit.passage is not None:
        rendered["passage"] = hit.passage._asdict()
    if "highlights" in include:
        rendered["highlights"] = [match._asdict() for match in hit.matches]
    if "explain" in include:
        rendered["explain"] = {"cosine": hit.cosine, "keyword": hit.keyword, "share": share}
    return rendered
