"""POST /v1/vector_stores/{id}/search: search in the form of OpenAI's API. A function has one store, whatever its id."""

from __future__ import annotations

from collections.abc import Iterable

from handler.asking import Answer, Asked
from handler.events import Request
from handler.fields import (
    Fields,
    check_choice,
    check_flag,
    check_list,
    check_number,
    check_object,
    check_text,
    check_whole,
    invalid,
    parse_json,
)
from handler.hits import Hit
from handler.light_typing import TYPE_CHECKING, Any
from handler.requests import refuse_body
from handler.responses import JSON, Response, to_json
from handler.searcher import Searcher
from handler.service import Service

if TYPE_CHECKING:
    from handler.filters import Filter

FIELDS = ("query", "filters", "max_num_results", "ranking_options", "rewrite_query")
RANKING = ("ranker", "score_threshold", "hybrid_search")
RANKERS = ("none", "auto", "default-2024-11-15")
EXAMPLE = '{"query": "..."}'
MOST_RESULTS = 50


def post(service: Service, request: Request) -> Response:
    """Answers with the best documents; those of several queries by each document's best score."""
    body, settings, searcher = request.body(), service.settings, service.searcher
    refuse_body(len(body), settings.max_body_bytes)
    fields = check_object(parse_json(body, EXAMPLE), FIELDS, "query")
    queries = _check_queries(service, fields)
    most = min(MOST_RESULTS, settings.max_results)
    k = check_whole("max_num_results", fields.get("max_num_results", min(10, most)), 1, most)
    check_flag("rewrite_query", fields.get("rewrite_query", False))
    asked = _check_ranking(searcher, fields)._replace(k=k, filter=_check_filters(searcher, fields))
    answers = searcher.answer(queries, asked, request.clock)
    written = to_json(
        {
            "object": "vector_store.search_results.page",
            "search_query": queries,
            "data": [_render(hit) for hit in _best(answers, k)],
            "has_more": False,
            "next_page": None,
        }
    )
    return Response(200, written, JSON, "max_num_results")


def _check_queries(service: Service, fields: Fields) -> list[str]:
    if "query" not in fields:
        raise invalid("query", "the field query is missing: put the query there")
    most = service.settings.max_text_length
    if isinstance(fields["query"], list):
        queries = check_list("query", fields["query"], service.settings.max_batch, "queries")
        return [check_text(f"query[{i}]", query, most) for i, query in enumerate(queries)]
    return [check_text("query", fields["query"], most)]


def _check_filters(searcher: Searcher, fields: Fields) -> Filter | None:
    if fields.get("filters") is None:
        return None
    from handler.openai_filters import parse_openai_filter

    return parse_openai_filter(fields["filters"], searcher.engine.column_types)


def _check_ranking(searcher: Searcher, fields: Fields) -> Asked:
    """Returns what the ranking options ask; a ranker changes nothing, since the ranking is exact."""
    if fields.get("ranking_options") is None:
        return Asked()
    options = fields["ranking_options"]
    if not isinstance(options, dict):
        raise invalid("ranking_options", "ranking_options is not an object")
    for name in options:
        if name not in RANKING:
            raise invalid(
                "ranking_options", f"there is no option {name[:80]!a}: there are {', '.join(RANKING)}"
            )
    check_choice("ranking_options.ranker", options.get("ranker", "auto"), RANKERS)
    least = options.get("score_threshold")
    asked = Asked(
        min_score=None if least is None else check_number("ranking_options.score_threshold", least, 0, 1)
    )
    weights = options.get("hybrid_search")
    return asked if weights is None else asked._replace(share=_check_weights(searcher, weights))


def _check_weights(searcher: Searcher, weights: object) -> float | None:
    """Returns the words' share of the two weights; None where the artifact has no keywords."""
    name = "ranking_options.hybrid_search"
    if not isinstance(weights, dict) or set(weights) != {"embedding_weight", "text_weight"}:
        raise invalid(name, f"{name} needs the numbers embedding_weight and text_weight")
    meaning, words = (
        check_number(f"{name}.{part}", weights[part], 0, 1e6) for part in ("embedding_weight", "text_weight")
    )
    # Two weights of 0 weigh nothing: the artifact's own share is used.
    return words / (meaning + words) if meaning + words and searcher.manifest.keywords is not None else None


def _best(answers: Iterable[Answer], k: int) -> Iterable[Hit]:
    """Returns the k best documents of all answers, each once; equal scores by lower index."""
    best: dict[int, Hit] = {}
    for answer in answers:
        for hit in answer.hits:
            if hit.index not in best or hit.score > best[hit.index].score:
                best[hit.index] = hit
        # The others can't be among the best of all: only k documents are kept in memory.
        kept = sorted(best.values(), key=lambda hit: (-hit.score, hit.index))[:k]
        best = {hit.index: hit for hit in kept}
    return best.values()


def _render(hit: Hit) -> dict[str, Any]:
    """Returns one result; its text is the passage that the score is of, where documents are cut."""
    text = hit.text if hit.passage is None else hit.text[hit.passage.start : hit.passage.end]
    simple = {
        name: value for name, value in hit.metadata.items() if isinstance(value, str | int | float | bool)
    }
    return {
        "file_id": hit.id,
        "filename": hit.id,
        "score": hit.score,
        "attributes": simple,
        "content": [{"type": "text", "text": text}],
    }
