"""Whether an artifact's files hold what they should: `seeklet verify` reads all that a start can't afford to read.

A start compares sizes, shapes and cheap checksums, and an answer finds other damage when it reads it, or never. A file's
SHA-256 only says that it is as its export, or whoever edited it, left it. gate.py compares the vectors.
"""

from __future__ import annotations

import binascii
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from export.build.sample import sample_rows, sample_texts
from handler.artifact import (
    COLUMNS_FILE,
    IDS_FILE,
    KEYWORDS_FILE,
    PASSAGES_FILE,
    SCAN_BOUND_FILE,
    WORDPIECES_FILE,
    Artifact,
)
from handler.column_numbers import Numbers
from handler.columns import Columns
from handler.errors import ArtifactError
from handler.ids import crc32_of, id_table
from handler.index import Index
from handler.manifest import REMEDY
from handler.maps import Map
from handler.passages import Passages
from handler.safetensors import read_safetensors
from handler.scores import Embeddings
from handler.searcher import Searcher

# Texts that are tokenised both ways, and characters of each.
TEXTS = 400
MOST_CHARACTERS = 10_000
# Rows that are searched for with the scan and without it.
QUERIES = 20
TOP = 10


def check_whole(artifact: Artifact, threads: int = 1) -> None:
    """Loads an artifact as the function does, and reads all but the vectors.

    Raises ArtifactError that names the first file that is damaged, or doesn't fit the others.
    """
    searcher = Searcher.load(artifact.directory, threads)
    engine = searcher.local
    lengths = _check_documents(artifact, searcher)
    if engine.passages is not None:
        _check_spans(artifact, engine.passages, lengths)
    if artifact.manifest.keywords is not None:
        _check_keywords(artifact)
    if engine.columns is not None:
        _check_columns(engine.columns)
    if drawn := Map.open(artifact):
        drawn.points()
    if WORDPIECES_FILE in artifact.manifest.files:
        _check_wordpieces(artifact, searcher)


def check_scan(artifact: Artifact, stored: Embeddings, threads: int = 1) -> None:
    """Raises ArtifactError where a search by the scan finds other rows than one of every row. The rows must be finite."""
    if not artifact.has_scan:
        return
    queries = stored.take(sample_rows(stored.count, QUERIES))
    ours, every = (index.search(queries, TOP) for index in (Index.open(artifact, threads), Index(stored)))
    if not np.array_equal(ours.ids, every.ids):
        raise _damaged(
            artifact, SCAN_BOUND_FILE, "and the other files of the scan find other rows than the embeddings"
        )


def _check_documents(artifact: Artifact, searcher: Searcher) -> NDArray[np.int64]:
    """Reads each line and compares the table of ids; returns the characters of each text."""
    documents = searcher.local.documents
    lengths, crcs = np.empty(len(documents), np.int64), []
    for index in range(len(documents)):
        document = documents[index]
        lengths[index] = len(document.text)
        crcs.append(crc32_of(document.id))
    if IDS_FILE in artifact.manifest.files:
        found = read_safetensors(artifact.path(IDS_FILE))
        if any(not np.array_equal(found[name], right) for name, right in id_table(crcs).items()):
            raise _damaged(artifact, IDS_FILE, "isn't the table of the documents' ids")
    return lengths


def _check_spans(artifact: Artifact, passages: Passages, lengths: NDArray[np.int64]) -> None:
    starts, ends = passages.spans.T
    within = (starts >= 0) & (starts < ends) & (ends <= np.repeat(lengths, np.diff(passages.first)))
    if not within.all():
        raise _damaged(artifact, PASSAGES_FILE, f"has a passage outside of its text, row {within.argmin():,}")


def _check_keywords(artifact: Artifact) -> None:
    tensors = read_safetensors(artifact.path(KEYWORDS_FILE))
    if not _rise(tensors["rows"], tensors["term_ends"].astype(np.int64), artifact.manifest.rows):
        raise _damaged(artifact, KEYWORDS_FILE, "has terms whose rows don't rise within the corpus")
    words, bounds = tensors["words"].tobytes(), tensors["word_ends"].tolist()
    crcs = [binascii.crc32(words[start:end]) for start, end in pairwise(bounds)]
    if crcs != sorted(crcs) or crcs != tensors["word_crc32"].tolist():
        raise _damaged(artifact, KEYWORDS_FILE, "has words that aren't in the order of their checksums")


def _rise(rows: NDArray[np.int32], ends: NDArray[np.int64], count: int) -> bool:
    """Tells whether each term has rows, which rise from 0 to below `count`; term i has rows[ends[i]:ends[i + 1]]."""
    if not (ends[1:] > ends[:-1]).all() or rows.min(initial=0) < 0 or rows.max(initial=0) >= count:
        return False
    # Compared and not subtracted: a large corpus has hundreds of MB of rows.
    rises = rows[1:] > rows[:-1]
    # From one term to the next they may fall.
    rises[ends[1:-1] - 1] = True
    return bool(rises.all())


def _check_columns(columns: Columns) -> None:
    for name in columns.types:
        column = columns.column(name)
        if isinstance(column, Numbers):
            continue
        value, counts = column.counted()
        try:
            rise = all(before < after for before, after in pairwise(map(value, range(len(counts)))))
        except UnicodeDecodeError:
            rise = False
        if not rise:
            raise ArtifactError(
                f"{COLUMNS_FILE} has values of {name!a:.80} that aren't UTF-8, or don't rise: {REMEDY}"
            )


def _check_wordpieces(artifact: Artifact, searcher: Searcher) -> None:
    tokenizer = searcher.encoder.tokenizer.whole
    for text in sample_texts(artifact.directory, TEXTS):
        text = text[:MOST_CHARACTERS]
        ours, theirs = tokenizer.encode(text), tokenizer.library.encode(text)
        if (ours.ids, bool(ours.overflowing)) != (theirs.ids, bool(theirs.overflowing)):
            raise _damaged(artifact, WORDPIECES_FILE, "gives other tokens than tokenizer.json")


def _damaged(artifact: Artifact, name: str, what: str) -> ArtifactError:
    return ArtifactError(f"{artifact.path(name)} {what}: {REMEDY}")
