"""The part of benchmarks.processors that runs on each processor: encodes texts, and compares ids with a full sort's.

It can use only the function's own packages, numpy among them. It writes vectors.npy, (n, dim) float32, and found.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import full_sort
from benchmarks.artifacts import load_embeddings, open_index
from benchmarks.full_sort import Asked, total
from handler.index import Index
from handler.scores import Embeddings
from handler.searcher import Searcher

F32 = NDArray[np.float32]
K = 10


def main() -> None:
    """Does the task in the folder that is the only argument."""
    folder = Path(sys.argv[1])
    task = json.loads((folder / "task.json").read_text())
    artifact = Path(task["artifact"])
    searcher = Searcher.load(artifact)
    vectors = searcher.encoder.encode(task["texts"])
    np.save(folder / "vectors.npy", vectors)
    asked = vectors[: task["searches"]]
    differ, ids = count_wrong(searcher.local.index, load_embeddings(artifact), asked), len(asked) * K
    for corpus in sorted((folder / "hostile").iterdir()):
        rows, queries = np.load(corpus / "rows.npy"), np.load(corpus / "queries.npy")
        differ += count_wrong(open_index(rows, corpus), Embeddings(rows), queries)
        ids += len(queries) * K
    hybrid_ids, hybrid_differ = count_wrong_hybrid(searcher, artifact, task["texts"], asked)
    found = {"ids": ids, "differ": differ, "hybrid ids": hybrid_ids, "hybrid differ": hybrid_differ}
    (folder / "found.json").write_text(json.dumps(found))


def count_wrong(index: Index, embeddings: Embeddings, queries: F32) -> int:
    """Returns how many ids of a search aren't those of a full sort of this processor's own scores."""
    found = index.search(queries, K).ids
    return int((found != (-embeddings.all_scores(queries)).argsort(axis=1, kind="stable")[:, :K]).sum())


def count_wrong_hybrid(
    searcher: Searcher, artifact: Path, texts: Sequence[str], vectors: F32
) -> Sequence[int]:
    """Returns the same of hybrid search, over several shares: ids, and ids that differ. None without keywords."""
    if searcher.local.keywords is None:
        return 0, 0
    # There may be fewer vectors than texts.
    queries = [
        Asked(vector, searcher.local.keywords.query(text))
        for text, vector in zip(texts, vectors, strict=False)
    ]
    return total(full_sort.count_wrong(searcher.local.index, load_embeddings(artifact), queries, K))


if __name__ == "__main__":
    main()
