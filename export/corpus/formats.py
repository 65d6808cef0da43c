"""The rows of a corpus in the text formats: CSV, TSV, JSON Lines, plain text.

A row is its line and the values of its columns. Malformed input raises CorpusError.
It doesn't know what a document is, nor which rows to skip (blank lines apart), and doesn't
convert CSV's strings. TSV has no quoting: a tab separates, a line is a row, and a quote is an
ordinary character, as in the field's own datasets (MS MARCO, BEIR, STS-B).
"""

from __future__ import annotations

import codecs
import csv
import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from export.corpus.source import MAX_LINE, PARQUET_MAGIC, Source
from handler.errors import CorpusError

FORMATS = ("csv", "tsv", "jsonl", "txt", "parquet")

_SUFFIXES = {f".{name}": name for name in FORMATS} | {".ndjson": "jsonl"}
_LISTED = 20  # columns named in an error
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # perhaps: pairs match too


class Row(NamedTuple):
    """A record; number is the line it starts on (for Parquet its row), counted from 1."""

    number: int
    values: Mapping[str, Any]


def detect_format(source: Source, path: str) -> str:
    """Tell the format by the name's suffix, or else by the first bytes.

    Raises CorpusError if neither tells.
    """
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    if suffixes and suffixes[-1] in _SUFFIXES:
        return _SUFFIXES[suffixes[-1]]
    start = source.head.removeprefix(codecs.BOM_UTF8).lstrip()
    if source.head.startswith(PARQUET_MAGIC):
        return "parquet"
    if start.startswith(b"{"):
        return "jsonl"
    if start.startswith(b"[") and suffixes[-1:] == [".json"]:
        raise CorpusError(
            f"{source.name} starts with '[', a JSON array: write one object per line "
            f"(jq -c '.[]' {path} > corpus.jsonl)"
        )
    if not start:
        raise CorpusError(f"{source.name} is empty: check what was meant to be in it")
    source.check_text()
    raise CorpusError(
        f"{source.name}: neither name nor content tells the format: "
        f"give --format {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    )


def unknown_column(place: str, wanted: str, columns: Iterable[str]) -> CorpusError:
    """Make the error that names the columns there are and the nearest of them."""
    names = list(dict.fromkeys(columns))
    folded = {name.strip().casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(wanted.strip().casefold(), folded, 1)
    hint = f" (did you mean {show(folded[near[0]])}?)" if near else ""
    listed = ", ".join(show(name) for name in names[:_LISTED]) or "none"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return CorpusError(f"{place}: there is no column {show(wanted)}{hint}; the columns are: {listed}{more}")


def check_columns(place: str, wanted: Sequence[str], columns: Sequence[str]) -> None:
    """Raise CorpusError unless each wanted column is there exactly once."""
    for name in wanted:
        if name not in columns:
            raise unknown_column(place, name, columns)
        if (count := columns.count(name)) > 1:
            raise CorpusError(
                f"{place}: {count} columns are called {show(name)}: "
                "rename all but one, so that it's clear which is meant"
            )


def read_text(source: Source, columns: Sequence[str]) -> Iterator[Row]:
    """Yield each line, blank ones too, as the column "text"."""
    check_columns(f"{source.name} (plain text)", columns, ["text"])
    for number, line in enumerate(source.lines(), 1):
        yield Row(number, {"text": line.rstrip("\r\n")})


def read_csv(source: Source, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows under the header as strings; commas, and double quotes where needed."""
    return _read_table(source, columns, ",", quoted=True)


def read_tsv(source: Source, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows under the header as strings; tabs, and no quoting."""
    return _read_table(source, columns, "\t", quoted=False)


def _read_table(source: Source, columns: Sequence[str], delimiter: str, quoted: bool) -> Iterator[Row]:
    # The limit (131,072 characters) is global to the csv module, so it is only ever raised.
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
            check_columns(source.place(start), columns, header)
            indices = {name: header.index(name) for name in columns}
        elif len(fields) == len(header):
            yield Row(start, {name: fields[index] for name, index in indices.items()})
        elif len(fields) > 1 or fields[0].strip():  # otherwise a line of blanks
            raise CorpusError(
                f"{source.place(start)} has {len(fields)} fields, the header has {len(header)}: "
                + (
                    "quote a field that holds a comma or a line break"
                    if quoted
                    else "a tab or a line break within a field needs CSV or JSON Lines"
                )
            )


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


def read_jsonl(source: Source, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the object of each line that isn't blank; a row may lack a column, not every row.

    That a column is in no row at all is known, and raised, only after the last one.
    """
    unseen = set(columns)
    known: dict[str, None] = {}
    number = 0
    for number, line in enumerate(source.lines(), 1):
        if line.isspace():
            continue
        place = source.place(number)
        try:
            values = _parse_object(place, line.rstrip("\r\n"))
            if _LONE_SURROGATE.search(line):
                _check_surrogates(place, values)
        except RecursionError as error:
            raise CorpusError(f"{place}: the JSON is nested too deeply: flatten it") from error
        if unseen:
            unseen.difference_update(values)
            if len(known) <= _LISTED:
                known.update(dict.fromkeys(values))
        yield Row(number, values)
    for name in columns:
        if known and name in unseen:
            raise unknown_column(source.name, name, known)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value: write null")


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise ValueError(f"{digits[:20]} is beyond the range of a number: write a string")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _parse_object(place: str, line: str) -> dict[str, Any]:
    try:
        values = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"{place}, column {error.pos + 1}: malformed JSON ({error.msg}): "
            "each line must be one whole JSON object"
        ) from error
    except ValueError as error:  # the two hooks above, and integers of over 4,300 digits
        raise CorpusError(f"{place}: {error}") from error
    if not isinstance(values, dict):
        raise CorpusError(
            f"{place} holds {json_type(values)}, not an object: "
            'write it as {"text": ...}, or give --format txt for plain text'
        )
    return values


def _check_surrogates(place: str, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        try:
            json.dumps([name, value], ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise CorpusError(
                f"{place}: {show(name)} holds a lone surrogate "
                f"(\\u{ord(error.object[error.start]):04x}), half of a character, "
                "which UTF-8 can't hold: remove it or write the pair"
            ) from error


def json_type(value: object) -> str:
    """Name the JSON type of value, for an error: "a number"."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "true or false", int: "a number", float: "a number"}
    names |= {str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def show(name: str) -> str:
    """Quote a column name or an id for an error, cut after 40 characters."""
    return repr(name if len(name) <= 40 else f"{name[:40]}...")
