"""SeekletRetriever and SeekletEmbeddings in the real LangChain, compared with Searcher and Encoder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answering import AnsweringServer, answering_server
from unsigned import unsigned

from handler.encoder import Encoder
from handler.manifest import Manifest
from seeklet import ArtifactError, OptionError, RequestError, Searcher

pytestmark = pytest.mark.clients

QUERY = "a storm over Europe"


@pytest.fixture
def retriever() -> Callable[..., Any]:
    """The class, which only this environment can import."""
    from seeklet.langchain import SeekletRetriever

    return SeekletRetriever


@pytest.fixture
def service(searcher: Searcher) -> Iterator[AnsweringServer]:
    """A service that answers QUERY's three best."""
    with answering_server() as answering:
        results = [hit.fields() for hit in searcher.search(QUERY, 3)]
        answering.answer(200, json.dumps({"results": results}).encode())
        yield answering


def test_over_an_artifact(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    from langchain_core.documents import Document

    expected = [
        Document(id=hit.id, page_content=hit.text, metadata={**hit.metadata, "score": hit.score})
        for hit in searcher.search(QUERY, 3)
    ]
    asked = retriever(artifact=str(artifact), k=3)
    assert asked.invoke(QUERY) == expected
    assert asyncio.run(asked.ainvoke(QUERY)) == expected
    assert asked.batch([QUERY, QUERY]) == [expected, expected]
    assert [document.metadata.keys() for document in expected] == [{"topic", "score"}] * 3


def test_over_a_service(
    retriever: Callable[..., Any], service: AnsweringServer, searcher: Searcher, artifact: Path
) -> None:
    asked = retriever(url=service.url, api_key="secret", k=3, mode="hybrid")
    expected = retriever(artifact=artifact, k=3).invoke(QUERY)
    assert asked.invoke(QUERY) == expected
    assert asyncio.run(asked.ainvoke(QUERY, min_score=0.0)) == expected
    first, second = (json.loads(request.body) for request in service.asked)
    assert (first["query"], first["k"], first["mode"]) == (QUERY, 3, "hybrid")
    assert second == {**first, "min_score": 0.0}
    assert service.asked[0].headers["x-api-key"] == "secret"
    assert "secret" not in repr(asked)


def test_options_of_one_call(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    asked = retriever(artifact=artifact, mode="semantic", k=1)
    calls: list[dict[str, Any]] = [
        {},
        {"k": 4},
        {"mode": "keyword", "k": 4},
        {"mode": "hybrid", "share": 0.9},
    ]
    for options in calls:
        expected = [hit.id for hit in searcher.search(QUERY, **{"mode": "semantic", "k": 1, **options})]
        assert [document.id for document in asked.invoke(QUERY, **options)] == expected
        assert [document.id for document in asyncio.run(asked.ainvoke(QUERY, **options))] == expected
    with pytest.raises(OptionError, match="there is no option 'top_k'"):
        asked.invoke(QUERY, top_k=4)


def test_in_a_chain(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.runnables import RunnablePassthrough

    def joined(documents: list[Any]) -> str:
        return "\n".join(document.page_content for document in documents)

    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")
    asked = retriever(artifact=artifact, k=2)
    chain = {"context": asked | joined, "question": RunnablePassthrough()} | prompt
    texts = [hit.text for hit in searcher.search(QUERY, 2)]
    assert chain.invoke(QUERY).messages[0].content == f"{texts[0]}\n{texts[1]}\n\n{QUERY}"


def test_as_a_tool_of_an_agent(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    from langchain_core.tools import create_retriever_tool

    tool = create_retriever_tool(retriever(artifact=artifact, k=1), "news", "Searches the news.")
    assert tool.invoke({"query": QUERY}) == searcher.search(QUERY, 1)[0].text


def test_a_callback_sees_the_documents_and_the_error(
    retriever: Callable[..., Any], service: AnsweringServer
) -> None:
    from langchain_core.callbacks import BaseCallbackHandler

    seen: list[Any] = []

    class Watcher(BaseCallbackHandler):  # type: ignore[misc,unused-ignore]
        def on_retriever_end(self, documents: Any, **options: Any) -> None:
            seen.append(len(documents))

        def on_retriever_error(self, error: BaseException, **options: Any) -> None:
            seen.append(error)

    asked = retriever(url=service.url)
    asked.invoke(QUERY, config={"callbacks": [Watcher()]})
    service.answer(422, b'{"title": "no", "detail": "k is 0", "code": "invalid_request", "field": "k"}')
    with pytest.raises(RequestError, match=r"k is 0 \(invalid_request\)") as raised:
        asked.invoke(QUERY, config={"callbacks": [Watcher()]})
    assert seen == [3, raised.value]


def test_the_name_of_the_score(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    (hit,) = searcher.search(QUERY, 1)
    (named,) = retriever(artifact=artifact, k=1, score_key="topic").invoke(QUERY)
    assert named.metadata == {"topic": hit.score}
    (without,) = retriever(artifact=artifact, k=1, score_key=None).invoke(QUERY)
    assert without.metadata == hit.metadata
    assert hit.metadata == {"topic": "climate"}


def test_passages(retriever: Callable[..., Any], service: AnsweringServer, searcher: Searcher) -> None:
    (hit,) = searcher.search(QUERY, 1)
    result = {**hit.fields(), "passage": {"start": 2, "end": 7}}
    service.answer(200, json.dumps({"results": [result]}).encode())
    assert retriever(url=service.url).invoke(QUERY)[0].page_content == hit.text
    assert retriever(url=service.url, passages=True).invoke(QUERY)[0].page_content == hit.text[2:7]


def test_neither_artifact_nor_url(retriever: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match="an artifact or a url, and neither was given"):
        retriever()
    with pytest.raises(ArtifactError, match="there is no artifact folder nowhere"):
        retriever(artifact="nowhere")


def test_a_misspelt_option_is_refused(retriever: Callable[..., Any], artifact: Path) -> None:
    with pytest.raises(ValueError, match=r"filters\n +Extra inputs are not permitted"):
        retriever(artifact=artifact, filters={"topic": "climate"})


def test_options_can_be_configured(retriever: Callable[..., Any], searcher: Searcher, artifact: Path) -> None:
    from langchain_core.runnables import ConfigurableField

    asked = retriever(artifact=artifact, k=3).configurable_fields(k=ConfigurableField(id="k"))
    documents = asked.with_config(configurable={"k": 1}).invoke(QUERY)
    assert [document.id for document in documents] == [hit.id for hit in searcher.search(QUERY, 1)]


def test_embeddings(artifact: Path) -> None:
    from langchain_core.vectorstores import InMemoryVectorStore

    from seeklet.langchain import SeekletEmbeddings

    texts = ["a storm over Europe", "bread"]
    embeddings = SeekletEmbeddings(artifact)
    expected = Encoder.load(artifact).encode(texts)
    assert np.array_equal(np.array(embeddings.embed_documents(texts), np.float32), expected)
    assert np.array_equal(np.array(embeddings.embed_query(texts[0]), np.float32), expected[0])
    assert asyncio.run(embeddings.aembed_query(texts[0])) == embeddings.embed_query(texts[0])
    assert embeddings.embed_documents([]) == []
    store = InMemoryVectorStore.from_texts(texts, embeddings)
    assert [found.page_content for found in store.similarity_search("loaf", 1)] == ["bread"]


def edit_manifest(artifact: Path, **fields: Any) -> None:
    """Changes fields of an artifact's manifest."""
    path = artifact / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(unsigned({**manifest, **fields})))


def test_embeddings_have_the_artifacts_prompts(own_artifact: Path) -> None:
    from seeklet.langchain import SeekletEmbeddings

    edit_manifest(own_artifact, query_prompt="query: ", document_prompt="passage: ")
    embeddings, encoder = SeekletEmbeddings(own_artifact, threads=2), Encoder.load(own_artifact)
    assert embeddings.embed_query("bread") == encoder.encode(["query: bread"])[0].tolist()
    assert embeddings.embed_documents(["bread"]) == encoder.encode(["passage: bread"]).tolist()


def test_no_embeddings_of_two_models(own_artifact: Path) -> None:
    from seeklet.langchain import SeekletEmbeddings

    manifest = Manifest.parse((own_artifact / "manifest.json").read_bytes(), "")
    other = {
        "model_id": "large",
        "revision": "1",
        "weights_sha256": manifest.weights_sha256,
        "pooling": "mean",
        "max_length": 9,
    }
    edit_manifest(own_artifact, document_model=other)
    with pytest.raises(ArtifactError, match=r"were embedded by large, which the artifact doesn't hold: use"):
        SeekletEmbeddings(own_artifact)
