"""Hostile events of every kind that Lambda passes on, each made of a seed and a number alone, so that it can be made again.

An event is JSON, which the runtime reads before the function sees it. The bodies are hostile_bodies.py's, the shapes of
ordinary events are senders.py's. The sender of most events is an API Gateway, a function URL or a load balancer, which would
stop some of them; whoever may invoke the function itself can send them all.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple
from urllib.parse import quote

from handler.routes import FRAMEWORK_PATHS, ROUTES
from soak.corpus import Corpus
from soak.hostile_bodies import SIX_MB, Body, body_of, fields_of
from soak.hostile_parts import headers_of, path_of, query_of
from soak.hostile_values import deep, text, value, written
from soak.senders import PING_SOURCES, SENDERS, Event, many, parts_of

METHODS = (
    "",
    "get",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "OPTIONS",
    "HEAD",
    "PUT",
    "PATCH",
    "DELETE",
    "POST\r\nX: y",
    "M" * 10_000,
    "\ud800",
)
# One event in so many is of 6 MB.
LARGE_EVERY = 2_000
# Mangum's and FastAPI's paths, which only these events ask for: the first takes half a second.
_FRAMEWORK_EVERY = 500


class Made(NamedTuple):
    """An event as JSON, and what it is of: its sender, its route, and what was done to it."""

    sender: str
    route: str
    kind: str
    event: str


def make(seed: int, number: int, corpus: Corpus) -> Made:
    """Makes the event of a number."""
    rng = random.Random(f"{seed} {number}")
    routes = sorted(ROUTES)
    method, path = rng.choice(routes)
    if number % _FRAMEWORK_EVERY == 7:
        method, path = "GET", rng.choice(FRAMEWORK_PATHS)
    sender = rng.choice(["http", "http", "url", "rest", "alb", "alb-many", "direct", "ping", "none"])
    if sender in ("direct", "ping", "none"):
        kind, content = _direct(rng, sender, corpus)
        return Made(sender, "", kind, written(content))
    large = SIX_MB if number % LARGE_EVERY == 3 else 0
    kind, body = body_of(rng, path, corpus, large) if method == "POST" or large else ("no body", Body(None))
    query = query_of(rng, path, corpus) if method == "GET" else ""
    route = f"{method} {path}"
    path = path.replace(
        "{document_id}", quote(rng.choice([*corpus.ids, text(rng), "x" * 50_000]), errors="replace")
    )
    path = path.replace("{id}", quote(text(rng)[:200], errors="replace"))
    change = rng.choice(["", "", "", "method", "path", "headers", "event", "event"])
    if change == "method":
        method = rng.choice(METHODS)
    if change == "path":
        path = path_of(rng, path)
    headers: dict[str, Any] = {"content-type": "application/json", "host": "example.com", **body.headers}
    if change == "headers":
        headers = headers_of(rng, headers)
    event = _sent(sender, method, path, query, headers)
    event |= {"body": body.content, "isBase64Encoded": body.is_base64}
    if change == "event":
        _spoil(rng, event)
    return Made(sender, route, f"{kind}, {change}" if change else kind, written(event))


def _sent(sender: str, method: str, path: str, query: str, headers: dict[str, Any]) -> Event:
    """Returns a sender's event, with what that sender itself would never pass on."""
    event = SENDERS[sender](method, path, query, headers)
    match sender:
        case "url":
            event["cookies"] = ["a=b", 5, None]
        case "rest":
            # Not decoded: a value may be any text.
            event["queryStringParameters"] = parts = parts_of(query)
            event["multiValueQueryStringParameters"] = many(parts)
        case "alb-many":
            event["multiValueHeaders"] = {name: [value, value] for name, value in headers.items()}
    return event


def _direct(rng: random.Random, sender: str, corpus: Corpus) -> tuple[str, Any]:
    """Returns the kind and the event of a direct invocation, of a ping, or of what is none of these."""
    if sender == "ping":
        return "ping", {
            "source": rng.choice(PING_SOURCES),
            "detail-type": rng.choice(["Scheduled Event", None, "x", value(rng)]),
        }
    if sender == "none":
        odd = [
            None,
            5,
            "x",
            [],
            [{}],
            {},
            {"Records": []},
            {text(rng): 1},
            value(rng),
            {"requestContext": value(rng)},
        ]
        return "none", rng.choice(odd)
    fields = fields_of(rng, rng.choice(["/similar", "/search"]), corpus)
    kind = rng.choice(["valid", "value", "deep"])
    if kind != "valid":
        fields[rng.choice([*fields, "index"])] = value(rng) if kind == "value" else deep(rng)
    return f"direct, {kind}", fields


def _spoil(rng: random.Random, event: dict[str, Any]) -> None:
    """Takes something out of an event, or puts a value of another type there, at its top or within its context."""
    place: dict[str, Any] = event
    while True:
        inner = [name for name, content in place.items() if isinstance(content, dict) and content]
        if not inner or rng.random() < 0.5:
            break
        place = place[rng.choice(inner)]
    name = rng.choice(list(place))
    if rng.random() < 0.3:
        del place[name]
    elif rng.random() < 0.2:
        # Names that stand for each other: each step could double the path.
        event["resource"] = "/{a}{a}{a}{a}{a}{a}{a}{a}"
        event["pathParameters"] = {
            chr(97 + step): f"{{{chr(98 + step)}}}" * 8 for step in range(rng.choice([2, 9]))
        }
    else:
        place[name] = rng.choice([deep(rng), value(rng)])
