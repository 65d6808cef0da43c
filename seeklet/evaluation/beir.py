"""Reads queries, judgements and corpus of a folder in BEIR's layout.

    queries.jsonl      {"_id", "text"}, also .gz
    qrels/test.tsv     query-id, corpus-id, score, also .gz
    corpus.jsonl       {"_id", "title", "text"}, also .gz; an evaluation doesn't read it

It groups nothing and looks up no ids: judgements.py does.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from export.corpus.rows import check_columns
from export.corpus.text_formats import read_tsv
from handler.errors import EvaluationError
from seeklet.evaluation.tables import open_file, read_objects

QUERIES, QRELS, CORPUS = "queries.jsonl", "qrels/test.tsv", "corpus.jsonl"


class Qrel(NamedTuple):
    """One judgement: the ids of query and document, its grade as it stands in the file, and the place of its line."""

    query: str
    document: str
    grade: str
    place: str


def read_queries(folder: Path) -> dict[str, str]:
    """Reads the queries' texts by their ids; raises EvaluationError where there is no such file, or an id comes twice."""
    texts: dict[str, str] = {}
    path = find(folder, QUERIES)
    for row in read_objects(path, ("_id", "text")):
        identifier, text = row.values.get("_id"), row.values.get("text")
        if not isinstance(identifier, str) or not isinstance(text, str):
            raise EvaluationError(
                f'{path}, line {row.number} is not {{"_id": "...", "text": "..."}}: mend it'
            )
        if identifier in texts:
            raise EvaluationError(
                f"{path}, line {row.number}: the id {identifier!r:.60} comes twice: keep one"
            )
        texts[identifier] = text.strip()
    return texts


def read_qrels(folder: Path) -> list[Qrel]:
    """Reads the judgements; raises EvaluationError where there is no such file, or it has other columns."""
    path = find(folder, QRELS)
    names = ("query-id", "corpus-id", "score")
    with open_file(path) as source:
        rows = list(read_tsv(source, names))
        if not rows:
            check_columns(source.name, names, [])
        return [
            Qrel(row.values[names[0]], row.values[names[1]], row.values[names[2]], source.place(row.number))
            for row in rows
        ]


def read_corpus(folder: Path) -> dict[str, str]:
    """Reads the documents by their ids: title, a space, and text. Raises EvaluationError where there is no such file."""
    rows = read_objects(find(folder, CORPUS), ("_id", "text"))
    return {row.values["_id"]: f"{row.values.get('title', '')} {row.values['text']}".strip() for row in rows}


def find(folder: Path, name: str) -> Path:
    """Finds a file of the folder, or its gzipped form; raises EvaluationError where there is neither."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise EvaluationError(
        f"{folder} has no {name}, so it is no folder in BEIR's layout: "
        f"it needs {QUERIES} and {QRELS}; or name a CSV file"
    )
