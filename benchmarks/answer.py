"""The part of benchmarks.processors that runs on each processor: encodes texts, and compares ids with a full sort's.

It can use only the function's own packages, numpy among them. It writes vectors.npy, (n, dim) float32, and found.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import load_embeddings, open_index
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
    differ, ids = count_wrong(searcher.index, load_embeddings(artifact), asked), len(asked) * K
    for corpus in sorted((folder / "hostile").iterdir()):
        rows, queries = np.load(corpus / "rows.npy"), np.load(corpus / "queries.npy")
        differ += count_wrong(open_index(rows, corpus), Embeddings(rows), queries)
        ids += len(queries) * K
    (folder / "found.json").write_text(json.dumps({"ids": ids, "differ": differ}))


def count_wrong(index: Index, embeddings: Embeddings, queries: F32) -> int:
    """Returns how many ids of a search aren't those of a full sort of this processor's own scores."""
    found = index.search(queries, K).ids
    return int((found != (-embeddings.all_scores(queries)).argsort(axis=1, kind="stable")[:, :K]).sum())


if __name__ == "__main__":
    main()
