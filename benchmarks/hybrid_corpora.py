"""The corpora of benchmarks.hybrid: an artifact whole, or a larger corpus made from the rows and texts of several.

A resampled row is a stored vector with noise, and its text the words of that row's text, some of them replaced by words of
another. So the terms have real frequencies, but the rows have no meaning: such a corpus serves to measure time alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import float32_rows, open_scan
from export.build.sample import cut_queries
from export.build.vectors import DEFAULT_DTYPE, write_embeddings
from export.build.write_keywords import write_keywords
from export.build.write_scan import write_scan
from handler.artifact import EMBEDDINGS_FILE
from handler.index import Index
from handler.keywords import Keywords
from handler.scores import Embeddings
from handler.searcher import Searcher
from handler.terms import analyzer

F32 = NDArray[np.float32]
# The noise's length, beside a vector's length of 1.
NOISE = 0.3
# The share of a resampled text's words that come from another text.
REPLACED = 0.25
_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Question:
    """A query in words and its vector, (1, dim) float32."""

    text: str
    vector: F32


@dataclass(frozen=True, slots=True)
class HybridCorpus:
    """A corpus, ready to be searched by us and to be given to a peer."""

    name: str
    index: Index
    keywords: Keywords
    rows: F32  # (n, dim)
    texts: list[str]
    questions: list[Question]


def read_corpus(artifact: Path, searcher: Searcher, questions: int) -> HybridCorpus:
    """Returns an artifact's corpus, with queries of 2 to 6 words cut from its texts.

    Raises SystemExit where it has no keywords, or passages: the peers get a text for each row.
    """
    if searcher.local.keywords is None:
        raise SystemExit(f"error: {artifact} has no keywords: export it again without --no-keywords")
    if searcher.local.passages is not None:
        raise SystemExit(f"error: {artifact} has passages: export it again without --passages")
    texts = [searcher.local.documents[row].text for row in range(len(searcher.local.documents))]
    return HybridCorpus(
        artifact.resolve().name,
        searcher.local.index,
        searcher.local.keywords,
        np.ascontiguousarray(float32_rows(artifact)),
        texts,
        _ask(searcher, cut_queries(texts, questions)),
    )


def resample(corpora: Sequence[HybridCorpus], searcher: Searcher, count: int, folder: Path) -> HybridCorpus:
    """Writes a corpus of `count` rows drawn from others into a folder, as an export stores it, and opens it."""
    random = np.random.default_rng(0)
    rows = np.concatenate([corpus.rows for corpus in corpora])
    texts = [text for corpus in corpora for text in corpus.texts]
    drawn = random.integers(0, len(rows), count)
    made = [
        _mix(texts[first], texts[second], random)
        for first, second in zip(drawn, random.permutation(drawn), strict=True)
    ]
    dim = rows.shape[1]
    folder.mkdir(parents=True, exist_ok=True)
    write_embeddings(folder / EMBEDDINGS_FILE, _noisy(rows, drawn, random), count, dim, DEFAULT_DTYPE)
    embeddings = Embeddings.load(folder, count, dim)
    write_scan(embeddings, folder)
    assert searcher.manifest.keywords is not None
    analyze = analyzer(searcher.manifest.keywords["terms"], searcher.encoder.tokenizer.whole)
    write_keywords(made, folder, analyze)
    values = embeddings.values(0, count).astype(np.float32)
    return HybridCorpus(
        "resampled",
        Index(embeddings, open_scan(values, folder)),
        Keywords.load(folder, count, lambda: analyze),
        values,
        made,
        _ask(searcher, cut_queries(made, len(corpora[0].questions))),
    )


def _ask(searcher: Searcher, texts: Sequence[str]) -> list[Question]:
    vectors = searcher.encoder.encode(texts, searcher.manifest.query_prompt)
    return [Question(text, vector[None]) for text, vector in zip(texts, vectors, strict=True)]


def _mix(text: str, other: str, random: np.random.Generator) -> str:
    words, others = text.split(), other.split()
    return " ".join(
        others[int(random.integers(len(others)))] if others and random.random() < REPLACED else word
        for word in words
    )


def _noisy(rows: F32, drawn: NDArray[np.int64], random: np.random.Generator) -> Iterator[F32]:
    scale = np.float32(NOISE / np.sqrt(rows.shape[1]))
    for start in range(0, len(drawn), _CHUNK):
        chunk = rows[drawn[start : start + _CHUNK]]
        chunk = chunk + scale * random.standard_normal(chunk.shape, np.float32)
        yield chunk / np.linalg.norm(chunk, axis=1, keepdims=True)
