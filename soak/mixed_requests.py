"""Ordinary requests of every route, made of a seed and a number alone; their queries are cut from an artifact's own texts.

Each says which status it must be answered with: most 200, a share the 4xx that clients of every day get. mixed_events.py sends
them, mixed_parts.py has their parts, senders.py the events' shapes. Nothing here is hostile: hostile_events.py is.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from soak.corpus import Corpus
from soak.mixed_parts import Asked, document_of, json_request, words
from soak.senders import PING_SOURCES, SENDERS

ANSWERED, REFUSED = "direct, answered", "direct, refused"
# So many events come first, with the largest answers among them.
FIRST = 1_000
_ALL = ["text", "metadata", "embedding", "highlights", "explain"]
# One byte more than MAX_BODY_BYTES is by default.
_TOO_LONG = 65_537


class Made(NamedTuple):
    """An event, and what it is of: its sender, its route, and the status of its answer."""

    sender: str
    route: str
    expected: str
    event: Any


def make(seed: int, number: int, corpus: Corpus) -> Made:
    """Makes the event of a number."""
    rng = random.Random(f"{seed} {number}")
    # An environment needs the memory of its largest answer, and of FastAPI: the first thousand events have all of that.
    makers, weights = (_LARGEST, None) if number < FIRST and number % 10 == 0 else (_MAKERS, _WEIGHTS)
    (maker,) = rng.choices(makers, weights)
    asked = maker(rng, corpus)
    if asked.route == "direct":
        return Made("direct", "direct", asked.expected, json.loads(asked.body or b""))
    if asked.route == "ping":
        ping = {"source": rng.choice(PING_SOURCES), "detail-type": "Scheduled Event"}
        return Made("ping", "ping", asked.expected, ping)
    sender = rng.choice([*SENDERS])
    return Made(sender, asked.route, asked.expected, _event(rng, sender, asked))


def _event(rng: random.Random, sender: str, asked: Asked) -> dict[str, Any]:
    headers = {"content-type": "application/json", "host": "example.com", "x-api-key": asked.key}
    method = asked.route.partition(" ")[0]
    event = SENDERS[sender](method, asked.path, asked.query, headers)
    if asked.body is None:
        return event
    as_base64 = rng.random() < 0.2
    body = base64.b64encode(asked.body) if as_base64 else asked.body
    return {**event, "body": body.decode(), "isBase64Encoded": as_base64}


def _filter(rng: random.Random, corpus: Corpus) -> dict[str, Any]:
    """Returns a filter that at least one document passes, unless it has none of the columns."""
    name = rng.choice(corpus.columns)
    value = document_of(rng, corpus).metadata.get(name)
    simple = isinstance(value, str | int | float) and value != ""
    clause = (
        {name: rng.choice([value, {"$in": [value]}, {"$ne": value}])} if simple else {name: {"$exists": True}}
    )
    return rng.choice([clause, {"$or": [clause, {name: {"$exists": False}}]}, {"$not": clause}])


def _search(rng: random.Random, corpus: Corpus) -> Asked:
    mode = rng.choice(corpus.modes)
    fields: dict[str, Any] = {
        "query": words(rng, corpus),
        "mode": mode,
        "k": rng.choice([1, 5, 10, 10, 10, 20, 100]),
    }
    if rng.random() < 0.1:
        fields = {"like": document_of(rng, corpus).id, "k": 10}
    elif mode == "hybrid" and rng.random() < 0.3:
        fields["share"] = round(rng.random(), 2)
    if corpus.columns and rng.random() < 0.4:
        fields["filter"] = _filter(rng, corpus)
    if corpus.columns and rng.random() < 0.2:
        fields["facets"] = rng.sample(corpus.columns, rng.randint(1, len(corpus.columns)))
    if rng.random() < 0.2:
        fields["include"] = rng.sample(_ALL, rng.randint(1, 5))
    if rng.random() < 0.1:
        fields |= {"offset": rng.choice([5, 50]), "min_score": 0.1}
    return json_request("POST /search", fields)


def _get(rng: random.Random, corpus: Corpus) -> Asked:
    pairs = {"q": words(rng, corpus), "k": rng.choice([5, 10]), "mode": rng.choice(corpus.modes)}
    return Asked("GET /search", "/search", query=urlencode(pairs, quote_via=quote))


def _batch(rng: random.Random, corpus: Corpus) -> Asked:
    queries = [words(rng, corpus) for _ in range(rng.choice([2, 4, 8, 16]))]
    return json_request("POST /search", {"queries": queries, "k": 3})


def _largest_search(rng: random.Random, corpus: Corpus) -> Asked:
    fields = {"query": words(rng, corpus), "k": 100, "include": _ALL, "facets": corpus.columns}
    return json_request("POST /search", fields if corpus.columns else {**fields, "facets": []})


def _largest_batch(rng: random.Random, corpus: Corpus) -> Asked:
    return json_request("POST /search", {"queries": [words(rng, corpus) for _ in range(128)], "k": 10})


def _similar(rng: random.Random, corpus: Corpus) -> Asked:
    fields: dict[str, Any] = {"text": words(rng, corpus), "num_results": rng.choice([1, 5, 20])}
    if rng.random() < 0.5:
        fields |= {"mode": rng.choice(corpus.modes), "matches": rng.random() < 0.5}
    return json_request("POST /similar", fields)


def _document_of_id(rng: random.Random, corpus: Corpus) -> Asked:
    return Asked("GET /documents/{document_id}", f"/documents/{quote(document_of(rng, corpus).id)}")


def _documents(rng: random.Random, corpus: Corpus) -> Asked:
    ids = [document_of(rng, corpus).id for _ in range(rng.choice([1, 5, 20]))]
    places = rng.choices(range(len(corpus.documents)), k=5)
    return json_request("POST /documents", rng.choice([{"ids": ids}, {"indexes": places}]))


def _embed(rng: random.Random, corpus: Corpus) -> Asked:
    texts = [words(rng, corpus) for _ in range(rng.choice([1, 1, 4, 16]))]
    return json_request("POST /embed", {"inputs": rng.choice([texts, texts[0]]), "truncate": True})


def _embeddings(rng: random.Random, corpus: Corpus) -> Asked:
    texts: Any = [words(rng, corpus) for _ in range(rng.choice([1, 1, 4, 16]))]
    form = rng.choice(["float", "base64"])
    given = rng.choice([texts, texts[0], [1, 2, 3]])
    return json_request("POST /v1/embeddings", {"input": given, "model": "any", "encoding_format": form})


def _store(rng: random.Random, corpus: Corpus) -> Asked:
    fields: dict[str, Any] = {"query": words(rng, corpus), "max_num_results": rng.choice([1, 10, 50])}
    if rng.random() < 0.2:
        fields["query"] = [words(rng, corpus) for _ in range(3)]
    value = document_of(rng, corpus).metadata.get(corpus.columns[0]) if corpus.columns else None
    if isinstance(value, str) and rng.random() < 0.4:
        fields["filters"] = {"type": "eq", "key": corpus.columns[0], "value": value}
    return json_request("POST /v1/vector_stores/{id}/search", fields, "/v1/vector_stores/vs_1/search")


def _mcp(rng: random.Random, corpus: Corpus) -> Asked:
    def call(name: str, **arguments: Any) -> dict[str, Any]:
        return {"method": "tools/call", "params": {"name": name, "arguments": arguments}}

    opening = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a", "version": "1"},
    }
    if rng.random() < 0.1:
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        return json_request("POST /mcp", message, expected="202")
    asked: list[dict[str, Any]] = [
        {"method": "initialize", "params": opening},
        {"method": rng.choice(["ping", "tools/list"])},
        call("search", query=words(rng, corpus), k=5),
        call("search", query=words(rng, corpus), mode=rng.choice(corpus.modes)),
        call("get_document", id=document_of(rng, corpus).id),
        call("describe_corpus"),
    ]
    return json_request("POST /mcp", {"jsonrpc": "2.0", "id": rng.randrange(1000), **rng.choice(asked)})


def _plain(rng: random.Random, corpus: Corpus) -> Asked:
    path = rng.choice(["/health"] * 6 + ["/ready", "/info", "/indexes", "/v1/models", "/", "/", "/map", ""])
    return Asked(f"GET {path}", path) if path else Asked("GET /v1/models/{id}", f"/v1/models/{corpus.model}")


def _points(rng: random.Random, corpus: Corpus) -> Asked:
    query = rng.choice(["", f"color={quote(corpus.columns[0])}"]) if corpus.columns else ""
    expected = "200" if corpus.has_map else "404"
    return Asked("GET /map/points", "/map/points", query=query, expected=expected)


def _framework(rng: random.Random, _corpus: Corpus) -> Asked:
    path = rng.choice(["/docs", "/openapi.json"])
    return Asked(f"GET {path}", path)


def _ping(_rng: random.Random, _corpus: Corpus) -> Asked:
    return Asked("ping", "", expected=ANSWERED)


def _direct(rng: random.Random, corpus: Corpus) -> Asked:
    fields = rng.choice(
        [{"text": words(rng, corpus), "num_results": 5}, {"query": words(rng, corpus), "k": 5}]
    )
    if rng.random() < 0.1:
        return json_request("direct", {**fields, "fuzzy": True}, expected=REFUSED)
    return json_request("direct", fields, expected=ANSWERED)


def _refused(rng: random.Random, corpus: Corpus) -> Asked:
    """Returns what clients of every day do wrong."""
    query = words(rng, corpus)
    search = "POST /search"
    return rng.choice(
        [
            json_request(search, {"query": query}, expected="403", key="another"),
            json_request(search, {"query": query, "limit": 5}, expected="422"),
            json_request(search, {"query": query, "k": 101}, expected="422"),
            json_request(search, {"query": " "}, expected="422"),
            json_request(search, {"query": query, "filter": {"no such column": 1}}, expected="422"),
            json_request(search, {"like": "no such document"}, expected="404"),
            json_request("POST /similar", {"num_results": 5}, expected="422"),
            Asked("POST /similar", "/similar", b'{"text": "storm"', expected="400"),
            Asked("POST /embed", "/embed", b'"%s"' % (b"a" * _TOO_LONG), expected="413"),
            Asked("GET /documents/{document_id}", "/documents/no-such-document", expected="404"),
            Asked("GET /favicon.ico", "/favicon.ico", expected="404"),
            Asked("GET /similar", "/similar", expected="405"),
        ]
    )


# Of how many in a hundred each is, about.
_SHARES: Mapping[Callable[[random.Random, Corpus], Asked], float] = {
    _search: 24, _get: 12, _batch: 1, _similar: 8, _document_of_id: 8, _documents: 6, _embed: 3, _embeddings: 3, _store: 5,
    _mcp: 8, _plain: 9, _points: 0.5, _framework: 0.1, _largest_search: 0.3, _largest_batch: 0.05, _ping: 2, _direct: 4, _refused: 8,
}  # fmt: skip
_LARGEST = [_largest_search, _largest_search, _largest_batch, _framework]
_MAKERS, _WEIGHTS = [*_SHARES], [*_SHARES.values()]
