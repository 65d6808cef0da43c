"""Writes documents.jsonl, its offsets and the table of ids, and reads the documents back in their order.

It handles one document at a time: the corpus is never in memory.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.build.progress import Progress
from export.build.token_counts import save_array
from export.corpus.reader import CorpusReader
from handler.artifact import DOCUMENTS_FILE, IDS_FILE, OFFSETS_FILE, PASSAGES_FILE
from handler.documents import Document
from handler.ids import crc32_of, id_table
from handler.passages import Passages


@dataclass(frozen=True, slots=True)
class WrittenDocuments:
    """The numbers of documents written and of rows left out because their text is empty."""

    count: int
    skipped: int


def write_documents(
    reader: CorpusReader, directory: Path, progress: Progress, title: str
) -> WrittenDocuments:
    """Writes a line for each document, where each line begins, and which ids there are. Raises CorpusError where one can't be read."""
    offsets = array("Q", [0])
    crcs = array("I")
    position = 0
    with (directory / DOCUMENTS_FILE).open("wb") as file, progress.reading(title) as bar:
        for document in reader:
            fields = {"id": document.id, "text": document.text, "metadata": document.metadata}
            line = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            position += file.write(line.encode() + b"\n")
            offsets.append(position)
            crcs.append(crc32_of(document.id))
            bar.update(len(offsets) - 1, reader.fraction)
    save_array(directory / OFFSETS_FILE, np.frombuffer(offsets, np.uint64))
    # Here: the help of `seeklet export` imports this module where only numpy is installed.
    from safetensors.numpy import save

    (directory / IDS_FILE).write_bytes(save(id_table(crcs)))
    return WrittenDocuments(len(offsets) - 1, reader.skipped)


def read_documents(directory: Path) -> Iterator[Document]:
    """Yields each document, in the corpus's order."""
    with (directory / DOCUMENTS_FILE).open("rb") as file:
        for line in file:
            yield Document(**json.loads(line))


def read_texts(directory: Path) -> Iterator[str]:
    """Yields each document's text, in the corpus's order."""
    for document in read_documents(directory):
        yield document.text


def read_row_texts(directory: Path) -> Iterator[str]:
    """Yields the text of each row, in the rows' order: the documents' passages, or else the documents."""
    if not (directory / PASSAGES_FILE).exists():
        yield from read_texts(directory)
        return
    passages = Passages.load(directory)
    for document, text in enumerate(read_texts(directory)):
        for start, end in passages.spans[passages.first[document] : passages.first[document + 1]].tolist():
            yield text[start:end]
