"""Hostile bodies, route by route: valid ones, with what a caller may do to them. hostile_events.py makes events of them."""

from __future__ import annotations

import base64
import codecs
import functools
import gzip
import random
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from soak.corpus import Corpus
from soak.hostile_values import NUMBERS, Raw, deep, filter_of, name, text, value, written

# Lambda's limit of an event, in bytes.
SIX_MB = 6_000_000


class Body(NamedTuple):
    """A body as an event has it, whether it says that it is base64, and the headers that go with it."""

    content: Any
    is_base64: bool = False
    headers: Mapping[str, str] = MappingProxyType({})


def fields_of(rng: random.Random, path: str, corpus: Corpus) -> dict[str, Any]:
    """Returns a valid request's fields for a route, or those of a search."""
    words = rng.choice(["storm in europe", "bread", text(rng)])
    match path:
        case "/similar":
            return {"text": words, "num_results": 5, "mode": "hybrid", "share": 0.5, "matches": True}
        case "/documents":
            return rng.choice([{"ids": [*corpus.ids, text(rng)]}, {"indexes": [0, 1, 10**9]}])
        case "/embed":
            return {"inputs": rng.choice([words, [words] * rng.choice([1, 8, 128])]), "truncate": True}
        case "/v1/embeddings":
            return {
                "input": rng.choice([words, [1, 2], [[1], [2]], [words]]),
                "model": "m",
                "encoding_format": "base64",
            }
        case "/v1/vector_stores/{id}/search":
            ranking = {"score_threshold": 0, "hybrid_search": {"embedding_weight": 1, "text_weight": 0}}
            return {
                "query": rng.choice([words, [words] * 3]),
                "filters": filter_of(rng, corpus.columns),
                "ranking_options": ranking,
            }
        case "/mcp":
            return _message(rng, corpus)
    asked: dict[str, Any] = rng.choice(
        [{"query": words}, {"queries": [words] * rng.choice([1, 16, 128])}, {"like": rng.choice(corpus.ids)}]
    )
    more = {
        "k": rng.choice([1, 10, 100]), "offset": rng.choice([0, 5, 10**9]), "mode": rng.choice(["hybrid", "semantic", "keyword"]),
        "filter": filter_of(rng, corpus.columns), "facets": corpus.columns, "min_score": 0.1, "share": 1.0,
        "include": ["text", "metadata", "embedding", "highlights", "explain"],
    }  # fmt: skip
    chosen = rng.sample(sorted(more), rng.randrange(len(more)))
    return {**asked, **{name: more[name] for name in chosen}}


def _message(rng: random.Random, corpus: Corpus) -> dict[str, Any]:
    """Returns an MCP message: of a session's beginning, middle or end, in no order, or of nobody."""
    methods = (
        "initialize", "notifications/initialized", "ping", "tools/list", "tools/call", "tools/call", "resources/list",
        "notifications/cancelled", "logging/setLevel", "sampling/createMessage", name(rng),
    )  # fmt: skip
    arguments: Any = rng.choice(
        [
            {"query": "storm"},
            {"id": corpus.ids[0]},
            {},
            value(rng),
            {"query": text(rng), "filter": filter_of(rng, corpus.columns)},
        ]
    )
    tool = rng.choice(["search", "get_document", "describe_corpus", name(rng), value(rng), deep(rng)])
    message: dict[str, Any] = {
        "jsonrpc": rng.choice(["2.0", "2.0", "2.0", "1.0", None]),
        "method": rng.choice(methods),
    }
    message["params"] = rng.choice(
        [
            {"name": tool, "arguments": arguments},
            {"protocolVersion": rng.choice(["2025-11-25", "1", value(rng)])},
            value(rng),
        ]
    )
    if rng.random() < 0.8:
        message["id"] = rng.choice(
            [1, "a", None, "\ud800", 1.5, Raw(rng.choice(NUMBERS)), value(rng), "x" * 5_000]
        )
    if rng.random() < 0.1:
        message = rng.choice(
            [{"jsonrpc": "2.0", "id": 1, "result": {}}, {"jsonrpc": "2.0", "error": {"code": 1}}]
        )
    return message


