"""OpenAI's client, huggingface_hub's and the official MCP client against the service: uvicorn, and Lambda's emulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emulated import emulated
from lambda_front import http_front
from lambda_tools import build_function
from servers import uvicorn_server
from texts import TEXTS

from handler.searcher import Searcher

pytestmark = pytest.mark.clients

QUERY = "a storm over Europe"
KEY = "k3y-of-the-test"


@pytest.fixture(scope="module", params=["uvicorn", "Lambda's emulator"])
def url(
    request: pytest.FixtureRequest, artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of the service, by either way, with a key."""
    if request.param == "uvicorn":
        with uvicorn_server(artifact, tmp_path_factory.mktemp("uvicorn") / "log", API_KEY=KEY) as address:
            yield address
        return
    start = emulated(build_function(tmp_path_factory.mktemp("task")), artifact, tmp_path_factory.mktemp)
    with (
        start(API_KEY=KEY) as environment,
        http_front(lambda event: environment.invoke(event).body) as address,
    ):
        yield address


@pytest.fixture(scope="module")
def openai(url: str) -> Any:
    """OpenAI's client of the service."""
    from openai import OpenAI

    headers = {"x-api-key": KEY}
    return OpenAI(base_url=f"{url}/v1", api_key="none", default_headers=headers, max_retries=0)


def test_openais_embeddings(openai: Any, searcher: Searcher) -> None:
    from openai import NotFoundError

    texts = [QUERY, "bread", "漢字"]
    right = searcher.encoder.encode(texts)
    # Without a format the client asks for base64, and reads it.
    for more in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        answer = openai.embeddings.create(input=texts, model="any", **more)
        if more.get("encoding_format") != "base64":
            vectors = np.array([one.embedding for one in answer.data], np.float32)
            np.testing.assert_allclose(vectors, right, atol=1e-6)
        assert answer.usage.total_tokens == sum(
            len(searcher.encoder.tokenizer.encode(text).ids) for text in texts
        )
    ids = searcher.encoder.tokenizer.encode(QUERY).ids
    by_ids = openai.embeddings.create(input=ids, model="any", dimensions=384)
    np.testing.assert_allclose(by_ids.data[0].embedding, right[0], atol=1e-6)
    name = searcher.manifest.model_id
    assert [model.id for model in openai.models.list()] == [name]
    assert openai.models.retrieve(name).id == name
    with pytest.raises(NotFoundError, match="no model has the id 'any'"):
        openai.models.retrieve("any")


def test_openais_vector_stores(openai: Any, searcher: Searcher) -> None:
    topic = TEXTS[0].topic
    filters = {"type": "or", "filters": [{"type": "ne", "key": "topic", "value": topic}]}
    page = openai.vector_stores.search("any", query=QUERY, max_num_results=7, filters=filters)
    hits = searcher.search(QUERY, 7, filter={"topic": {"$ne": topic}})
    assert [(one.file_id, one.score) for one in page.data] == [(hit.id, hit.score) for hit in hits]
    assert page.data[0].content[0].text == hits[0].text
    assert page.data[0].attributes == hits[0].metadata


def test_openais_errors(openai: Any, url: str) -> None:
    from openai import OpenAI, PermissionDeniedError, UnprocessableEntityError

    with pytest.raises(UnprocessableEntityError) as refused:
        openai.embeddings.create(input="", model="any")
    assert (refused.value.code, refused.value.param) == ("invalid_request", "input")
    assert refused.value.message.endswith("input is empty: send a text")
    keyless = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    with pytest.raises(PermissionDeniedError):
        keyless.embeddings.create(input="a", model="any")


def test_huggingfaces_client(url: str, searcher: Searcher) -> None:
    from huggingface_hub import InferenceClient
    from huggingface_hub.errors import HfHubHTTPError

    client = InferenceClient(model=f"{url}/embed", headers={"x-api-key": KEY})
    vectors = client.feature_extraction(QUERY, normalize=True, truncate=True, prompt_name="query")
    np.testing.assert_allclose(np.reshape(vectors, -1), searcher.encoder.encode([QUERY])[0], atol=1e-6)
    for text, said in (("", "inputs is empty"), ("storm " * 400, "or truncate: true")):
        with pytest.raises(HfHubHTTPError, match=said):
            client.feature_extraction(text)


def test_the_official_mcp_client(url: str, searcher: Searcher) -> None:
    async def talk() -> None:
        import httpx
        from mcp import ClientSession, MCPError
        from mcp.client.streamable_http import streamable_http_client

        async with (
            httpx.AsyncClient(headers={"x-api-key": KEY}) as http,
            streamable_http_client(f"{url}/mcp", http_client=http) as (reader, writer, *_),
            ClientSession(reader, writer) as session,
        ):
            told = await session.initialize()
            assert told.server_info.name == "seeklet"
            tools = (await session.list_tools()).tools
            assert [tool.name for tool in tools] == ["search", "get_document", "describe_corpus"]
            arguments = {"query": QUERY, "k": 3, "filter": {"topic": {"$exists": True}}}
            found = await session.call_tool("search", arguments)
            hits = searcher.search(QUERY, 3)
            assert [one["id"] for one in found.structured_content["results"]] == [hit.id for hit in hits]
            document = await session.call_tool("get_document", {"id": hits[0].id})
            assert json.loads(document.content[0].text)["text"] == hits[0].text
            corpus = await session.call_tool("describe_corpus", {})
            assert corpus.structured_content["documents"] == len(TEXTS)
            refused = await session.call_tool("search", {"query": ""})
            assert refused.is_error
            with pytest.raises(MCPError, match="which is the limit: send a shorter text"):
                await session.call_tool("search", {"query": "a" * 70_000})
        async with (
            streamable_http_client(f"{url}/mcp") as (reader, writer, *_),
            ClientSession(reader, writer) as session,
        ):
            with pytest.raises(MCPError, match="the API key is missing or wrong: send it in the header"):
                await session.initialize()

    asyncio.run(talk())
