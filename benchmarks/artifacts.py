"""Reads what benchmarks need of an artifact or a corpus: texts, embeddings, and an index over part of them.

Other modules of this package open an artifact through Searcher, and not file by file.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.artifact import SCAN_FILES, Artifact
from handler.bound import Scan
from handler.documents import Documents
from handler.index import Index
from handler.scores import Embeddings

F32 = NDArray[np.float32]
# This many texts of a corpus are enough to cut queries from.
ENOUGH = 20_000


def load_embeddings(artifact: Path) -> Embeddings:
    """Maps an artifact's embeddings; raises ArtifactError where it isn't whole."""
    manifest = Artifact.open(artifact).manifest
    return Embeddings.load(artifact, manifest.rows, manifest.dim)


def load_documents(artifact: Path) -> Documents:
    """Opens an artifact's documents; raises ArtifactError where it isn't whole."""
    return Documents.open(Artifact.open(artifact))


def float32_rows(artifact: Path, count: int | None = None) -> F32:
    """Returns the first `count` embeddings, or all. (count, dim) float32, mapped if they are stored as float32."""
    embeddings = load_embeddings(artifact)
    rows = embeddings.rows[:count]
    if rows.dtype == np.float32:
        return np.asarray(rows)
    return embeddings.values(0, len(rows)).astype(np.float32)


def write_scan_of(rows: F32, folder: Path) -> None:
    """Writes the scan's files for rows into a folder, as an export does; none for few rows."""
    # Imported here: an emulated processor hasn't the export's packages.
    from export.build.write_scan import write_scan

    folder.mkdir(parents=True, exist_ok=True)
    write_scan(Embeddings(rows), folder)


def open_index(rows: F32, folder: Path, threads: int = 1) -> Index:
    """Returns an index over rows and the scan that write_scan_of wrote into the folder."""
    return Index(Embeddings(rows), open_scan(rows, folder, threads), threads)


def open_scan(rows: F32, folder: Path, threads: int = 1) -> Scan | None:
    """Returns the scan that write_scan_of wrote into the folder; None where the rows are too few for one."""
    if not (folder / SCAN_FILES[0]).exists():
        return None
    count, dim = rows.shape
    return Scan.load(folder, count, dim, threads)


def draw_texts(artifact: Path, count: int) -> list[str]:
    """Draws `count` texts of an artifact at random, or takes all if it has fewer; always the same ones."""
    documents = load_documents(artifact)
    rows = random.Random(0).sample(range(len(documents)), min(count, len(documents)))
    return [documents[row].text for row in rows]


def read_texts(path: Path, count: int = ENOUGH) -> list[str]:
    """Returns texts of an artifact's folder, or the first of JSON Lines (field "text") or plain text, also as .gz."""
    if path.is_dir():
        return draw_texts(path, count)
    return list(islice(_texts_of_file(path), count))


def _texts_of_file(path: Path) -> Iterator[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            text = json.loads(line)["text"] if ".jsonl" in path.name else line
            if text.strip():
                yield text.strip()
