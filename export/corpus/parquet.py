"""The rows of a Parquet file. pyarrow reads a batch at a time, and only the columns that are asked for.

JSON has no type for some of its values. Dates (ISO 8601), decimals and UUIDs become strings, durations become seconds.
Nanoseconds are cut to microseconds. Bytes and NaN are refused. A folder of Parquet files isn't read.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from export.corpus.corpus_file import MAX_LINE, CorpusFile
from export.corpus.rows import Row, check_columns
from handler.errors import CorpusError

_BATCH = 256  # rows; 25 MB if each row holds 100 KB
_BUFFER = 1 << 20  # bytes read ahead per column


def read_parquet(source: CorpusFile, text: Sequence[str], others: Sequence[str]) -> Iterator[Row]:
    """Yields the rows' columns. Those in `text` hold strings or None, the others JSON values.

    Raises:
        CorpusError: the file is damaged, a column is unknown or of an unusable type, a field is longer than MAX_LINE,
            or pyarrow isn't installed.
    """
    source.unit = "row"
    columns = list(dict.fromkeys([*text, *others]))
    number = 0
    for batch in _read_batches(source, text, columns):
        for values in zip(*batch, strict=True):
            number += 1
            row = dict(zip(columns, values, strict=True))
            for name in others:
                row[name] = _json_value(row[name], source.place(number), name)
            for name, value in row.items():
                if _characters(value) > MAX_LINE:
                    raise CorpusError(
                        f"{source.place(number)}: column {name!r} has more than {MAX_LINE >> 20} Mi characters: "
                        "shorten the text, or leave the column out"
                    )
            yield Row(number, row)


def _read_batches(
    source: CorpusFile, text: Sequence[str], columns: Sequence[str]
) -> Iterator[list[list[Any]]]:
    """Yields batches of rows, each a list of values per column."""
    # Imported by name, since pyarrow ships no types.
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise CorpusError(f"{source.name}: Parquet needs pyarrow: pip install pyarrow") from error
    read = 0
    with source.seekable() as file:
        try:
            # pre_buffer, which is on by default, keeps everything that was read until the end of the file.
            with parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as table:
                check_columns(source.name, columns, table.schema_arrow.names)
                for name in text:
                    _check_text_type(arrow, source, name, table.schema_arrow.field(name).type)
                total = table.metadata.num_rows
                for batch in table.iter_batches(_BATCH, columns=columns):
                    place = f"{source.name}, rows {read + 1} to {read + batch.num_rows}"
                    read += batch.num_rows
                    source.progress = read / total
                    yield [_python_values(arrow, place, batch, name) for name in columns]
        except (arrow.ArrowException, OSError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise CorpusError(
                f"{source.name}, after row {read}, can't be read as Parquet ({reason}): "
                "copy it again, or give its real --format"
            ) from error


def _check_text_type(arrow: Any, source: CorpusFile, name: str, kind: Any) -> None:
    types = arrow.types
    value = kind.value_type if types.is_dictionary(kind) else kind
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    if not any(test(value) for test in tests):
        raise CorpusError(
            f"{source.name}: column {name!r} is of type {kind}, a text must be a string: "
            "name another column or convert it"
        )


def _python_values(arrow: Any, place: str, batch: Any, name: str) -> list[Any]:
    column = batch.column(name)
    kind = column.type
    # Without pandas, pyarrow refuses to make Python values of nanoseconds.
    coarser = _in_microseconds(arrow, kind)
    if coarser != kind:
        column = column.cast(coarser, safe=False)
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{place}: column {name!r} has a string with byte 0x{error.object[error.start]:02X}, "
            "which is not UTF-8: write the file again from UTF-8 text"
        ) from error
    except (ValueError, OverflowError) as error:  # dates beyond the year 9999, unknown time zones
        raise CorpusError(
            f"{place}: column {name!r} of type {kind} has a value for which Python has no type "
            f"({str(error).rstrip('.')}): convert it to a string"
        ) from error
    return values


def _in_microseconds(arrow: Any, kind: Any) -> Any:
    """Returns the type with microseconds for nanoseconds, in lists and structs too."""
    types = arrow.types
    if types.is_timestamp(kind) and kind.unit == "ns":
        return arrow.timestamp("us", kind.tz)
    if types.is_time64(kind) and kind.unit == "ns":
        return arrow.time64("us")
    if types.is_duration(kind) and kind.unit == "ns":
        return arrow.duration("us")
    if types.is_list(kind):
        return arrow.list_(_in_microseconds(arrow, kind.value_type))
    if types.is_large_list(kind):
        return arrow.large_list(_in_microseconds(arrow, kind.value_type))
    if types.is_struct(kind):
        return arrow.struct([field.with_type(_in_microseconds(arrow, field.type)) for field in kind])
    return kind


def _characters(value: Any) -> int:
    """Counts the characters of a JSON value: those of its strings, and 1 for each other value."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(len(key) + _characters(item) for key, item in value.items())
        case list():
            return sum(map(_characters, value))
    return 1


def _json_value(value: Any, place: str, name: str) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case float():
            raise CorpusError(
                f"{place}: column {name!r} holds {value}, which JSON can't hold: write null instead"
            )
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal() | UUID():
            return str(value)
        case dict():
            return {key: _json_value(item, place, name) for key, item in value.items()}
        case list() | tuple():
            return [_json_value(item, place, name) for item in value]
    raise CorpusError(
        f"{place}: column {name!r} holds {type(value).__name__}, which JSON can't hold: "
        "leave it out or convert it to a string"
    )
