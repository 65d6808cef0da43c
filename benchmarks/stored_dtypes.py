"""Measures what each --dtype of the stored embeddings costs beside float32: bytes, answers, exactness, and time.

    python -m benchmarks.stored_dtypes scifact/ build/aws [--artifacts build/answers] [--queries 10000] [--quick] [--json FILE]

A set is a folder in BEIR's layout. Its texts are embedded once, and the same vectors are stored as each dtype. Answers are
those to the set's own queries. Ids and times are of queries of 2 to 6 words cut from its texts: ids are compared with full
sorts of every stored row, and the dtypes take turns in blocks on one thread. One sentence says what falls short.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.answer_tables import stored_dtypes
from benchmarks.asking import EXACT, TOP, ask, export_all, overlap, score, with_encoded
from benchmarks.datasets import Retrieval, read_retrieval
from benchmarks.exactness import compare_stored
from benchmarks.options import add_sets, make_parser, results_file
from benchmarks.record import Results, save
from benchmarks.sample_events import answer_in_turn, make_event
from benchmarks.timing import Plan, has_threads, ratio_by_round, run_again, time_blocks
from export.build.sample import cut_queries
from export.build.vectors import DEFAULT_DTYPE
from handler.artifact import EMBEDDINGS_FILE, SCAN_FILES, Artifact
from handler.function import Function
from handler.manifest import MANIFEST_FILE
from handler.searcher import Searcher
from handler.settings import Settings

F32 = NDArray[np.float32]
Artifacts = Mapping[str, Path]
Searchers = Mapping[str, Searcher]
MODES, KINDS = ("semantic", "hybrid"), ("search", "event")
QUERIES, QUICK_QUERIES = 10_000, 50
# Different queries that are timed.
TIMED_QUERIES = 500
# Queries that are encoded at a time.
CHUNK = 500
# The most nDCG that the default dtype may cost on any set.
MOST_LOST = 0.002


def main() -> None:
    """Exports each set, and measures, prints and keeps its figures."""
    parser = make_parser(__doc__)
    add_sets(parser)
    parser.add_argument("--queries", type=int, default=QUERIES, help=f"to compare ids (default: {QUERIES:,})")
    options = parser.parse_args()
    if not has_threads(1):
        run_again("benchmarks.stored_dtypes", 1, sys.argv[1:])
        return
    names = [path.resolve().name for path in options.sets]
    # All are exported before one is timed.
    exported = [
        export_all(read_retrieval(path), options.artifacts / name, options.threads, options.quick)
        for path, name in zip(options.sets, names, strict=True)
    ]
    # Many short rounds: each gives a ratio, and a load of the machine spoils only some of them.
    plan = Plan.chosen(options.quick, rounds=25, timed=200)
    count = QUICK_QUERIES if options.quick else options.queries
    for name, (data, artifacts) in zip(names, exported, strict=True):
        section, figures = f"stored dtypes: {name}", measure(artifacts, data, count, plan)
        print(stored_dtypes(Results({section: {"figures": figures}})), flush=True)
        print(*(shortfalls(figures) or ["Nothing falls short."]), sep="\n", end="\n\n", flush=True)
        save(results_file(options), section, figures)


def measure(artifacts: Artifacts, data: Retrieval, count: int, plan: Plan) -> dict[str, Any]:
    """Returns bytes, answers, differing ids and times by dtype.

    Args:
        artifacts: of the same vectors, by dtype, float32 and the default one among them.
        data: the set that they were exported from.
        count: queries whose ids are compared.
        plan: the number of timed calls.
    """
    exact = Searcher.load(artifacts[EXACT])
    searchers = {name: Searcher.load(path, encoder=exact.encoder) for name, path in artifacts.items()}
    cut = draw_queries(data.documents, count)
    vectors = _encode(exact, cut)
    found = {
        "bytes": {name: sizes_of_files(path) for name, path in artifacts.items()},
        "answers": compare_answers(searchers, data, _encode(exact, data.queries)),
        "ids": {
            name: compare_stored(artifacts[name], searcher.local.index, vectors, TOP)
            for name, searcher in searchers.items()
        },
    }
    found |= time_dtypes(artifacts, searchers, cut[:TIMED_QUERIES], vectors[:TIMED_QUERIES], plan)
    return {
        "documents": len(data.ids),
        "queries": len(data.queries),
        "default": DEFAULT_DTYPE,
        "dtypes": {name: {kind: by_dtype[name] for kind, by_dtype in found.items()} for name in artifacts},
    }


def draw_queries(documents: Sequence[str], count: int) -> list[str]:
    """Cuts `count` queries of 2 to 6 words from documents, from each as often as that takes."""
    times = -(-count // len(documents))
    return [query for seed in range(times) for query in cut_queries(documents, count, seed)][:count]


def sizes_of_files(artifact: Path) -> dict[str, int]:
    """Returns the bytes of the embeddings, of the scan (0 where there are too few rows for one), and of all files."""
    files = [*Artifact.open(artifact).manifest.files, MANIFEST_FILE]
    sizes = {name: (artifact / name).stat().st_size for name in files}
    return {
        "embeddings": sizes[EMBEDDINGS_FILE],
        "scan": sum(sizes.get(name, 0) for name in SCAN_FILES),
        "artifact": sum(sizes.values()),
    }


def compare_answers(searchers: Searchers, data: Retrieval, vectors: F32) -> dict[str, dict[str, Any]]:
    """Returns by dtype and mode nDCG@10, and the share of float32's first ten that are among the first ten.

    Args:
        searchers: by dtype, float32 among them.
        data: the queries and the judgements.
        vectors: the queries', (queries, dim) float32.
    """
    answers = {
        name: {mode: ask(with_encoded(searcher, data, vectors), data, mode=mode) for mode in MODES}
        for name, searcher in searchers.items()
    }
    return {
        name: {
            mode: score(found, data) | {"overlap": overlap(answers[EXACT][mode], found)}
            for mode, found in modes.items()
        }
        for name, modes in answers.items()
    }


def time_dtypes(
    artifacts: Artifacts, searchers: Searchers, texts: list[str], vectors: F32, plan: Plan
) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns for "search" and "event" each dtype's milliseconds, and the spread of the rounds' ratios to float32's.

    A search is by meaning, from the vector to the ids. An event is events/similar.json with another text.
    """
    events = [make_event(text) for text in texts]
    calls: dict[str, dict[str, Callable[[], object]]] = {"search": {}, "event": {}}
    for name, searcher in searchers.items():
        variables = {**os.environ, "ARTIFACT_DIR": str(artifacts[name]), "THREADS": "1"}
        calls["search"][name] = _in_turn(searcher, vectors)
        calls["event"][name] = answer_in_turn(Function(Settings.from_env(variables), searcher), events)
    print(f"timing {len(calls)} kinds of calls, about a minute ...", file=sys.stderr)
    timed = {kind: time_blocks(by_dtype, plan) for kind, by_dtype in calls.items()}
    return {
        kind: {name: took | {"ratio": ratio_by_round(took, taken[EXACT])} for name, took in taken.items()}
        for kind, taken in timed.items()
    }


