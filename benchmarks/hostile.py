"""Times searches where the scan's bound can't help, and scoring every row with plain numpy.

    python -m benchmarks.hostile [--sizes 3000,20000] [--dim 384] [--quick] [--json FILE]

Both find the top 10 on one thread, and take turns. Where the rows' bounds are too much alike, the search scores every
row after the scan. The ratio then says what the useless scan costs.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import open_index, write_scan_of
from benchmarks.hostile_corpora import hostile_queries, make_hostile
from benchmarks.options import make_parser, numbers, results_file
from benchmarks.record import save
from benchmarks.timing import Plan, has_threads, ratio_by_round, run_again, time_blocks

F32 = NDArray[np.float32]
K = 10
OURS, NUMPY = "seeklet", "numpy"


def main() -> None:
    """Measures, prints and keeps each corpus's figures."""
    parser = make_parser(__doc__)
    parser.add_argument("--sizes", type=numbers, default=[3000, 20000], help="rows (default: 3000,20000)")
    parser.add_argument("--dim", type=int, default=384)
    options = parser.parse_args()
    if not has_threads(1):
        run_again("benchmarks.hostile", 1, sys.argv[1:])
        return
    for rows in options.sizes[:1] if options.quick else options.sizes:
        figures = measure(rows, options.dim, Plan.chosen(options.quick))
        print(f"\n| {rows:,} rows of {options.dim} | seeklet, ms | numpy, ms | ratio |\n|---|---|---|---|")
        for name, row in figures.items():
            ours, theirs, ratio = (row[key]["median"] for key in (OURS, NUMPY, "ratio"))
            print(f"| {name} | {ours:.3f} | {theirs:.3f} | {ratio:.2f} |", flush=True)
        save(
            results_file(options),
            f"hostile: {rows} rows",
            {"rows": rows, "dim": options.dim, "corpora": figures},
        )


def measure(rows: int, dim: int, plan: Plan) -> dict[str, dict[str, Any]]:
    """Returns for each corpus the milliseconds of both, and the spread of the rounds' ratios."""
    figures = {}
    for name, corpus in make_hostile(rows, dim):
        with tempfile.TemporaryDirectory() as folder:
            write_scan_of(corpus, Path(folder))
            index = open_index(corpus, Path(folder))
            calls = {
                OURS: _in_turn(partial(index.search, k=K), corpus),
                NUMPY: _in_turn(partial(score_every_row, corpus), corpus),
            }
            taken = time_blocks(calls, plan)
        figures[name] = taken | {"ratio": ratio_by_round(taken[OURS], taken[NUMPY])}
    return figures


def score_every_row(rows: F32, query: F32) -> NDArray[np.int64]:
    """Returns the ids of the K best rows by one product and a partition, as plain numpy does it."""
    scores = rows @ query[0]
    best = np.argpartition(-scores, K)[:K]
    ids: NDArray[np.int64] = best[np.argsort(-scores[best], kind="stable")]
    return ids


def _in_turn(search: Callable[[F32], object], corpus: F32) -> Callable[[], object]:
    upcoming = itertools.cycle(hostile_queries(corpus)[:, None])
    return lambda: search(next(upcoming))


if __name__ == "__main__":
    main()
