"""Measures how many of the best rows the approximate index finds, and chooses ef_search.

The queries are vectors of rows drawn at random, each left out of its own answer: a corpus has no other queries at hand.
The truth is every row's score from the artifact's own embeddings. A found row counts where its score reaches the k-th best,
so that of equal rows any may be found.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.publish.session import Session
from export.publish.tables import quoted
from export.publish.truth import kth_scores
from handler.postgres.layout import vector_text
from handler.scores import Embeddings

K = 10
QUERIES = 200
EF_SEARCH = (40, 100, 200, 400)
# Scores of the same rows by matrix products of different shapes differ by less.
_ROUNDING = 1e-6


class Measured(NamedTuple):
    """What one ef_search gives: recall, 0 to 1, and the median time of a query in ms, with the way to the server."""

    ef_search: int
    recall: float
    ms: float


class Recall(NamedTuple):
    """All that was measured, and what was chosen. `measured` is empty where there is only one row."""

    measured: list[Measured]
    k: int
    queries: int
    chosen: Measured | None


def measure(
    session: Session,
    embeddings: Embeddings,
    schema: str,
    vector_schema: str,
    wanted: float,
    seed: str,
    *,
    queries: int = QUERIES,
) -> Recall:
    """Measures every ef_search of EF_SEARCH, and chooses the least whose recall is `wanted`, else the best."""
    k = min(K, embeddings.count - 1)
    if k < 1:
        return Recall([], 0, 0, None)
    rows = np.array(
        sorted(random.Random(seed).sample(range(embeddings.count), min(queries, embeddings.count)))
    )
    vectors = embeddings.take(rows)
    least = kth_scores(embeddings, rows, vectors, k)
    measured = []
    with session.transaction():
        # A small table would be scanned, and it is the index that is measured.
        session.run("SET LOCAL enable_seqscan = off")
        for ef_search in EF_SEARCH:
            session.run(f"SET LOCAL hnsw.ef_search = {ef_search}")
            measured.append(
                _measure(session, embeddings, schema, vector_schema, ef_search, rows, vectors, least, k)
            )
    good = [one for one in measured if one.recall >= wanted]
    chosen = good[0] if good else max(measured, key=lambda one: (one.recall, -one.ef_search))
    return Recall(measured, k, len(rows), chosen)


def _measure(
    session: Session,
    embeddings: Embeddings,
    schema: str,
    vector_schema: str,
    ef_search: int,
    rows: NDArray[np.int64],
    vectors: NDArray[np.float32],
    least: NDArray[np.float32],
    k: int,
) -> Measured:
    types = quoted(vector_schema)
    sql = (
        f"SELECT row FROM {schema}.rows ORDER BY embedding OPERATOR({types}.<#>) CAST(:query AS {types}.halfvec) "
        f"LIMIT {k + 1}"
    )
    found, times = 0, []
    for row, vector, score in zip(rows.tolist(), vectors, least.tolist(), strict=True):
        query = vector_text(vector.astype(np.float16))
        started = time.perf_counter()
        answer = session.run(sql, query=query)
        times.append(1000 * (time.perf_counter() - started))
        others = np.array([number for (number,) in answer if number != row][:k], np.int64)
        found += int((embeddings.scores(others, vector) >= score - _ROUNDING).sum()) if len(others) else 0
    return Measured(ef_search, found / (k * len(rows)), statistics.median(times))
