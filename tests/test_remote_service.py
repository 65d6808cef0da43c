"""A real service, asked by RemoteSearcher and by the JavaScript client: they give what Searcher gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from node import CLIENT, node
from servers import uvicorn_server

from seeklet import RemoteSearcher, RequestError, Searcher

QUERY = "storms over Europe"
KEY = "secret"


@pytest.fixture(scope="module")
def url(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service over the artifact, which asks for a key."""
    with uvicorn_server(artifact, tmp_path_factory.mktemp("service") / "log", API_KEY=KEY) as address:
        yield address


OPTIONS: list[dict[str, Any]] = [
    {},
    {"mode": "semantic"},
    {"mode": "keyword", "offset": 1},
    {"mode": "hybrid", "share": 0.9, "min_score": 0.2},
    {"share": 0.0, "offset": 3},
    {"filter": {"topic": {"$in": ["climate", "sport"]}}},
    {"filter": {"$not": {"topic": "climate"}}, "min_score": 0.1, "offset": 1},
    {"filter": {"topic": "no such topic"}},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_hits_are_searchers(url: str, searcher: Searcher, options: dict[str, Any]) -> None:
    remote = RemoteSearcher(url, KEY)
    hits, expected = remote.search(QUERY, 4, **options), searcher.search(QUERY, 4, **options)
    assert [hit.fields() for hit in hits] == [hit.fields() for hit in expected]
    assert hits == expected
    queries = [QUERY, "bread", "qqq"]
    assert remote.search_many(queries, 4, **options) == [searcher.search(q, 4, **options) for q in queries]


def test_like(url: str, searcher: Searcher) -> None:
    alike = searcher.like("t0", len(searcher.local.documents), mode="semantic")
    remote = RemoteSearcher(url, KEY)
    assert remote.like("t0", 3, mode="semantic") == alike[:3]
    of_sport = [hit for hit in alike if hit.metadata["topic"] == "sport"]
    assert remote.like("t0", 3, mode="semantic", filter={"topic": "sport"}) == of_sport[:3]


@pytest.mark.parametrize(
    ("options", "status", "code", "field"),
    [
        ({"k": 0}, 422, "invalid_request", "k"),
        ({"filter": {"no": 1}}, 422, "invalid_request", "filter"),
        ({"mode": "fuzzy"}, 422, "invalid_request", "mode"),
    ],
)
def test_refusals(url: str, options: dict[str, Any], status: int, code: str, field: str) -> None:
    with pytest.raises(RequestError, match=r"/search can't answer: ") as raised:
        RemoteSearcher(url, KEY).search(QUERY, **options)
    assert (raised.value.status, raised.value.code, raised.value.field) == (status, code, field)
    with pytest.raises(RequestError, match=r"no document has the id 'no'.* \(no_document\)$"):
        RemoteSearcher(url, KEY).like("no")
    with pytest.raises(RequestError, match=r"the API key is missing or wrong.* \(forbidden\)$"):
        RemoteSearcher(url).search(QUERY)


ASKING = """
import { Seeklet } from "./seeklet.js";

const seeklet = new Seeklet({ url: process.env.URL, apiKey: process.env.KEY });
const filter = { topic: { $in: ["climate", "sport"] } };
const include = ["text", "metadata", "highlights", "explain"];
const told = ({ status, code, field, requestId }) => ({ status, code, field, requestId });
console.log(JSON.stringify({
  search: await seeklet.search(process.env.QUERY, { k: 3, offset: 1, share: 0.5, minScore: 0.1, filter, facets: ["topic"], include }),
  many: await seeklet.searchMany(["bread", "storm"], { k: 2, mode: "keyword" }),
  like: await seeklet.like("t0", { k: 3 }),
  similar: await seeklet.similar(process.env.QUERY, 3),
  document: await seeklet.document("t1"),
  documents: await seeklet.documents(["t2", "no", "t0"]),
  embed: await seeklet.embed(["bread"], { prompt: "query", dimensions: 384 }),
  one: await seeklet.embed("bread"),
  info: await seeklet.info(),
  health: await seeklet.health(),
  refused: await seeklet.search("storms", { k: 0 }).catch(told),
  unknown: await seeklet.like("no").catch(told),
  forbidden: await new Seeklet({ url: process.env.URL }).search("a").catch(told),
}));
"""


def test_javascript(url: str, searcher: Searcher) -> None:
    asked = node("--input-type=module", "--eval", ASKING, cwd=CLIENT, URL=url, KEY=KEY, QUERY=QUERY)
    said = json.loads(asked)
    wanted: dict[str, Any] = {
        "filter": {"topic": {"$in": ["climate", "sport"]}},
        "min_score": 0.1,
        "offset": 1,
    }
    expected = [hit.fields() for hit in searcher.search(QUERY, 3, "hybrid", 0.5, **wanted)]
    for result, hit in zip(said["search"]["results"], expected, strict=True):
        explained = {"cosine": hit.pop("cosine"), "keyword": hit.pop("keyword"), "share": 0.5}
        highlights = hit.pop("matches")
        assert result == {**hit, "highlights": highlights, "explain": explained}
    assert {facet["value"] for facet in said["search"]["facets"]["topic"]} <= {"climate", "sport"}
    for answer, query in zip(said["many"], ("bread", "storm"), strict=True):
        assert ids(answer) == [hit.id for hit in searcher.search(query, 2, "keyword")]
    assert ids(said["like"]) == [hit.id for hit in searcher.like("t0", 3)]
    assert ids(said["similar"]) == [hit.id for hit in searcher.search(QUERY, 3, "semantic")]
    documents = [
        {**searcher.local.documents[index]._asdict(), "index": index} if index is not None else None
        for index in (1, 2, None, 0)
    ]
    assert [said["document"], *said["documents"]] == documents
    vectors = searcher.encoder.encode(["bread", "bread"])
    assert np.array_equal(np.array([*said["embed"], said["one"]], np.float32), vectors)
    assert said["info"]["dim"] == searcher.manifest.dim
    assert said["health"]["documents"] == len(searcher.local.documents)
    for name, status, code, field in (
        ("refused", 422, "invalid_request", "k"),
        ("unknown", 404, "no_document", "like"),
        ("forbidden", 403, "forbidden", None),
    ):
        assert said[name].pop("requestId")
        assert said[name] == {"status": status, "code": code, "field": field}


def ids(answer: dict[str, Any]) -> list[str]:
    """The ids of an answer's results."""
    return [result["id"] for result in answer["results"]]