def body_of(rng: random.Random, path: str, corpus: Corpus, most: int = 0) -> tuple[str, Body]:
    """Returns a kind's name and a body for a route; `most` is for one of so many bytes."""
    if most:
        filler = rng.choice(
            [
                "[" * most,
                '"' + "a" * most + '"',
                "1," * (most // 2),
                '{"query":"' + "\u00e9" * (most // 2) + '"}',
                " " * most,
            ]
        )
        return "6 MB", encode(rng, filler)
    fields = fields_of(rng, path, corpus)
    kind = rng.choice(
        ["valid", "value", "deep", "missing", "more", "twice", "encoding", "encoding", "list", "cut", "any"]
    )
    match kind:
        case "value":
            fields[rng.choice(list(fields))] = value(rng)
        case "deep":
            fields[rng.choice([*fields, "filter", "filters"])] = deep(rng)
        case "missing":
            del fields[rng.choice(list(fields))]
        case "more":
            fields |= {f"{name(rng)}{number}": value(rng) for number in range(rng.choice([1, 3, 30]))}
            fields |= dict.fromkeys(map(str, range(rng.choice([0, 2_000]))))
        case "any":
            return kind, Body(written(value(rng)))
    content = written(fields)
    match kind:
        case "twice":
            content = content[:-1] + "," + content[1:]
        case "list":
            content = "[" + ",".join([content] * rng.choice([1, 3, 129])) + "]"
        case "cut":
            content = content[: rng.randrange(len(content))] + rng.choice(["", "}", '"', "\x00", ","])
        case "encoding":
            return kind, encode(rng, content)
    return kind, Body(content)


@functools.cache
def _bomb() -> str:
    """Returns a few kilobytes that are 6 MB when they are decompressed; made once, since that takes some time."""
    return base64.b64encode(zlib.compress(bytes(SIX_MB), 9)).decode()


def encode(rng: random.Random, content: str) -> Body:
    """Returns a body in one of many encodings, most of them wrong."""
    data = content.encode(errors="replace")
    packed = base64.b64encode(data).decode()
    # Without the time of day, which would make another event of the same number.
    compressed = gzip.compress(data, 1, mtime=0)
    match rng.randrange(12):
        case 0:
            return Body(packed, True)
        case 1:
            return Body(packed, False)
        case 2:
            return Body(content, True)
        case 3:
            return Body(
                packed[: rng.randrange(len(packed) + 1)] + rng.choice(["", "=", "\u00e9", "*", "\ud800"]),
                True,
            )
        case 4:
            encoding = rng.choice(["utf-16", "utf-32", "utf-7", "latin-1", "utf-8-sig"])
            return Body(
                base64.b64encode(content.encode(encoding, "replace")).decode(),
                True,
                {"content-type": f"application/json; charset={encoding}"},
            )
        case 5:
            return Body(base64.b64encode(compressed).decode(), True, {"content-encoding": "gzip"})
        case 6:
            return Body(
                _bomb(),
                True,
                {"content-encoding": rng.choice(["deflate", "br", "zstd"])},
            )
        case 7:
            return Body(base64.b64encode(rng.randbytes(rng.choice([1, 100, 20_000]))).decode(), True)
        case 8:
            return Body(
                rng.choice([None, 5, True, [content[:100]], {"a": content[:100]}, 1.5, []]),
                rng.random() < 0.5,
            )
        case 9:
            return Body(content.replace('"', rng.choice(["'", "\u201c", "\\"])))
        case 10:
            return Body(codecs.BOM_UTF8.decode() + content)
        case _:
            return Body(
                "a=b&c=d",
                False,
                {
                    "content-type": rng.choice(
                        ["application/x-www-form-urlencoded", "multipart/form-data", "text/\x00", ""]
                    )
                },
            )
