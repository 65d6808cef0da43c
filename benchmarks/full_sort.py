"""Compares ids of hybrid search with those of a full sort of every row's score.

It can use only the function's own packages, since it runs on emulated processors too. It draws no queries.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.fusion import best_rows
from handler.index import Index
from handler.postings import KeywordQuery
from handler.scores import Embeddings

F32 = NDArray[np.float32]
RANDOM = "random"
# The keywords' shares that are compared; None is a random one for each query.
SHARES: Mapping[str, float | None] = {"0": 0.0, "0.3": 0.3, "0.5": 0.5, "1": 1.0, RANDOM: None}


@dataclass(frozen=True, slots=True)
class Asked:
    """A query's vector, (dim,) float32, and its keywords; None where it has no known word."""

    vector: F32
    keywords: KeywordQuery | None


def count_wrong(
    index: Index, embeddings: Embeddings, queries: Iterable[Asked], k: int
) -> dict[str, dict[str, int]]:
    """Returns by share how many ids were found, and how many aren't those of a full sort.

    Args:
        index: what is searched.
        embeddings: its embeddings.
        queries: the queries, one after another.
        k: ids to find for each query.
    """
    # Not numpy's: the layer has no numpy.random.
    chooser = random.Random(0)
    counts = {name: {"ids": 0, "ids that differ": 0} for name in SHARES}
    for query in queries:
        cosines = embeddings.all_scores(query.vector[None])[0]
        words = None if query.keywords is None else query.keywords.all_scores()
        for name, fixed in SHARES.items():
            share = chooser.random() if fixed is None else fixed
            found = index.search(query.vector[None], k, [query.keywords], share).ids[0]
            counts[name]["ids"] += len(found)
            counts[name]["ids that differ"] += int((found != sort_rows(cosines, words, share, k)).sum())
    return counts


def sort_rows(cosines: F32, words: F32 | None, share: float, k: int) -> NDArray[np.int64]:
    """Returns the k best rows by (1 - share) * cosine + share * keyword part, each (n,) float32; words may be missing."""
    if words is None:
        return best_rows(cosines, k)
    return best_rows(np.float32(1 - share) * cosines + np.float32(share) * words, k)


def total(counts: Mapping[str, Mapping[str, int]]) -> Sequence[int]:
    """Returns the numbers of ids and of ids that differ, over all shares."""
    return [sum(row[name] for row in counts.values()) for name in ("ids", "ids that differ")]
