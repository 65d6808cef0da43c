"""The metadata's columns, which filters and facets read: by name, each checked when it is first used.

A document's own metadata stays in documents.jsonl. This module maps columns.safetensors, which
export/build/write_columns.py writes. It knows no filter: filters.py does. docs/filters.md has the types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from handler.artifact import COLUMNS_FILE, Artifact
from handler.column_kinds import Lists, Strings, Texts
from handler.column_numbers import Mask, Numbers
from handler.errors import ArtifactError, RequestError
from handler.light_typing import Any
from handler.manifest import REMEDY
from handler.safetensors import read_safetensors

Column = Numbers | Strings | Lists

# Values that a column's description has, and facets have.
DESCRIBED = 20
COUNTED = 100
# Column names that an error lists.
LISTED = 20
LONGEST_NAME = 200

_CODES = (np.uint8, np.uint16, np.int32)
_NUMBERS = (np.int8, np.int16, np.int32, np.int64, np.float64)


class Columns:
    """The columns of a corpus's metadata. Safe to share between threads."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], types: Mapping[str, str], count: int) -> None:
        """Takes the tensors of columns.safetensors, the manifest's columns, and the number of documents.

        Raises ArtifactError where a tensor is missing, or not of its type and length.
        """
        self.types = types
        self.count = count
        parts = _Parts(tensors, count)
        self._columns = {name: parts.column(place, kind) for place, (name, kind) in enumerate(types.items())}
        self._checked: set[str] = set()
        self._described: list[dict[str, Any]] | None = None

    @classmethod
    def open(cls, artifact: Artifact) -> Columns | None:
        """Maps the artifact's columns; returns None where it has none.

        Raises ArtifactError where the file is missing or damaged, or disagrees with the manifest.
        """
        manifest = artifact.manifest
        if not manifest.columns:
            return None
        return cls(read_safetensors(artifact.path(COLUMNS_FILE)), manifest.columns, manifest.count)

    def column(self, name: str) -> Column:
        """Returns a column of `types`; raises ArtifactError where it is damaged, which is found at its first use."""
        column = self._columns[name]
        if name not in self._checked:
            if fault := column.fault():
                raise ArtifactError(f"{COLUMNS_FILE} has a damaged column {name!a:.80} ({fault}): {REMEDY}")
            self._checked.add(name)
        return column

    def describe(self) -> list[dict[str, Any]]:
        """Describes each column: its name, its type, and `documents`, the number of those that have a value.

        A number or date has `min` and `max`, null without a value. The others have `distinct` and `values`, the
        20 most frequent values with their counts. Raises ArtifactError where a column is damaged.
        """
        if self._described is None:
            self._described = [self._describe(name) for name in self.types]
        return self._described

    def counts(self, name: str, documents: Mask | None) -> list[dict[str, Any]]:
        """Counts a column's values in the documents of a mask, (count,), or in all.

        Returns the 100 most frequent values, equally frequent ones by value.

        Raises RequestError where there is no such column, and ArtifactError where it is damaged.
        """
        if name not in self.types:
            raise RequestError(
                422,
                "invalid_request",
                f"there is no column {name!r:.80} to count{look_alike(name, self.types)}; {list_columns(self.types)}",
                "facets",
            )
        return _most_frequent(name, *self.column(name).counted(documents), COUNTED)

    def _describe(self, name: str) -> dict[str, Any]:
        column, kind = self.column(name), self.types[name]
        described = {"name": name, "type": kind, "documents": int(np.count_nonzero(column.exists()))}
        if isinstance(column, Numbers) and kind != "boolean":
            least, most = column.extent()
            return {**described, "min": least, "max": most}
        value, counts = column.counted()
        values = _most_frequent(name, value, counts, DESCRIBED)
        return {**described, "distinct": int(np.count_nonzero(counts)), "values": values}


