"""Exports a retrieval set once with each dtype, asks its queries, and scores the answers.

Every ranking is Searcher.search's own. The artifacts are kept, so a text is embedded once: the export with float32
embeds it, and the others take over its vectors. This module prints and times nothing.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import seeklet
from benchmarks.datasets import Retrieval, first_of
from benchmarks.scoring import score_ranking
from export.build.vectors import DEFAULT_DTYPE
from handler.encoder import Encoder
from handler.searcher import Searcher

F32 = NDArray[np.float32]
TOP = 10
# float32's is made first: the others take over its vectors.
EXACT, DTYPES = "float32", ("float32", "float16", "int8")
QUICK_DOCUMENTS = 100


class Encoded:
    """Answers `encode` from vectors that were made before: each query is asked in many ways, and encoded once."""

    def __init__(self, texts: Sequence[str], vectors: F32) -> None:
        """Takes n texts and their vectors, (n, dim) float32."""
        self._rows = {text: row for row, text in enumerate(texts)}
        self._vectors = vectors

    def encode(self, texts: Sequence[str], _prompt: str = "", _clock: object = None) -> F32:
        """Returns the vectors of texts. n texts -> (n, dim) float32."""
        return self._vectors[[self._rows[text] for text in texts]]


def export_all(
    data: Retrieval, folder: Path, threads: int | None, quick: bool = False
) -> tuple[Retrieval, dict[str, Path]]:
    """Exports a set once with each dtype, all of the same vectors; returns the set and the artifacts by dtype.

    Args:
        data: the set.
        folder: where its artifacts are kept.
        threads: texts to embed at once; None for one on each CPU.
        quick: whether only the first documents are exported, into another folder; the set that is returned has no others.
    """
    if quick:
        data, folder = first_of(data, QUICK_DOCUMENTS), folder.with_name(f"{folder.name}-quick")
    folder.mkdir(parents=True, exist_ok=True)
    corpus = folder / "corpus.jsonl"
    rows = ({"id": name, "text": text} for name, text in zip(data.ids, data.documents, strict=True))
    corpus.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    artifacts = {dtype: folder / dtype for dtype in DTYPES}
    for dtype, artifact in artifacts.items():
        if not artifact.exists() and dtype != EXACT:
            shutil.copytree(artifacts[EXACT], artifact)
        # Without the comparison with fp32, which decides no answer. The default dtype isn't named.
        seeklet.export(
            corpus,
            artifact,
            text=["text"],
            id="id",
            dtype=None if dtype == DEFAULT_DTYPE else dtype,
            threads=threads,
            check=False,
            progress=sys.stderr.isatty(),
        )
    return data, artifacts


def with_encoded(searcher: Searcher, data: Retrieval, vectors: F32) -> Searcher:
    """Returns a searcher of the same corpus that looks the queries' vectors up. (queries, dim) float32."""
    return Searcher(cast(Encoder, Encoded(data.queries, vectors)), searcher.engine)


def ask(searcher: Searcher, data: Retrieval, **how: Any) -> list[list[str]]:
    """Returns the ids of each query's best documents; `how` is Searcher.search's."""
    return [
        [hit.id for hit in searcher.search(query, TOP, **how)]
        for query in tqdm(data.queries, desc=str(how), file=sys.stderr, leave=False, disable=None)
    ]


def score(found: Sequence[Sequence[str]], data: Retrieval) -> dict[str, Mapping[str, float]]:
    """Returns nDCG@10 of the ids that were found for each query."""
    rows = {name: row for row, name in enumerate(data.ids)}
    ranking = [np.array([rows[name] for name in names], np.int64) for names in found]
    return {"ndcg@10": score_ranking(ranking, data)["ndcg@10"]}


def overlap(wanted: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """Returns the share of the wanted ids that were found, over all queries."""
    common = sum(len({*some} & {*others}) for some, others in zip(wanted, found, strict=True))
    return common / max(1, sum(len(some) for some in wanted))
