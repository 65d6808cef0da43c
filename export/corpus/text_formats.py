"""The rows of CSV, TSV and plain text. Every value is a string and stays one.

TSV has no quoting: a tab separates fields, each line is a row, and a quote is an ordinary character. So it is in the
data sets of this field (MS MARCO, BEIR, STS-B).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from export.corpus.corpus_file import MAX_LINE, CorpusFile
from export.corpus.rows import Row, check_columns, separated_by, split_header
from handler.errors import CorpusError


def read_text(source: CorpusFile, columns: Sequence[str]) -> Iterator[Row]:
    """Yields each line, blank ones too, as the column "text"."""
    check_columns(f"{source.name} (plain text)", columns, ["text"])
    for number, line in enumerate(source.lines(), 1):
        yield Row(number, {"text": line.rstrip("\r\n")})


def read_csv(source: CorpusFile, columns: Sequence[str] | None) -> Iterator[Row]:
    """Yields the rows under the header. Commas separate fields; a field may stand in double quotes.

    `columns` are those that a row gets; None stands for every column that has a name.
    """
    return _read_table(source, columns, ",", quoted=True)


def read_tsv(source: CorpusFile, columns: Sequence[str] | None) -> Iterator[Row]:
    """Yields the rows under the header. Tabs separate fields, and there is no quoting; `columns` as for read_csv."""
    return _read_table(source, columns, "\t", quoted=False)


def _read_table(
    source: CorpusFile, columns: Sequence[str] | None, delimiter: str, quoted: bool
) -> Iterator[Row]:
    # The limit (by default 131,072 characters) is global to the csv module, so it is raised and never lowered.
    csv.field_size_limit(max(MAX_LINE, csv.field_size_limit()))
    reader = csv.reader(
        source.lines(),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    header: list[str] = []
    indices: dict[str, int] = {}
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise CorpusError(f"{source.place(start)}: {_csv_reason(str(error))}") from error
        if fields is None:
            return
        if not fields:
            continue
        if not header:
            header = fields
            named = [name for name in header if name] if columns is None else columns
            check_columns(source.place(start), named, header)
            indices = {name: header.index(name) for name in named}
        elif len(fields) == len(header):
            yield Row(start, {name: fields[index] for name, index in indices.items()})
        elif len(fields) > 1 or fields[0].strip():  # a line of blanks is skipped
            sign = split_header(header)[0]
            remedy = separated_by(sign) if sign else _remedy(len(fields) > len(header), quoted)
            has = f"{len(fields)} field{'s' * (len(fields) != 1)}"
            raise CorpusError(f"{source.place(start)} has {has}, the header has {len(header)}: {remedy}")


def _remedy(too_many: bool, quoted: bool) -> str:
    if quoted:
        return (
            "quote a field that holds a comma"
            if too_many
            else "add those that it lacks, or quote the field whose line break begins this line"
        )
    if too_many:
        return "a tab within a field needs CSV or JSON Lines"
    return "add those that it lacks; a line break within a field needs CSV or JSON Lines"


def _csv_reason(message: str) -> str:
    if "unexpected end" in message:
        return "a quote is opened in this row and not closed before the end: close it"
    if "expected after" in message:
        return "there is text after a closing quote: end the field there, or double the quotes within it"
    if "field limit" in message:
        return f"a field has more than {MAX_LINE >> 20} Mi characters: is a closing quote missing?"
    if "new-line" in message:
        return "a carriage return in an unquoted field: quote it, and end lines with LF or CR LF"
    return f"malformed ({message}): mend the row"
