"""POST /search: against the searcher, and against plain Python over the corpus."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from http_events import error_of, post
from search_requests import QUERY, ask
from texts import TEXTS

from handler.function import Function
from handler.searcher import Searcher

MODES = ("hybrid", "semantic", "keyword")


def ids(answer: Any) -> list[str]:
    return [result["id"] for result in answer["results"]]


@pytest.mark.parametrize("mode", MODES)
def test_a_result_is_the_searchers_hit(function: Function, searcher: Searcher, mode: str) -> None:
    everything = ["text", "metadata", "embedding", "highlights", "explain"]
    answer = ask(function, query=QUERY, k=7, mode=mode, include=everything)
    hits = searcher.search(QUERY, 7, mode)
    assert hits
    for result, hit in zip(answer["results"], hits, strict=True):
        share = 0.5 if mode == "hybrid" else None
        stored = searcher.local.index.embeddings.take(np.array([hit.index]))[0]
        assert result.pop("embedding") == pytest.approx(stored.tolist(), abs=2e-3)
        assert result == {
            "id": hit.id,
            "index": hit.index,
            "score": hit.score,
            "text": hit.text,
            "metadata": hit.metadata,
            "highlights": [match._asdict() for match in hit.matches],
            "explain": {"cosine": hit.cosine, "keyword": hit.keyword, "share": share},
        }
    assert (answer["mode"], answer["k"], answer["offset"]) == (mode, 7, 0)


def test_a_result_holds_what_is_asked_for(function: Function) -> None:
    assert set(ask(function, query=QUERY)["results"][0]) == {"id", "index", "score", "text", "metadata"}
    assert set(ask(function, query=QUERY, include=[])["results"][0]) == {"id", "index", "score"}
    assert len(ask(function, query=QUERY)["results"]) == 10


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_its_queries(function: Function, mode: str) -> None:
    queries = [QUERY, "cheese", "xyzzy", "how do birds find their way", QUERY]
    for more in ({}, {"filter": {"topic": TEXTS[0].topic}}, {"min_score": 0.2, "offset": 1}):
        batch = ask(function, queries=queries, k=4, mode=mode, facets=["topic"], **more)["answers"]
        singles = [ask(function, query=query, k=4, mode=mode, facets=["topic"], **more) for query in queries]
        assert batch == singles


@pytest.mark.parametrize("mode", MODES)
def test_offset_cuts_the_same_ranking(function: Function, mode: str) -> None:
    whole = ids(ask(function, query=QUERY, k=100, mode=mode))
    paged = [ids(ask(function, query=QUERY, k=3, offset=offset, mode=mode)) for offset in range(0, 110, 3)]
    assert [id_ for page in paged for id_ in page] == whole
    assert ask(function, query=QUERY, offset=10**9)["results"] == []


@pytest.mark.parametrize("mode", MODES)
def test_min_score_cuts_and_counts(function: Function, mode: str) -> None:
    whole = ask(function, query=QUERY, k=100, mode=mode)
    scores = [result["score"] for result in whole["results"]]
    assert whole["total"] == (len(scores) if mode == "keyword" else len(TEXTS))
    for least in (-2, scores[0], scores[3], 0.5 * (scores[1] + scores[2]), 2):
        cut = ask(function, query=QUERY, k=100, mode=mode, min_score=least, facets=["topic"])
        expected = [result for result in whole["results"] if result["score"] >= least]
        assert cut["results"] == expected
        assert cut["total"] == len(expected)
        topics = Counter(result["metadata"]["topic"] for result in expected)
        assert {value["value"]: value["count"] for value in cut["facets"]["topic"]} == topics


@pytest.mark.parametrize("mode", MODES)
def test_a_filter_leaves_what_passes_in_order(function: Function, mode: str) -> None:
    whole = ask(function, query=QUERY, k=100, mode=mode)
    for topic in {text.topic for text in TEXTS}:
        for wanted in (True, False):
            filter_: dict[str, Any] = {"topic": topic} if wanted else {"$not": {"topic": topic}}
            cut = ask(function, query=QUERY, k=100, mode=mode, filter=filter_)
            expected = [one for one in whole["results"] if (one["metadata"]["topic"] == topic) is wanted]
            assert cut["results"] == expected
            assert ask(function, query=QUERY, k=2, mode=mode, filter=filter_)["results"] == expected[:2]
            assert cut["total"] == len(expected)


def test_facets_count_what_matches(function: Function) -> None:
    answer = ask(function, query=QUERY, k=1, facets=["topic"])
    counts = Counter(text.topic for text in TEXTS)
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    assert [(value["value"], value["count"]) for value in answer["facets"]["topic"]] == expected


@pytest.mark.parametrize("mode", MODES)
def test_more_like_this_is_the_nearest_but_itself(function: Function, searcher: Searcher, mode: str) -> None:
    for index in (0, 5, len(TEXTS) - 1):
        answer = ask(function, like=f"t{index}", k=5, mode=mode)
        found = [result["index"] for result in answer["results"]]
        assert index not in found
        if mode == "semantic":
            stored = searcher.local.index.embeddings.take(np.arange(len(TEXTS)))
            order = np.argsort(-(stored @ stored[index]), kind="stable")
            assert found == [other for other in order.tolist() if other != index][:5]
        if mode != "keyword":
            assert answer["total"] == len(TEXTS) - 1
        paged = ask(function, like=f"t{index}", k=3, offset=2, mode=mode)
        assert [result["index"] for result in paged["results"]] == found[2:5]


BAD: list[tuple[dict[str, Any], int, str | None]] = [
    ({}, 422, "query"),
    ({"query": "a", "queries": ["b"]}, 422, "queries"),
    ({"query": "a", "like": "t0"}, 422, "like"),
    ({"query": ""}, 422, "query"),
    ({"query": 5}, 422, "query"),
    ({"queries": []}, 422, "queries"),
    ({"queries": "a"}, 422, "queries"),
    ({"queries": ["a", ""]}, 422, "queries[1]"),
    ({"queries": ["a"] * 129}, 422, "queries"),
    ({"like": "nowhere"}, 404, "like"),
    ({"like": 5}, 422, "like"),
    ({"query": "a", "k": 0}, 422, "k"),
    ({"query": "a", "k": 101}, 422, "k"),
    ({"query": "a", "k": 1.5}, 422, "k"),
    ({"query": "a", "offset": -1}, 422, "offset"),
    ({"query": "a", "mode": "fuzzy"}, 422, "mode"),
    ({"query": "a", "share": 2}, 422, "share"),
    ({"query": "a", "share": True}, 422, "share"),
    ({"query": "a", "min_score": "high"}, 422, "min_score"),
    ({"query": "a", "filter": {"nowhere": 1}}, 422, "filter"),
    ({"query": "a", "filter": {"topic": 1}}, 422, "filter"),
    ({"query": "a", "filter": None}, 422, "filter"),
    ({"query": "a", "facets": ["nowhere"]}, 422, "facets"),
    ({"query": "a", "include": ["texts"]}, 422, "include"),
    ({"query": "a", "texts": 1}, 422, "texts"),
]


@pytest.mark.parametrize(("fields", "status", "field"), BAD, ids=[str(bad[0])[:50] for bad in BAD])
def test_a_bad_request_names_its_field(
    function: Function, fields: dict[str, Any], status: int, field: str | None
) -> None:
    got, answer = post(function, json.dumps(fields), "/search")
    assert (got, error_of(answer)["field"]) == (status, field)
    assert answer["status"] == status


def test_a_direct_invocation_is_the_route(function: Function) -> None:
    assert function({"query": QUERY, "k": 2}) == ask(function, query=QUERY, k=2)
    assert function({"query": QUERY, "k": 0})["field"] == "k"
