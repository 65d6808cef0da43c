"""Judgements: queries, and the documents that are relevant to each, with a gain.

They come from a table, a folder in BEIR's layout, or a mapping. A grade above 0 is a gain; a document of any other
grade is not relevant. This module checks what can be checked without the artifact; `Judgements.known_to` compares the
ids with an artifact's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from export.corpus.rows import Row, separated_by, split_header, unknown_column
from handler.errors import EvaluationError
from seeklet.evaluation.beir import read_qrels, read_queries
from seeklet.evaluation.tables import read_lines, read_table, suffix

# The usual names of columns, without case, spaces, hyphens and underscores.
QUERY_NAMES = ("query", "querytext", "question", "search", "searchterm", "searchphrase", "q")
RELEVANT_NAMES = (
    *("relevant", "relevantid", "document", "documentid", "doc", "docid", "corpusid"),
    *("clicked", "clickedid", "answerid", "id"),
)
GRADE_NAMES = ("grade", "relevance", "gain")


class Columns(NamedTuple):
    """The columns of a table; those that are None are found by their usual names."""

    query: str | None = None
    relevant: str | None = None
    grade: str | None = None


BY_NAME = Columns()


class Judgements(NamedTuple):
    """Queries, and for each its relevant documents' gains by id: above 0, at least one.

    unjudged   queries left out, because no document is relevant to them
    unknown    relevant documents left out, because the artifact doesn't have them
    textless   queries left out, because they are judged, and the file of queries doesn't have them
    header     the first line of the table, where no column has a usual name or was named
    """

    name: str
    queries: list[str]
    gains: list[dict[str, float]]
    unjudged: int = 0
    unknown: int = 0
    textless: int = 0
    header: tuple[str, ...] = ()

    def known_to(self, ids: Collection[str], artifact: str) -> Judgements:
        """Leaves out the documents that aren't among the artifact's ids, and queries that have no other.

        Raises EvaluationError where none is known, one is graded twice, or the table's first line is no header but a
        judgement.
        """
        if found := next((name for name in self.header if name in ids), None):
            raise EvaluationError(
                f"the first line of {self.name} has the id of a document, {found!r:.60}, so it seems to be a judgement: "
                "put the line query,relevant above it, or name its column of ids with --relevant if it is a header"
            )
        named: list[dict[str, float]] = [{} for _ in self.gains]
        for of_query, gains in zip(named, self.gains, strict=True):
            for name, gain in gains.items():
                # White space around an id is a table's own, unless the artifact has it too.
                _add(of_query, name if name in ids else name.strip(), gain, self.name)
        kept = [{name: gain for name, gain in gains.items() if name in ids} for gains in named]
        unknown = sum(map(len, named)) - sum(map(len, kept))
        if not any(kept):
            ours, theirs = next(iter(self.gains[0])), next(iter(ids))
            raise EvaluationError(
                f"no document of {self.name} is in {artifact}: it says {ours!r:.60}, the artifact has {theirs!r:.60}: "
                "export with --id COLUMN so that both have the same ids, or name the right column with --relevant"
            )
        queries = [query for query, gains in zip(self.queries, kept, strict=True) if gains]
        return self._replace(
            queries=queries,
            gains=[gains for gains in kept if gains],
            unjudged=self.unjudged + len(self.queries) - len(queries),
            unknown=unknown,
        )


def read_judgements(path: Path, columns: Columns = BY_NAME) -> Judgements:
    """Reads a table, or a folder in BEIR's layout. Raises EvaluationError with the place of the fault."""
    if path.is_dir():
        _check_no_columns(f"{path} is a folder in BEIR's layout, which", columns)
        return _read_beir(path)
    rows = read_table(path)
    header = list(rows[0].values)
    query, relevant, grade = find_columns(f"{path}, line 1", header, columns)
    texts: dict[str, str] = {}
    gains: dict[str, dict[str, float]] = {}
    for row in rows:
        place = f"{path}, line {row.number}"
        text = _query_of(row, query, place)
        texts[text] = text
        document = row.values[relevant]
        if document.strip():
            value = _gain(row.values[grade], place) if grade is not None else 1.0
            _add(gains.setdefault(text, {}), document, value, place)
    judgements = _gather(str(path), texts, gains)
    return judgements if _is_header(header, columns) else judgements._replace(header=tuple(header))


def judgements_of(mapping: Mapping[str, Iterable[str] | Mapping[str, float]]) -> Judgements:
    """Takes a mapping of queries to ids, or to gains by id.

    Raises EvaluationError, and TypeError where a query or an id is no string.
    """
    gains: dict[str, dict[str, float]] = {}
    for query, relevant in mapping.items():
        if isinstance(relevant, str):
            raise TypeError(f"the ids of {query!r:.60} are one string: put {relevant!r:.60} in a list")
        _check_string("query", query)
        graded = relevant if isinstance(relevant, Mapping) else dict.fromkeys(relevant, 1.0)
        for name in graded:
            _check_string("id", name)
        gains[query] = {name: _gain(str(grade), f"the query {query!r:.60}") for name, grade in graded.items()}
    return _gather("the judgements", {query: query for query in gains}, gains)


