"""The parts of a hostile request beside its body: the query string, the path and the headers."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote

from soak.corpus import Corpus
from soak.hostile_values import ODD, text


def query_of(rng: random.Random, path: str, corpus: Corpus) -> str:
    """Returns a query string, with names that the route knows and others."""
    if rng.random() < 0.02:
        return rng.choice(["a&", "q=%&", "indexes=1,&", "%00=%ff&", "color=x;"]) * rng.choice(
            [10, 101, 20_000, 300_000]
        )
    names = [
        "q",
        "k",
        "offset",
        "mode",
        "share",
        "min_score",
        "filter",
        "facets",
        "include",
        "exact",
        "color",
        "indexes",
        "zz",
    ]
    values = [
        "storm",
        "5",
        "-1",
        "1e999",
        "nan",
        "%ff",
        "%",
        "%ed%a0%80",
        "true",
        "topic",
        "hybrid",
        "",
        "{",
        '{"a":1}',
        "1,2,3",
        "9" * 500,
    ]
    values += [quote(text(rng), errors="replace"), *corpus.columns]
    pairs = [(rng.choice(names), rng.choice(values)) for _ in range(rng.randrange(6))]
    start = "q=storm&" if path == "/search" and rng.random() < 0.7 else ""
    return start + "&".join(f"{name}={value}" for name, value in pairs)


def path_of(rng: random.Random, path: str) -> str:
    """Returns a path that is nearly a route's, or far from all."""
    odd = rng.choice(ODD)
    return rng.choice(
        [path + "/", "/" + path, path + odd, "/prod" + path, path.upper(), path.replace("/", "/%2e%2e/"), "/" + odd * 3000,
         "", "*", "http://example.com" + path, path + "%", path + "%ff%fe", "/" * 100_000, path + "?q=1", "/news" + path, "/a/../" + path]
    )  # fmt: skip


def headers_of(rng: random.Random, headers: dict[str, Any]) -> dict[str, Any]:
    """Returns other headers: thousands, very long ones, of wrong types, or those that a route reads."""
    match rng.randrange(6):
        case 0:
            return headers | {f"x-{number}": "v" * 50 for number in range(rng.choice([100, 20_000]))}
        case 1:
            return headers | {
                rng.choice(["x-api-key", "cookie", "x-request-id", "if-none-match", "host"]): text(rng) * 3
            }
        case 2:
            return {name: rng.choice([None, 5, ["a"], {"b": 1}, True]) for name in headers}
        case 3:
            return headers | {text(rng)[:200]: text(rng)[:200] for _ in range(5)}
        case 4:
            names = [
                "mcp-protocol-version",
                "mcp-session-id",
                "origin",
                "accept",
                "accept-encoding",
                "content-length",
                "transfer-encoding",
            ]
            return headers | {
                name: rng.choice(
                    ["2025-11-25", "2025-03-26", "gzip", "chunked", "-1", "https://evil", text(rng)[:99]]
                )
                for name in names
            }
        case _:
            return headers | {"if-none-match": '"x", ' * rng.choice([3, 100_000]), "expect": "100-continue"}
