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

from handler.artifact import Artifact
from handler.documents import Documents
from handler.errors import SeekletError
from handler.function import Function
from handler.settings import Settings

Event = dict[str, Any]
# Documents that queries are cut from, evenly spread over the corpus.
_CUT = 6
_QUERY_WORDS = 4
# Headers that two answers to one request needn't share.
_VARYING = ("server-timing", "x-request-id")


class Outcome(NamedTuple):
    """What came of a copy: `refused` by its first load, or the answers. An answer of status 500 is None."""

    refused: str | None
    answers: Sequence[str | None]


def make_event(method: str, path: str, body: Any = None, query: str = "") -> Event:
    """Returns an event of payload 2.0; a body that isn't text is written as JSON."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}},
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def make_events(directory: Path) -> list[Event]:
    """Makes the requests for an artifact, from its own documents and columns."""
    artifact = Artifact.open(directory)
    documents, manifest = Documents.open(artifact), artifact.manifest
    places = np.unique(np.linspace(0, manifest.count - 1, _CUT).astype(np.int64)).tolist()
    columns = list(manifest.columns or {})
    modes = ["semantic"] if manifest.keywords is None else ["hybrid", "semantic", "keyword"]
    events = [make_event("GET", "/info"), make_event("POST", "/documents", {"indexes": places})]
    everything = ["text", "metadata", "embedding", "highlights", "explain"]
    for place in places:
        document = documents[place]
        text = " ".join(document.text.split()[:_QUERY_WORDS]) or "storm"
        asked = [{"query": text, "k": 10, "mode": mode, "include": everything} for mode in modes]
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


def _stable(answer: Mapping[str, Any]) -> str | None:
    if answer["statusCode"] >= 500:
        return None
    headers = {name: value for name, value in answer["headers"].items() if name not in _VARYING}
    return json.dumps([answer["statusCode"], headers, answer["body"]], sort_keys=True)
