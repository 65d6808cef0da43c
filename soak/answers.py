"""What an artifact answers to a set of requests, so that a damaged copy's answers can be compared with the intact one's.

The requests ask for every kind of file: documents by index and by id, all modes, filters, facets, vectors and the map.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from handler.errors import SeekletError
from handler.function import Function
from handler.settings import Settings
from soak.corpus import corpus_of
from soak.senders import SENDERS, Event

# Documents that queries are cut from, evenly spread over the corpus.
_CUT = 6
_QUERY_WORDS = 4
# Headers that two answers to one request needn't share.
_VARYING = ("server-timing", "x-request-id")


class Outcome(NamedTuple):
    """What came of a copy: `refused` by its first load, or the answers. An answer of status 500 is None."""

    refused: str | None
    answers: Sequence[str | None]


class IntactError(SeekletError):
    """Raised when an artifact that nobody damaged isn't answered from: then no damage can be judged."""


def make_event(method: str, path: str, body: Any = None, query: str = "") -> Event:
    """Returns an event of an API Gateway; a body that isn't text is written as JSON."""
    event = SENDERS["http"](method, path, query, {"content-type": "application/json"})
    written = body if body is None or isinstance(body, str) else json.dumps(body)
    return {**event, "body": written, "isBase64Encoded": False}


def make_events(directory: Path) -> list[Event]:
    """Makes the requests for an artifact, from its own documents and columns."""
    corpus = corpus_of(directory)
    documents, columns = corpus.documents, corpus.columns
    places = np.unique(np.linspace(0, len(documents) - 1, _CUT).astype(np.int64)).tolist()
    events = [make_event("GET", "/info"), make_event("POST", "/documents", {"indexes": places})]
    everything = ["text", "metadata", "embedding", "highlights", "explain"]
    for place in places:
        document = documents[place]
        text = " ".join(document.text.split()[:_QUERY_WORDS]) or "storm"
        asked = [{"query": text, "k": 10, "mode": mode, "include": everything} for mode in corpus.modes]
        asked.append({"like": document.id, "k": 5})
        if columns:
            asked[0]["facets"] = columns
            asked += [{"query": text, "filter": {name: {"$exists": True}}} for name in columns]
        events += [make_event("POST", "/search", body) for body in asked]
        events += [
            make_event("POST", "/documents", {"ids": [document.id]}),
            make_event("POST", "/embed", {"inputs": document.text[:500], "truncate": True}),
        ]
    events.append(make_event("GET", "/map/points", query=f"color={columns[0]}" if columns else ""))
    return events


def ask(directory: Path, events: Sequence[Event]) -> Outcome:
    """Loads an artifact and answers the events; raises what is neither a refusal nor an answer."""
    try:
        function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(directory), "THREADS": "1"}))
    except SeekletError as error:
        return Outcome(str(error), [])
    # Defects are counted here, by their status.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return Outcome(None, [_stable(function(event)) for event in events])
    finally:
        logging.disable(before)


def ask_intact(directory: Path, events: Sequence[Event]) -> Sequence[str | None]:
    """Returns the answers of an artifact before it is damaged; raises IntactError where it is refused, or one is a 500."""
    outcome = ask(directory, events)
    if outcome.refused is not None:
        raise IntactError(f"the intact artifact {directory} is refused: {outcome.refused}")
    failed = outcome.answers.count(None)
    if failed:
        raise IntactError(
            f"the intact artifact {directory} answers {failed:,} of {len(outcome.answers):,} requests with 500: "
            "run `seeklet verify` on it"
        )
    return outcome.answers


def _stable(answer: Mapping[str, Any]) -> str | None:
    if answer["statusCode"] >= 500:
        return None
    headers = {name: value for name, value in answer["headers"].items() if name not in _VARYING}
    return json.dumps([answer["statusCode"], headers, answer["body"]], sort_keys=True)