def shortfalls(figures: Mapping[str, Any]) -> list[str]:
    """Returns a sentence for each thing that a set's figures must not show; none where all is well.

    The default dtype may lose MOST_LOST of float32's nDCG@10, no id may differ from a full sort's, and no dtype may be
    slower than float32: three of four rounds' ratios must not be above 1.
    """
    rows, default = figures["dtypes"], figures["default"]
    found = []
    for mode in MODES:
        ours, exact = (rows[name]["answers"][mode]["ndcg@10"]["mean"] for name in (default, EXACT))
        if exact - ours > MOST_LOST:
            found.append(f"{default} is the default, and loses {exact - ours:.4f} of nDCG@10, {mode}.")
    for name, row in rows.items():
        if row["ids"]["float32"]:
            found.append(f"{name}: {row['ids']['float32']} of {row['ids']['ids']:,} ids differ.")
        found += [
            f"{name}: {kind} takes {row[kind]['ratio']['median']:.2f} of float32's time."
            for kind in KINDS
            if row[kind]["ratio"]["quartiles"][0] > 1
        ]
    return found


def _encode(searcher: Searcher, texts: Sequence[str]) -> F32:
    """Embeds queries. n texts -> (n, dim) float32."""
    prompt = searcher.manifest.query_prompt
    parts = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    shown = tqdm(parts, desc="encode", file=sys.stderr, leave=False, disable=None)
    return np.concatenate([searcher.encoder.encode(part, prompt) for part in shown])


def _in_turn(searcher: Searcher, vectors: F32) -> Callable[[], object]:
    upcoming, index = itertools.cycle(vectors[:, None]), searcher.local.index
    return lambda: index.search(next(upcoming), TOP)


if __name__ == "__main__":
    main()
