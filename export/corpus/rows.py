"""A row of a corpus, and the columns that it must have. Every format yields these rows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from handler.columns import in_other_form
from handler.errors import CorpusError

LISTED = 20
"""The most columns that an error names."""

# As spreadsheets and databases write them in place of a comma.
SEPARATORS = {";": "';'", "|": "'|'", "\t": "tabs"}

MAX_DEPTH = 100
"""Most levels of a metadata value. Python's JSON takes up to about 1,000, less the calls that are open."""


class Row(NamedTuple):
    """A row of the corpus. `number` is the line on which it starts (in Parquet its row), counted from 1."""

    number: int
    values: Mapping[str, Any]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def unknown_column(place: str, wanted: str, columns: Iterable[str]) -> CorpusError:
    """Returns an error that lists the columns of the corpus and suggests the one most like `wanted`."""
    names = list(dict.fromkeys(columns))
    folded = {name.strip().casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(wanted.strip().casefold(), folded, 1)
    listed = ", ".join(show(name) for name in names[:LISTED]) or "none"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    hint = remedy = ""
    if near:
        likely = folded[near[0]]
        hint = f" (did you mean {show(likely)}?)"
        if likely != likely.strip() or "," in likely:
            remedy = f": --text and --metadata take such a name in double quotes, {show(_quoted(likely))}"
    same = in_other_form(wanted, names)
    if same is not None:
        hint = f" ({same[:40]!a} looks like it and has other code points: copy the name from the corpus)"
        remedy = ""
    sign, parts = split_header(names)
    if wanted.strip() in parts:
        hint, remedy = "", f": {separated_by(sign)}"
    # As Hive and Spark write a column whose values part the files.
    folder = next((part for part in place.split("/") if part.startswith(f"{wanted.strip()}=")), None)
    if folder:
        hint, remedy = "", f": the folder {show(folder)} is not read as one, so write its value into the rows"
    return CorpusError(
        f"{place}: there is no column {show(wanted)}{hint}; the columns are: {listed}{more}{remedy}"
    )


def split_header(columns: Sequence[str]) -> tuple[str, list[str]]:
    """Returns the sign that seems to separate the fields of a file with one column, and the names; "" for none."""
    if len(columns) == 1:
        for sign in SEPARATORS:
            if sign in columns[0]:
                return sign, [part.strip() for part in columns[0].split(sign)]
    return "", []


def separated_by(sign: str) -> str:
    """Says what to do with a file whose fields another sign separates than its format's."""
    remedy = "as TSV" if sign != "\t" else "name it .tsv"
    return f"the file seems to be separated by {SEPARATORS[sign]}: save it with commas, or {remedy}"


class SeenColumns:
    """Which of the wanted columns some row of JSON Lines has, where each row may lack some.

    Attributes:
        unseen: the wanted columns that no row has yet.
        known: some columns that rows have, for an error to name.
    """

    def __init__(self, wanted: Sequence[str], known: Iterable[str] = ()) -> None:
        """Takes the wanted columns."""
        self.unseen = list(dict.fromkeys(wanted))
        self.known = dict.fromkeys(known)

    def note(self, columns: Iterable[str]) -> None:
        """Notes the columns of a row."""
        if not self.unseen:
            return
        here = dict.fromkeys(columns)
        self.unseen = [name for name in self.unseen if name not in here]
        if len(self.known) <= LISTED:
            self.known.update(here)

    def add(self, other: SeenColumns) -> None:
        """Notes what another file's rows have."""
        self.unseen = [name for name in self.unseen if name in other.unseen]
        self.known.update(other.known)

    def check(self, place: str) -> None:
        """Raises CorpusError where there were rows, and none has one of the columns."""
        if self.known and self.unseen:
            raise unknown_column(place, self.unseen[0], self.known)


def check_columns(place: str, wanted: Sequence[str], columns: Sequence[str]) -> None:
    """Raises CorpusError where a wanted column is missing or occurs more than once."""
    for name in wanted:
        if name not in columns:
            raise unknown_column(place, name, columns)
        if (count := columns.count(name)) > 1:
            raise CorpusError(
                f"{place}: {count} columns are called {show(name)}: "
                "rename all but one, so that it's clear which is meant"
            )


def is_deeper(value: Any, levels: int) -> bool:
    """Whether a JSON value has more than `levels` objects and arrays around its innermost part."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            item
            for outer in layer
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True


def show(name: str) -> str:
    """Quotes a column's name or an id for an error, cut after 40 characters."""
    return repr(name if len(name) <= 40 else f"{name[:40]}...")