def list_columns(types: Mapping[str, str]) -> str:
    """Lists the columns and their types for an error: "the columns are year (number), topic (string)"."""
    if not types:
        return "the artifact has no columns: export it again with --metadata"
    listed = ", ".join(f"{name!r:.80} ({kind})" for name, kind in list(types.items())[:LISTED])
    more = f" and {len(types) - LISTED} more" if len(types) > LISTED else ""
    return f"the columns are {listed}{more}"


def look_alike(wanted: str, types: Mapping[str, str]) -> str:
    """Names the column that looks like one that isn't there, for an error."""
    # A decomposed name has up to four code points for one. No name is longer, and a run of marks takes its square.
    same = in_other_form(str(wanted)[: 4 * LONGEST_NAME], types)
    return f" ({same!a:.80} looks like it and has other code points)" if same is not None else ""


def in_other_form(wanted: str, names: Iterable[str]) -> str | None:
    """Returns the first of the names that is another normal form of the wanted one: é may be one character or two."""
    import unicodedata  # only for an error

    composed = unicodedata.normalize("NFC", wanted)
    return next(
        (name for name in names if name != wanted and unicodedata.normalize("NFC", name) == composed), None
    )


def _most_frequent(
    name: str, value: Callable[[int], Any], counts: NDArray[np.int64], most: int
) -> list[dict[str, Any]]:
    """Returns the `most` most frequent values and their counts; of equally frequent ones the lesser values."""
    # The values rise with their places. No more than `most` places are sorted.
    places = counts.nonzero()[0]
    if len(places) > most:
        held = counts[places]
        least = np.partition(held, -most)[-most]
        above = places[held > least]
        places = np.concatenate([above, places[held == least][: most - len(above)]])
    order = places[np.lexsort((places, -counts[places]))].tolist()
    try:
        return [{"value": value(place), "count": int(counts[place])} for place in order]
    except ValueError:
        raise ArtifactError(
            f"{COLUMNS_FILE} has a value of {name!a:.80} that is not UTF-8: {REMEDY}"
        ) from None


class _Parts:
    """Takes the columns from the file's tensors, whose names begin with the column's place in the manifest."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], count: int) -> None:
        self._tensors = tensors
        self._count = count

    def column(self, place: int, kind: str) -> Column:
        if kind == "string":
            return Strings(self._each(f"{place}.codes", _CODES), self._texts(place))
        if kind == "strings":
            documents = self._tensor(f"{place}.documents", (np.int32,))
            ends = self._tensor(f"{place}.document_ends", (np.uint32,))
            return Lists(documents, ends, self._texts(place), self._count)
        numbers = self._each(f"{place}.numbers", _NUMBERS)
        name = f"{place}.present"
        return Numbers(kind, numbers, self._each(name, (np.uint8,)) if name in self._tensors else None)

    def _texts(self, place: int) -> Texts:
        ends = self._tensor(f"{place}.text_ends", (np.uint32,))
        if not len(ends):
            raise ArtifactError(f"{COLUMNS_FILE}: tensor '{place}.text_ends' is empty: {REMEDY}")
        return Texts(ends, self._tensor(f"{place}.text", (np.uint8,)))

    def _each(self, name: str, dtypes: tuple[type[np.generic], ...]) -> NDArray[Any]:
        """Returns a tensor that has an item for each document."""
        tensor = self._tensor(name, dtypes)
        if len(tensor) != self._count:
            raise ArtifactError(
                f"{COLUMNS_FILE}: tensor {name!r} has {len(tensor):,} items, the manifest says {self._count:,} "
                f"documents: {REMEDY}"
            )
        return tensor

    def _tensor(self, name: str, dtypes: tuple[type[np.generic], ...]) -> NDArray[Any]:
        tensor = self._tensors.get(name)
        if tensor is None or tensor.ndim != 1 or tensor.dtype not in dtypes:
            wanted = " or ".join(dtype.__name__ for dtype in dtypes)
            raise ArtifactError(f"{COLUMNS_FILE} has no tensor {name!r} of {wanted} in one axis: {REMEDY}")
        # A damaged header may put a tensor where its items can't be read one by one.
        return np.require(tensor, requirements="A")
