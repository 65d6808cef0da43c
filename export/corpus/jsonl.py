"""The rows of JSON Lines: one object a line.

Python's JSON reader takes NaN, infinite numbers and halves of surrogate pairs. They are refused here, since neither
JSON nor UTF-8 can hold them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from export.corpus.corpus_file import CorpusFile
from export.corpus.rows import Row, SeenColumns, show
from handler.errors import CorpusError
from handler.json_types import json_type

_MOST_DIGITS = 4_300
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # a whole pair matches too, so a match needs a closer look


def read_jsonl(source: CorpusFile, columns: Sequence[str], seen: SeenColumns | None = None) -> Iterator[Row]:
    """Yields the object of each line that isn't blank. A row may lack a column.

    Args:
        source: the file.
        columns: the wanted columns.
        seen: notes which of them there are, for a caller that checks that itself.

    Raises:
        CorpusError: a line is malformed; or, without `seen`, no row has one of the columns, which is known after the
            last row.
    """
    noted = SeenColumns(columns) if seen is None else seen
    for number, line in enumerate(source.lines(), 1):
        if line.isspace():
            continue
        place = source.place(number)
        try:
            values = _parse_object(place, line.rstrip("\r\n"))
            if _SURROGATE.search(line):
                _check_surrogates(place, values)
        except RecursionError as error:
            raise CorpusError(f"{place}: the JSON is nested too deeply: flatten it") from error
        noted.note(values)
        yield Row(number, values)
    if seen is None:
        noted.check(source.name)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value: write null")


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise ValueError(f"{digits[:20]} is beyond the range of a number: write a string")
    return number


def _whole(digits: str) -> int:
    # Python reads no longer ones.
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"{digits[:20]}... has {len(digits):,} digits: write a string")
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValueError(f"{show(twice)} is there twice: leave one out")
    return values


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
)


def _parse_object(place: str, line: str) -> dict[str, Any]:
    try:
        values = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise CorpusError(
            f"{place}, column {error.pos + 1}: malformed JSON ({error.msg}): "
            "each line must be one whole JSON object"
        ) from error
    except ValueError as error:  # from the hooks above
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
