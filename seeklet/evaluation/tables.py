"""Opens the files of queries and judgements: CSV, TSV, JSON Lines of BEIR, plain text, each also gzipped.

The readers are those of a corpus. Their errors become EvaluationErrors here. This module knows no judgements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath

from export.corpus.corpus_file import CorpusFile, open_corpus
from export.corpus.jsonl import read_jsonl
from export.corpus.rows import Row
from export.corpus.text_formats import read_csv, read_tsv
from handler.errors import CorpusError, EvaluationError

REMEDY = "write a CSV file with the columns query and relevant, one row for each relevant document"


@contextmanager
def open_file(path: Path) -> Iterator[CorpusFile]:
    """Opens one file, and raises EvaluationError for all that its reader finds wrong."""
    try:
        with open_corpus(str(path)) as source:
            yield source
    except CorpusError as error:
        raise EvaluationError(str(error)) from None


def suffix(path: Path) -> str:
    """Returns the suffix that names a file's format, in lower case: ".csv" of "a.csv.gz"."""
    suffixes = [part.lower() for part in PurePath(path).suffixes if part.lower() != ".gz"]
    return suffixes[-1] if suffixes else ""


def read_table(path: Path) -> list[Row]:
    """Reads the rows of a CSV or TSV file, each with every column that has a name; there is at least one.

    A file of any other suffix is TSV where its first line has a tab, else CSV. Raises EvaluationError.
    """
    if suffix(path) in (".jsonl", ".ndjson", ".json", ".parquet"):
        raise EvaluationError(f"{path} is neither CSV nor TSV: {REMEDY}")
    with open_file(path) as source:
        tabs = b"\t" in source.head.partition(b"\n")[0]
        is_tsv = suffix(path) == ".tsv" or (tabs and suffix(path) != ".csv")
        rows = list((read_tsv if is_tsv else read_csv)(source, None))
    if not rows:
        raise EvaluationError(f"{path} has no rows under a header: {REMEDY}")
    return rows


def read_objects(path: Path, columns: Sequence[str]) -> list[Row]:
    """Reads the objects of a JSON Lines file. Raises EvaluationError."""
    with open_file(path) as source:
        return list(read_jsonl(source, columns))


def read_lines(path: Path) -> list[str]:
    """Reads the lines that aren't blank, without white space at their ends. Raises EvaluationError."""
    with open_file(path) as source:
        return [line.strip() for line in source.lines() if line.strip()]
