"""Times search with a filter by how many documents pass, beside the same search without one: all three modes.

    python -m benchmarks.filters build/artifact [ARTIFACT ...] [--resampled 250000] [--out docs/filters.svg] [--quick]

One thread on one core. A filtered search begins with the mask of the documents that pass, which a filter gives, and ends with
the 10 best rows. The documents that pass are drawn at random, or are neighbours in the corpus. Queries are 2 to 6 words cut
from the corpus's texts; their vectors are ready. A search without a filter takes its turn among the others.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.hybrid_corpora import HybridCorpus, read_corpus, resample
from benchmarks.options import make_parser, numbers, results_file
from benchmarks.plots import draw_selectivity
from benchmarks.record import save
from benchmarks.timing import Plan, has_threads, run_again, time_blocks
from handler.manifest import MODES
from handler.postings import SHARE
from handler.ranking import Query, rank
from handler.searcher import Searcher

K = 10
QUERIES = 200
ALL = "no filter"
# Shares of the documents that pass; 0 stands for a single document.
SHARES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
Timings = dict[str, dict[str, Any]]
Mask = NDArray[np.bool_]


def main() -> None:
    """Measures every corpus, prints, draws and keeps its figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifacts", nargs="+", type=Path, metavar="ARTIFACT")
    parser.add_argument("--resampled", type=numbers, default=[], metavar="SIZES", help="e.g. 250000")
    parser.add_argument("--out", type=Path, metavar="FILE", help="draws the times by selectivity, as SVG")
    options = parser.parse_args()
    if not has_threads(1):
        run_again("benchmarks.filters", 1, sys.argv[1:])
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    plan = Plan.chosen(options.quick, timed=100)
    searchers = [Searcher.load(artifact) for artifact in options.artifacts]
    pairs = zip(options.artifacts, searchers, strict=True)
    corpora = [read_corpus(artifact, searcher, QUERIES) for artifact, searcher in pairs]
    every = []
    with tempfile.TemporaryDirectory() as name:
        resampled = (
            resample(corpora, searchers[0], size, Path(name) / str(size)) for size in options.resampled
        )
        for corpus in itertools.chain(corpora, resampled):
            figures = measure(corpus, plan)
            print(as_table(figures), flush=True)
            save(results_file(options), f"filters: {corpus.name}, {figures['documents']} documents", figures)
            every.append(figures)
    if options.out:
        draw_selectivity(every, options.out)


def measure(corpus: HybridCorpus, plan: Plan) -> dict[str, Any]:
    """Returns the milliseconds of a search by its mode and by what passes."""
    count = len(corpus.rows)
    return {
        "corpus": corpus.name,
        "documents": count,
        "k": K,
        "modes": {mode: time_blocks(_searches(corpus, mode, masks(count)), plan) for mode in MODES},
    }


def masks(count: int) -> dict[str, Mask | None]:
    """Returns which documents pass, by a name such as "10 % at random"."""
    random = np.random.default_rng(0)
    made: dict[str, Mask | None] = {ALL: None}
    for share in SHARES:
        passing = max(1, round(share * count))
        begin = int(random.integers(0, count - passing + 1))
        name = f"{share:.1%}" if share else "1 document"
        for kind, chosen in (
            ("at random", random.choice(count, passing, replace=False)),
            ("neighbours", np.arange(begin, begin + passing)),
        ):
            mask = np.zeros(count, np.bool_)
            mask[chosen] = True
            made[f"{name}, {kind}"] = mask
    return made


def _searches(
    corpus: HybridCorpus, mode: str, chosen: Mapping[str, Mask | None]
) -> dict[str, Callable[[], object]]:
    def search(mask: Mask | None) -> Callable[[], object]:
        upcoming = itertools.cycle(corpus.questions)

        def one() -> object:
            question = next(upcoming)
            # Looked up anew, so that nothing is remembered from the search before.
            keywords = None if mode == "semantic" else corpus.keywords.query(question.text)
            embedding = None if mode == "keyword" else question.vector[0]
            return rank(corpus.index, None, [Query(embedding, keywords, SHARE)], K, mask)

        return one

    return {name: search(mask) for name, mask in chosen.items()}


def as_table(figures: Mapping[str, Any]) -> str:
    """Returns Markdown: milliseconds, and each time as a share of the time without a filter."""
    modes: Mapping[str, Timings] = figures["modes"]
    lines = [
        f"\n| {figures['corpus']}, {figures['documents']:,} documents; what passes | "
        + " | ".join(f"{mode}, ms | of {ALL}" for mode in modes)
        + " |",
        "|---" * (1 + 2 * len(modes)) + "|",
    ]
    for name in next(iter(modes.values())):
        cells = []
        for timings in modes.values():
            took = timings[name]["median"]
            cells += [f"{took:.3f}", f"{took / timings[ALL]['median']:.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
