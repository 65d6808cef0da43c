"""Reads the data sets of quality: sentence pairs that people scored, and retrieval sets in BEIR's layout.

BEIR's layout is a folder with corpus.jsonl and queries.jsonl (each also .gz) and qrels/test.tsv. It scores nothing.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Pairs:
    """Sentence pairs and people's scores of their likeness, as in STS-B."""

    human: list[float]
    first: list[str]
    second: list[str]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Documents, queries, and each query's gains by document id."""

    ids: list[str]
    documents: list[str]
    queries: list[str]
    gains: list[dict[str, float]]


def read_pairs(path: Path) -> Pairs:
    """Reads a TSV with the columns score, sentence1 and sentence2."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return Pairs(
        [float(row["score"]) for row in rows],
        [row["sentence1"] for row in rows],
        [row["sentence2"] for row in rows],
    )


def read_retrieval(folder: Path) -> Retrieval:
    """Reads the judged queries of a folder in BEIR's layout. A document's text is its title, a space, and its text."""
    documents = read_lines(folder / "corpus.jsonl")
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        judged: dict[str, dict[str, float]] = {}
        for row in csv.reader(list(file)[1:], delimiter="\t"):
            judged.setdefault(row[0], {})[row[1]] = float(row[2])
    queries = [query for query in read_lines(folder / "queries.jsonl") if query["_id"] in judged]
    return Retrieval(
        [document["_id"] for document in documents],
        [f"{document.get('title', '')} {document['text']}".strip() for document in documents],
        [query["text"] for query in queries],
        [judged[query["_id"]] for query in queries],
    )


def first_of(data: Retrieval, documents: int) -> Retrieval:
    """Returns the first documents, and the queries for which one of them is relevant."""
    ids = data.ids[:documents]
    known = set(ids)
    kept = [
        (query, {name: gain for name, gain in gains.items() if name in known})
        for query, gains in zip(data.queries, data.gains, strict=True)
        if known & gains.keys()
    ]
    return Retrieval(
        ids, data.documents[:documents], [query for query, _ in kept], [gains for _, gains in kept]
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Reads the objects of a JSON Lines file, or of its gzipped form with .gz."""
    packed = path.with_name(path.name + ".gz")
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    return [json.loads(line) for line in text.splitlines() if line.strip()]
