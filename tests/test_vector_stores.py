"""POST /v1/vector_stores/{id}/search against the searcher."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_events import error_of, post
from texts import TEXTS

from handler.function import Function
from handler.schemas.familiar import StoreAnswer

QUERY = "a storm over Europe"
TOPIC = TEXTS[0].topic


def ask(function: Function, **fields: Any) -> Any:
    status, answer = post(function, json.dumps(fields), "/v1/vector_stores/vs_1/search")
    assert status == 200, answer
    StoreAnswer.model_validate(answer)
    return answer


def found(answer: Any) -> list[tuple[str, float]]:
    return [(one["file_id"], one["score"]) for one in answer["data"]]


def test_the_results_are_the_searchers(function: Function) -> None:
    answer = ask(function, query=QUERY)
    hits = function.searcher.search(QUERY, 10)
    assert found(answer) == [(hit.id, hit.score) for hit in hits]
    assert answer["search_query"] == [QUERY]
    first = answer["data"][0]
    assert first["content"] == [{"type": "text", "text": hits[0].text}]
    assert (first["filename"], first["attributes"]) == (hits[0].id, hits[0].metadata)
    assert len(ask(function, query=QUERY, max_num_results=3)["data"]) == 3


def test_several_queries_are_merged_by_the_best_score(function: Function) -> None:
    queries = [QUERY, "cheese and bread"]
    best: dict[str, tuple[float, int]] = {}
    for query in queries:
        for hit in function.searcher.search(query, len(TEXTS)):
            if hit.id not in best or hit.score > best[hit.id][0]:
                best[hit.id] = (hit.score, hit.index)
    order = sorted(best, key=lambda id_: (-best[id_][0], best[id_][1]))[:8]
    answer = ask(function, query=queries, max_num_results=8)
    assert found(answer) == [(id_, best[id_][0]) for id_ in order]


def test_filters_are_openais(function: Function) -> None:
    for filters, mine in (
        ({"type": "eq", "key": "topic", "value": TOPIC}, {"topic": TOPIC}),
        ({"type": "nin", "key": "topic", "value": [TOPIC]}, {"topic": {"$nin": [TOPIC]}}),
        (
            {"type": "or", "filters": [{"type": "ne", "key": "topic", "value": TOPIC}]},
            {"topic": {"$ne": TOPIC}},
        ),
        (None, None),
    ):
        answer = ask(function, query=QUERY, filters=filters, max_num_results=50)
        hits = function.searcher.search(QUERY, 50, filter=mine)
        assert found(answer) == [(hit.id, hit.score) for hit in hits]


def test_ranking_options(function: Function) -> None:
    least = found(ask(function, query=QUERY))[3][1]
    cut = ask(function, query=QUERY, ranking_options={"ranker": "auto", "score_threshold": least})
    assert len(cut["data"]) == 4
    weights = {"embedding_weight": 3, "text_weight": 1}
    weighed = ask(function, query=QUERY, ranking_options={"hybrid_search": weights})
    assert found(weighed) == [(hit.id, hit.score) for hit in function.searcher.search(QUERY, 10, share=0.25)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": ["a", 1]}, "query[1]"),
        ({"query": "a", "max_num_results": 51}, "max_num_results"),
        ({"query": "a", "filters": {"type": "eq", "key": "nowhere", "value": 1}}, "filters"),
        ({"query": "a", "filters": {"topic": 1}}, "filters"),
        ({"query": "a", "ranking_options": []}, "ranking_options"),
        ({"query": "a", "ranking_options": {"score_threshold": 2}}, "ranking_options.score_threshold"),
        ({"query": "a", "ranking_options": {"hybrid_search": {}}}, "ranking_options.hybrid_search"),
        ({"query": "a", "rewrite_query": 1}, "rewrite_query"),
        ({"query": "a", "k": 1}, "k"),
    ],
    ids=str,
)
def test_a_bad_request_names_its_field(function: Function, fields: dict[str, Any], field: str) -> None:
    status, answer = post(function, json.dumps(fields), "/v1/vector_stores/vs_1/search")
    assert (status, error_of(answer)["field"]) == (422, field)
