"""SeekletRetriever in the real LlamaIndex, compared with Searcher."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from answering import answering_server

from seeklet import ArtifactError, OptionError, RequestError, Searcher

pytestmark = pytest.mark.clients

QUERY = "a storm over Europe"


@pytest.fixture
def retriever() -> Callable[..., Any]:
    """The class, which only this environment can import."""
    from seeklet.llama_index import SeekletRetriever

    return SeekletRetriever


def shown(nodes: list[Any]) -> list[tuple[Any, ...]]:
    """What a node and a hit have in common."""
    return [(node.node.node_id, node.score, node.node.text, node.node.metadata) for node in nodes]


def expected(searcher: Searcher, *arguments: Any) -> list[tuple[Any, ...]]:
    return [(hit.id, hit.score, hit.text, hit.metadata) for hit in searcher.search(QUERY, *arguments)]


def test_over_an_artifact(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    asked = retriever(artifact, k=3)
    assert shown(asked.retrieve(QUERY)) == expected(searcher, 3)
    assert shown(asyncio.run(asked.aretrieve(QUERY))) == expected(searcher, 3)
    for mode in searcher.modes:
        assert shown(retriever(artifact, k=4, mode=mode).retrieve(QUERY)) == expected(searcher, 4, mode)
    assert len(retriever(artifact).retrieve(QUERY)) == 5


def test_over_a_service(retriever: Callable[..., Any], searcher: Searcher) -> None:
    with answering_server() as service:
        results = [hit.fields() for hit in searcher.search(QUERY, 3)]
        service.answer(200, json.dumps({"results": results}).encode())
        asked = retriever(url=service.url, api_key="secret", k=3, filter={"topic": "climate"}, min_score=0.1)
        assert shown(asked.retrieve(QUERY)) == expected(searcher, 3)
        sent = json.loads(service.asked[0].body)
        assert (sent["query"], sent["k"], sent["min_score"]) == (QUERY, 3, 0.1)
        assert sent["filter"] == {"topic": "climate"}
        assert service.asked[0].headers["x-api-key"] == "secret"
        service.answer(422, b'{"title": "no", "detail": "k is 0", "code": "invalid_request", "field": "k"}')
        with pytest.raises(RequestError, match=r"k is 0 \(invalid_request\)"):
            asked.retrieve(QUERY)
        result = {**results[0], "passage": {"start": 2, "end": 7}}
        service.answer(200, json.dumps({"results": [result]}).encode())
        (node,) = retriever(url=service.url, passages=True).retrieve(QUERY)
        assert node.node.text == results[0]["text"][2:7]


def test_in_a_query_engine(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    from llama_index.core.llms import MockLLM
    from llama_index.core.query_engine import RetrieverQueryEngine

    engine = RetrieverQueryEngine.from_args(retriever(artifact, k=2), llm=MockLLM())
    response = engine.query(QUERY)
    assert shown(response.source_nodes) == expected(searcher, 2)
    # The mock repeats its prompt.
    assert all(hit.text in str(response) for hit in searcher.search(QUERY, 2))


def test_neither_artifact_nor_url(retriever: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match="an artifact or a url, and neither was given"):
        retriever()
    with pytest.raises(ArtifactError, match="there is no artifact folder nowhere"):
        retriever("nowhere")
