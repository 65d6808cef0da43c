"""The parts of ordinary requests: documents and words of a corpus, and a request with the status that it must get."""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

from soak.corpus import Corpus

KEY = "k" * 32
# The longest query, in words.
_MOST_WORDS = 12


class Asked(NamedTuple):
    """A request. `expected` is the status of its answer; `body` is bytes, None where there is none."""

    route: str
    path: str
    body: bytes | None = None
    query: str = ""
    expected: str = "200"
    key: str = KEY


def words(rng: random.Random, corpus: Corpus) -> str:
    """Returns some words that follow each other in one of the documents."""
    found = document_of(rng, corpus).text.split()
    start = rng.randrange(max(1, len(found) - 3))
    return " ".join(found[start : start + rng.randint(1, _MOST_WORDS)]) or "storm"


def document_of(rng: random.Random, corpus: Corpus) -> Any:
    """Returns one of the documents."""
    return corpus.documents[rng.randrange(len(corpus.documents))]


def json_request(route: str, fields: Any, path: str = "", **more: Any) -> Asked:
    """Returns a request whose body is JSON; `path` is the route's own where it has no parameter."""
    return Asked(route, path or route.partition(" ")[2], json.dumps(fields).encode(), **more)
