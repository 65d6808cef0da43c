"""Reads the data sets of quality: sentence pairs that people scored, and retrieval sets in BEIR's layout.

seeklet/evaluation/beir.py reads that layout. This module scores nothing.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from seeklet.evaluation.beir import read_corpus
from seeklet.evaluation.judgements import read_judgements


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
    """Reads the judged queries and the documents of a folder in BEIR's layout."""
    documents, judged = read_corpus(folder), read_judgements(folder)
    return Retrieval(list(documents), list(documents.values()), judged.queries, judged.gains)


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
