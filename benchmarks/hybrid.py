"""Times search by vectors and keywords, by us and by other libraries: the search alone, and an event to its response.

    python -m benchmarks.hybrid build/artifact build/headlines [--resampled 250000] [--quick] [--json FILE]

One thread on one core. Queries are 2 to 6 words cut from the corpus's own texts. A search gets the query's words and its
vector; what it costs to make the vector is part of the event alone. --resampled makes larger corpora of the artifacts'
rows and texts (benchmarks.hybrid_corpora says how), and measures only the search in them. benchmarks.hybrid_exactness
compares the ids with a full sort's.
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

from benchmarks.hybrid_corpora import HybridCorpus, Question, read_corpus, resample
from benchmarks.hybrid_peers import DISTRIBUTIONS, Search, make_handler, make_peers
from benchmarks.options import make_parser, numbers, results_file
from benchmarks.record import save
from benchmarks.sample_events import answer_in_turn, make_event
from benchmarks.timing import Plan, has_threads, run_again, time_blocks
from handler.function import Function
from handler.postings import SHARE
from handler.searcher import Searcher
from handler.settings import Settings

Ids = NDArray[np.int64]
Timings = dict[str, dict[str, Any]]
OURS, VECTORS, EVERY_ROW = "seeklet", "seeklet, vectors alone", "numpy, every row"
MATCHES = "seeklet, with matches"
QUERIES, QUICK_QUERIES = 500, 20
# Short calls: a p99 needs many.
TIMED = 200


def main() -> None:
    """Measures every corpus, and prints and keeps its figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifacts", nargs="+", type=Path, metavar="ARTIFACT")
    parser.add_argument("--resampled", type=numbers, default=[], metavar="SIZES", help="e.g. 250000")
    parser.add_argument("--k", type=int, default=10, help="rows to find (default: 10)")
    options = parser.parse_args()
    if not has_threads(1):
        run_again("benchmarks.hybrid", 1, sys.argv[1:])
        return
    if hasattr(os, "sched_setaffinity"):
        # Libraries that count the cores, LanceDB among them, then have one thread too.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    plan = Plan.chosen(options.quick, timed=TIMED)
    searchers = [Searcher.load(artifact) for artifact in options.artifacts]
    corpora = [
        read_corpus(artifact, searcher, QUICK_QUERIES if options.quick else QUERIES)
        for artifact, searcher in zip(options.artifacts, searchers, strict=True)
    ]
    with tempfile.TemporaryDirectory() as name:
        for artifact, searcher, corpus in zip(options.artifacts, searchers, corpora, strict=True):
            keep(options, measure(corpus, options.k, plan, Path(name) / corpus.name, artifact, searcher))
        for size in options.resampled:
            folder = Path(name) / str(size)
            keep(options, measure(resample(corpora, searchers[0], size, folder), options.k, plan, folder))


def keep(options: Any, figures: dict[str, Any]) -> None:
    """Prints and keeps a corpus's figures."""
    print(as_table(figures), flush=True)
    section = f"hybrid: {figures['corpus']}, {figures['documents']} documents"
    save(results_file(options), section, figures, packages=DISTRIBUTIONS)


def measure(
    corpus: HybridCorpus,
    k: int,
    plan: Plan,
    folder: Path,
    artifact: Path | None = None,
    searcher: Searcher | None = None,
) -> dict[str, Any]:
    """Returns milliseconds of a search, and of an event where an artifact and its searcher are given."""
    share = SHARE
    if searcher is not None and searcher.manifest.keywords is not None:
        share = float(searcher.manifest.keywords["share"])
    peers = dict(make_peers(corpus, share, k, folder / "lance"))
    searches = {**make_ours(corpus, share, k), **peers}
    figures: dict[str, Any] = {
        "corpus": corpus.name,
        "documents": len(corpus.texts),
        "k": k,
        "share": share,
        "search": time_blocks({name: _in_turn(search, corpus) for name, search in searches.items()}, plan),
    }
    if artifact is not None and searcher is not None:
        figures["events"] = measure_events(corpus, peers, plan, artifact, searcher)
    return figures


def make_ours(corpus: HybridCorpus, share: float, k: int) -> dict[str, Search]:
    """Returns our search by both, by vectors alone, and plain numpy over every row with our keyword parts."""

    def hybrid(question: Question) -> Ids:
        asked = corpus.keywords.query(question.text)
        ids: Ids = corpus.index.search(question.vector, k, [asked], share).ids[0]
        return ids

    def vectors(question: Question) -> Ids:
        ids: Ids = corpus.index.search(question.vector, k).ids[0]
        return ids

    def every_row(question: Question) -> Ids:
        scores = corpus.rows @ question.vector[0]
        if asked := corpus.keywords.query(question.text):
            scores = np.float32(1 - share) * scores + np.float32(share) * asked.all_scores()
        best: Ids = np.argpartition(-scores, k)[:k]
        return best[np.argsort(-scores[best], kind="stable")]

    return {OURS: hybrid, VECTORS: vectors, EVERY_ROW: every_row}


def measure_events(
    corpus: HybridCorpus, peers: Mapping[str, Search], plan: Plan, artifact: Path, searcher: Searcher
) -> Timings:
    """Returns milliseconds of an event in the mode hybrid, without and with its matches, of one without a mode, and of the peers'."""
    settings = Settings.from_env({**os.environ, "ARTIFACT_DIR": str(artifact), "THREADS": "1"})
    ours = Function(settings, searcher)
    texts = [question.text for question in corpus.questions]
    plain = [make_event(text) for text in texts]
    asked: dict[str, dict[str, Any]] = {
        OURS: {"mode": "hybrid"},
        VECTORS: {},
        MATCHES: {"mode": "hybrid", "matches": True},
    }
    calls = {
        name: answer_in_turn(ours, [make_event(text, **fields) for text in texts])
        for name, fields in asked.items()
    }
    for name, search in peers.items():
        calls[name] = answer_in_turn(make_handler(searcher.encoder, search, corpus), plain)
    return time_blocks(calls, plan)


def _in_turn(search: Search, corpus: HybridCorpus) -> Callable[[], object]:
    upcoming = itertools.cycle(corpus.questions)
    return lambda: search(next(upcoming))


def as_table(figures: Mapping[str, Any]) -> str:
    """Returns Markdown: milliseconds, and our time as a share of each one's."""
    lines = []
    for kind in ("search", "events"):
        if timings := figures.get(kind):
            lines += [
                f"\n| {figures['corpus']}, {figures['documents']:,} documents, {kind} | ms | p99 | ours / theirs |",
                "|---|---|---|---|",
            ]
            ours = timings[OURS]["median"]
            lines += [
                f"| {name} | {took['median']:.3f} | {took['p99']:.3f} | {ours / took['median']:.3f} |"
                for name, took in timings.items()
            ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
