"""Counts, for each query, the rows that need an exact score, and draws the counts. Nothing is timed.

    python -m benchmarks.survivors build/short --sizes 20000,250000,1000000 [--plot docs/exact-search.svg]

Queries are 2 to 6 words cut from the artifact's own texts, and from --off's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import float32_rows, open_scan, write_scan_of
from benchmarks.options import make_parser, numbers, results_file, sizes_of
from benchmarks.record import save
from benchmarks.search import QUICK_QUERIES, encode_queries
from handler.index import Index
from handler.scores import Embeddings

F32 = NDArray[np.float32]
Ids = NDArray[np.int64]
QUERIES = 1000
PERCENTILES = (50, 90, 99, 100)


def main() -> None:
    """Counts, prints, keeps and draws the survivors."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument(
        "--off", type=Path, metavar="TEXTS", help="a corpus of another subject, for its words"
    )
    parser.add_argument("--sizes", type=numbers, help="rows to search (default: all)")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--plot", type=Path, metavar="FILE", help=".svg or .png; needs matplotlib")
    options = parser.parse_args()
    queries = encode_queries(options.artifact, options.off, QUICK_QUERIES if options.quick else QUERIES)
    rows = float32_rows(options.artifact)
    drawn = {}
    for size in sizes_of(options.sizes, len(rows)):
        figures: dict[str, dict[str, Any]] = {}
        for source, asked in queries.items():
            counts = drawn[f"{size:,} rows, {source}"] = count_survivors(rows[:size], asked, options.k)
            figures[source] = {f"{p}%": int(np.percentile(counts, p)) for p in PERCENTILES}
            print(f"{size:,} rows, {source}: {figures[source]}", flush=True)
        save(results_file(options), f"survivors: {size} rows", figures)
    if options.plot:
        draw(drawn, options.plot)


class CountingEmbeddings(Embeddings):
    """Embeddings that count the rows which are scored for each query."""

    counts: list[int]

    def scores(self, ids: Ids, query: F32) -> F32:
        """Scores some rows, as Embeddings does."""
        self.counts.append(len(ids))
        return super().scores(ids, query)


def count_survivors(rows: F32, queries: F32, k: int) -> Ids:
    """Returns each query's number of rows that need an exact score; all rows where too many survive."""
    survivors = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scan_of(rows, folder)
        counting = CountingEmbeddings(rows)
        index = Index(counting, open_scan(rows, folder))
        for query in queries:
            counting.counts = []
            index.search(query[None], k)
            # The first count is that of the candidates, the second that of the survivors.
            survivors.append(counting.counts[1] if len(counting.counts) > 1 else len(rows))
    return np.array(survivors)


def draw(drawn: dict[str, Ids], path: Path) -> None:
    """Draws the share of queries by number of survivors; the same figures give the same bytes."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    figure, axes = plt.subplots(figsize=(7, 4))
    for title, counts in drawn.items():
        share = 100 * np.arange(1, len(counts) + 1) / len(counts)
        axes.step(np.sort(counts), share, where="post", label=f"{title} (median {int(np.median(counts))})")
    axes.set(xscale="log", ylim=(0, 101))
    axes.set(xlabel="rows that need an exact score", ylabel="share of queries (%)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