def _check_string(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"the {what} {value!r:.60} is no string: write {str(value)!r:.60}")


def read_query_texts(path: Path, columns: Columns = BY_NAME) -> list[str]:
    """Reads queries alone, each once, in their order: the lines of a .txt file, a table, or BEIR's queries.

    Raises EvaluationError.
    """
    if path.is_dir():
        _check_no_columns(f"{path} is a folder in BEIR's layout, which", columns)
        texts = list(read_queries(path).values())
    elif suffix(path) == ".txt":
        _check_no_columns(f"{path} has a query on each line, and", columns)
        texts = read_lines(path)
    else:
        rows = read_table(path)
        query, _, _ = find_columns(f"{path}, line 1", list(rows[0].values), columns, judged=False)
        texts = [_query_of(row, query, f"{path}, line {row.number}") for row in rows]
    if not texts:
        raise EvaluationError(f"{path} has no queries: write one on each line")
    return list(dict.fromkeys(texts))


def find_columns(
    place: str, header: list[str], columns: Columns, *, judged: bool = True
) -> tuple[str, str, str | None]:
    """Finds the columns of query, relevant document and grade; raises EvaluationError where one is missing.

    Those without a usual name are the first that are left. Not `judged`: a column of documents isn't needed.
    """
    for name in columns:
        if name is not None and name not in header:
            raise EvaluationError(str(unknown_column(place, name, header)))
    query = columns.query or _usual(header, QUERY_NAMES, columns)
    relevant = columns.relevant or _usual(header, RELEVANT_NAMES, columns)
    grade = columns.grade or _usual(header, GRADE_NAMES, columns)
    left = [name for name in header if name not in (query, relevant, grade)]
    query = query or (left.pop(0) if left else None)
    relevant = relevant or (left.pop(0) if left else None)
    if query is None or (judged and relevant is None):
        sign, _ = split_header(header)
        remedy = separated_by(sign) if sign else "write both in each row"
        raise EvaluationError(
            f"{place} has the columns {', '.join(map(repr, header))}, but a query and a relevant document are needed: "
            f"{remedy}"
        )
    return query, relevant or "", grade


def _check_no_columns(what: str, columns: Columns) -> None:
    if any(columns):
        raise EvaluationError(f"{what} has no columns to choose")


def _is_header(line: list[str], columns: Columns) -> bool:
    """Tells whether a table's first line is surely a header: a column was named, or has a usual name."""
    return any(columns) or any(_usual(line, names, columns) for names in (QUERY_NAMES, RELEVANT_NAMES))


def _usual(header: list[str], names: tuple[str, ...], columns: Columns) -> str | None:
    plain = {"".join(c for c in name.casefold() if c.isalnum()): name for name in reversed(header)}
    found = (plain[name] for name in names if name in plain)
    return next((name for name in found if name not in columns), None)


def _read_beir(folder: Path) -> Judgements:
    texts = read_queries(folder)
    gains: dict[str, dict[str, float]] = {}
    for qrel in read_qrels(folder):
        _add(gains.setdefault(qrel.query, {}), qrel.document, _gain(qrel.grade, qrel.place), qrel.place)
    return _gather(str(folder), texts, gains)


def _gather(name: str, texts: Mapping[str, str], gains: Mapping[str, Mapping[str, float]]) -> Judgements:
    """Keeps the queries that have a relevant document, in the order of `texts`."""
    positive = {
        key: {document: gain for document, gain in of_query.items() if gain > 0}
        for key, of_query in gains.items()
    }
    kept = [key for key in texts if positive.get(key)]
    textless = sum(map(bool, positive.values())) - len(kept)
    if not kept:
        raise EvaluationError(
            f"{name} has no query with a relevant document ({len(texts)} without): check its columns and ids"
        )
    return Judgements(
        name,
        [texts[key] for key in kept],
        [positive[key] for key in kept],
        unjudged=len(texts) - len(kept),
        textless=textless,
    )


def _query_of(row: Row, column: str, place: str) -> str:
    text: str = row.values[column].strip()
    if not text:
        raise EvaluationError(f"{place} has no query in the column {column!r}: write one, or remove the line")
    return text


def _gain(grade: str, place: str) -> float:
    try:
        number = float(grade)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise EvaluationError(
            f"{place}: the grade {grade!r:.40} is not a number: write 1 for relevant, 0 for not"
        )
    return number


def _add(gains: dict[str, float], document: str, gain: float, place: str) -> None:
    if gains.setdefault(document, gain) != gain:
        raise EvaluationError(
            f"{place} grades the document {document!r:.60} as {gain:g}, an earlier line as {gains[document]:g}: keep one"
        )
