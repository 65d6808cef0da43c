"""Reads a corpus of many files on a Ray cluster: a task for each file, by the readers that a local export has.

Ray's own readers would give other values in places (nulls, dates, large integers), and name no line in an error. So
Ray Data distributes the files, and keeps their order. The driver numbers rows and compares ids, as it does locally.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from export.corpus.entries import Entries, Entry, FileEntries, Wanted
from export.corpus.places import S3
from export.corpus.rows import SeenColumns
from export.ray.cluster import prepare_data
from export.ray.worker import describe
from handler.errors import CorpusError, EngineError, reason

# Rows that a task sends at once, so that a file is never whole in memory.
BATCH = 2048


def read_files(paths: Sequence[str], wanted: Wanted) -> Generator[Entries, None, None]:
    """Yields each file's entries, in order; each must be read to its end before the next. Needs a running cluster.

    Raises EngineError where the cluster fails.
    """
    from ray.exceptions import RayError

    data = prepare_data()
    data.DataContext.get_current().execution_options.preserve_order = True
    # The tasks of a cluster run in the folder where a node was started.
    places = [path if path.startswith(S3) else str(Path(path).absolute()) for path in paths]
    rows = data.from_items([{"path": path} for path in places], override_num_blocks=len(paths)).map_batches(
        read_file, fn_kwargs={"wanted": wanted}, batch_size=1
    )
    try:
        with closing(_values(rows)) as stream:
            for done, path in enumerate(paths):
                yield _SentEntries(path, wanted, stream, done / len(paths))
    except RayError as error:
        raise EngineError(
            f"the Ray cluster fails ({reason(error)}): the same command continues from here"
        ) from error
    finally:
        data.DataContext.get_current().execution_options.preserve_order = False


def read_file(batch: dict[str, Any], wanted: Wanted) -> Iterator[dict[str, list[str]]]:
    """What a task does: yields a file's entries as JSON, some thousand at once, and at last what the file told."""
    for path in batch["path"]:
        entries = FileEntries(str(path), wanted)
        error, refused = "", False
        try:
            source = iter(entries)
            while some := list(islice(source, BATCH)):
                # The unit comes before the entries: an error about one of them names it.
                yield _lines([{"unit": entries.unit, "format": entries.format, "done": False}, *some])
        except CorpusError as found:
            error, refused = str(found), True
        except Exception as found:  # noqa: BLE001 - it is told to the driver
            error = describe(found)
        told = {
            "unit": entries.unit,
            "format": entries.format,
            "done": True,
            "unseen": entries.seen.unseen,
            "known": list(entries.seen.known),
            "error": error,
            "refused": refused,
        }
        yield _lines([told])


def _lines(values: Sequence[Any]) -> dict[str, list[str]]:
    return {"json": [json.dumps(value, ensure_ascii=False) for value in values]}


def _values(rows: Any) -> Generator[Any, None, None]:
    """Yields what the tasks sent, in the files' order."""
    for batch in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from map(json.loads, batch["json"].to_pylist())


class _SentEntries:
    """The entries of a file that a task read."""

    def __init__(self, path: str, wanted: Wanted, stream: Iterator[Any], fraction: float) -> None:
        """Takes the stream of all files' entries, which is at this file's first."""
        self.name = path
        self.unit = "line"
        self.format = wanted.format
        self.seen = SeenColumns(wanted.columns)
        self.fraction = fraction
        self._path = path
        self._stream = stream

    def __iter__(self) -> Iterator[Entry]:
        for value in self._stream:
            if isinstance(value, list):
                yield Entry(*value)
                continue
            self.unit, self.format = value["unit"], value["format"]
            if not value["done"]:
                continue
            self.seen = SeenColumns(value["unseen"], value["known"])
            if value["error"]:
                raise CorpusError(value["error"]) if value["refused"] else EngineError(value["error"])
            return
        raise EngineError(f"{self._path} was not read to its end: run the export again")
