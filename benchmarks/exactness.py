"""Counts ids that differ from those of a full product in float64 and a stable sort, and compares their scores.

    python -m benchmarks.exactness build/artifact [--queries 2000] [--sizes 20000] [--json FILE]

Queries are 2 to 6 words cut from the artifact's own texts. The index scores in float32, so ids may differ where two
scores differ by less than float32 can show. Nothing is timed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.artifacts import float32_rows, load_embeddings, open_index, write_scan_of
from benchmarks.fusion import best_rows
from benchmarks.options import make_parser, numbers, results_file, sizes_of
from benchmarks.record import save
from benchmarks.search import ON_SUBJECT, QUICK_QUERIES, encode_queries
from handler.index import Index

F32 = NDArray[np.float32]
# Of the rows seen so far the oracle keeps this many times k, so that no row of equal score is lost.
KEPT = 4
ROWS_AT_ONCE, QUERIES_AT_ONCE = 16384, 1024


def main() -> None:
    """Compares the ids, and prints and keeps the differences."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--sizes", type=numbers, help="rows to search (default: all)")
    parser.add_argument("--k", type=int, default=10)
    options = parser.parse_args()
    count = QUICK_QUERIES if options.quick else options.queries
    queries = encode_queries(options.artifact, None, count)[ON_SUBJECT]
    rows = float32_rows(options.artifact)
    for size in sizes_of(options.sizes, len(rows)):
        figures = compare(rows[:size], queries, options.k)
        print(
            f"{size:,} rows: {figures['ids that differ']} of {figures['ids']:,} ids differ from float64's, "
            f"greatest gap between their scores {figures['greatest gap']:.1e}"
        )
        save(results_file(options), f"exactness: {size} rows", figures)


def compare(rows: F32, queries: F32, k: int) -> dict[str, Any]:
    """Returns how many ids of the k best rows differ, and the greatest gap between the float64 scores of two such rows."""
    with tempfile.TemporaryDirectory() as name:
        write_scan_of(rows, Path(name))
        ids = open_index(rows, Path(name)).search(queries, k).ids
    return compare_ids(ids, rows, queries)


def compare_ids(ids: NDArray[np.int64], rows: F32, queries: F32) -> dict[str, Any]:
    """Returns the same for ids that were found. (q, k) int64, (n, dim) float32, (q, dim) float32."""
    best_ids, best = sort_in_float64(rows, queries, ids.shape[1])
    queries_at, ranks = np.nonzero(ids != best_ids)
    found = rows[ids[queries_at, ranks]].astype(np.float64)
    gaps = np.abs(np.vecdot(queries[queries_at].astype(np.float64), found) - best[queries_at, ranks])
    return {
        "queries": len(queries),
        "ids": ids.size,
        "ids that differ": len(gaps),
        "greatest gap": float(gaps.max()) if len(gaps) else 0.0,
    }


def compare_stored(artifact: Path, index: Index, queries: F32, k: int) -> dict[str, Any]:
    """Returns how many ids of an artifact's own search aren't those of two full sorts of every stored row.

    "float32" sorts the scores that docs/exact-search.md defines, so no id may differ. "float64" sorts those of the decoded
    rows: ids may differ where two scores differ by less than float32 can show. "greatest gap" is of float64's.
    """
    embeddings, rows = load_embeddings(artifact), float32_rows(artifact)
    counts: dict[str, Any] = {
        "queries": len(queries),
        "ids": 0,
        "float32": 0,
        "float64": 0,
        "greatest gap": 0.0,
    }
    parts = [queries[start : start + QUERIES_AT_ONCE] for start in range(0, len(queries), QUERIES_AT_ONCE)]
    for asked in tqdm(
        parts, desc=f"ids, {embeddings.rows.dtype}", file=sys.stderr, leave=False, disable=None
    ):
        # One by one, as a function is asked.
        ids = np.concatenate([index.search(query[None], k).ids for query in asked])
        best = np.stack([best_rows(scores, k) for scores in embeddings.all_scores(asked)])
        compared = compare_ids(ids, rows, asked)
        counts["ids"] += ids.size
        counts["float32"] += int((ids != best).sum())
        counts["float64"] += compared["ids that differ"]
        counts["greatest gap"] = max(counts["greatest gap"], compared["greatest gap"])
    return counts


def sort_in_float64(rows: F32, queries: F32, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the ids and scores of the k best rows, equal scores by lower id. Both are (q, k)."""
    kept_ids, kept = np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE].astype(np.float64)
        ids, scores = _best_of_part(part, queries, KEPT * k)
        kept_ids = np.concatenate([kept_ids, ids + start], axis=1)
        kept = np.concatenate([kept, scores], axis=1)
        order = np.lexsort((kept_ids, -kept), axis=1)[:, : KEPT * k]
        kept_ids, kept = np.take_along_axis(kept_ids, order, axis=1), np.take_along_axis(kept, order, axis=1)
    return kept_ids[:, :k], kept[:, :k]


def _best_of_part(
    part: NDArray[np.float64], queries: F32, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    every_id, every_score = [], []
    for low in range(0, len(queries), QUERIES_AT_ONCE):
        asked = queries[low : low + QUERIES_AT_ONCE].astype(np.float64)
        scores = asked @ part.T
        ids = np.argpartition(-scores, min(count, len(part)) - 1, axis=1)[:, :count]
        every_id.append(ids)
        # Scored again one by one: a matrix product gives equal rows scores that differ in their last bits.
        every_score += [np.vecdot(part[row], query) for row, query in zip(ids, asked, strict=True)]
    return np.concatenate(every_id), np.stack(every_score)


if __name__ == "__main__":
    main()
