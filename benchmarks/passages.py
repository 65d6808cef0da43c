"""Measures what passages bring and cost: the quality of answers, rows, bytes and the time of a search, by their size.

    python -m benchmarks.passages scifact/ [--plans 254/32,128/32,64/16] [--every 1] [--quick] [--json FILE]

The data set is a folder in BEIR's layout. It is exported without passages and with each plan, tokens/overlap, into
folders under build/, so a plan that was measured before isn't embedded again. With --every N the corpus is every Nth
document and all that a query wants: to embed a large corpus several times takes long.

The data set's queries ask for documents, by the handler's own code (nDCG@10 and recall@100). So do runs of words from
the parts that the model doesn't read without passages: how often is their document among the first 10? A search's time
is the index's alone, for 10 documents: the median over the data set's queries.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import Retrieval, first_of, read_retrieval
from benchmarks.options import make_parser, results_file
from benchmarks.record import ROOT, mean_of, save
from benchmarks.scoring import RANKED, score_ranking
from export.build.options import BuildOptions
from export.build.pipeline import build
from export.build.progress import Progress
from handler.index import Found
from handler.searcher import Searcher

WHOLE = "whole documents"
PLANS = "254/32,128/32,64/16"
TOP = 10
WORDS, MOST_BEYOND = 8, 300
QUICK_DOCUMENTS = 60
WORK = ROOT / "build" / "bench" / "passages"


def main() -> None:
    """Measures, prints a table and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", type=Path, metavar="DATASET")
    parser.add_argument("--plans", default=PLANS, help=f"tokens/overlap of each plan (default: {PLANS})")
    parser.add_argument("--model", metavar="MODEL", help="folder or hub id (default: all-MiniLM-L6-v2)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every Nth document (default: all)")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if not options.dataset.exists():
        parser.error(f"there is no {options.dataset}")
    data = read_retrieval(options.dataset)
    data = thinned(data, options.every)
    if options.quick:
        data = first_of(data, QUICK_DOCUMENTS)
    name = f"{options.dataset.resolve().name}, {len(data.ids):,} documents"
    corpus = write_corpus(data, WORK / "corpus.jsonl")
    rows: dict[str, dict[str, Any]] = {}
    beyond: list[Beyond] = []
    for plan in [WHOLE, *options.plans.split(",")]:
        out = WORK / plan.replace("/", "-").replace(" ", "-")
        searcher = export_plan(corpus, out, plan, options.model, options.threads)
        if not beyond:
            beyond = beyond_the_cut(searcher, data.documents)
        if not beyond:
            parser.error(f"no document of {options.dataset} is longer than the model reads")
        rows[plan] = measure(searcher, data, beyond)
        print(f"{plan}: {rows[plan]}", file=sys.stderr, flush=True)
    print(as_table(name, rows))
    save(results_file(options), f"passages: {name}", rows)


def thinned(data: Retrieval, every: int) -> Retrieval:
    """Returns every Nth document and all relevant ones, in their order, with all queries."""
    wanted = {name for gains in data.gains for name in gains}
    kept = [row for row, name in enumerate(data.ids) if row % every == 0 or name in wanted]
    return replace(data, ids=[data.ids[row] for row in kept], documents=[data.documents[row] for row in kept])


def write_corpus(data: Retrieval, path: Path) -> Path:
    """Writes the documents as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        json.dumps({"id": name, "text": text}) for name, text in zip(data.ids, data.documents, strict=True)
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def export_plan(corpus: Path, out: Path, plan: str, model: str | None, threads: int) -> Searcher:
    """Exports the corpus by one plan, and loads it."""
    tokens, _, overlap = plan.partition("/")
    passages: dict[str, Any] = (
        {}
        if plan == WHOLE
        else {"passages": True, "passage_tokens": int(tokens), "passage_overlap": int(overlap)}
    )
    options = BuildOptions(
        corpus=str(corpus),
        text=["text"],
        id="id",
        model=model,
        out=out,
        threads=threads,
        thresholds=None,
        **passages,
    )
    build(options, Progress())
    return Searcher.load(out)


class Beyond(NamedTuple):
    """Words that the model doesn't read without passages, and the row of their document."""

    words: str
    document: int


def beyond_the_cut(searcher: Searcher, documents: Sequence[str]) -> list[Beyond]:
    """Draws a run of words from the unread part of each long document, of at most MOST_BEYOND of them."""
    random = np.random.default_rng(0)
    found = []
    for document in random.permutation(len(documents)).tolist():
        # The library's own encoding has the places of its tokens.
        encoding = searcher.encoder.tokenizer.whole.encode(documents[document], add_special_tokens=True)
        words = documents[document][max(end for _, end in encoding.offsets) :].split()[1:]
        if encoding.overflowing and len(words) >= WORDS:
            start = int(random.integers(0, len(words) - WORDS + 1))
            found.append(Beyond(" ".join(words[start : start + WORDS]), document))
    return found[:MOST_BEYOND]


def measure(searcher: Searcher, data: Retrieval, beyond: Sequence[Beyond]) -> dict[str, Any]:
    """Returns the figures of one artifact."""
    queries = searcher.encoder.encode(data.queries, searcher.manifest.query_prompt)
    manifest = searcher.manifest
    asked: list[int] = []
    ranking = [find_documents(searcher, query, RANKED, asked.append) for query in queries]
    unread = searcher.encoder.encode([one.words for one in beyond], searcher.manifest.query_prompt)
    hits = [
        float(one.document in find_documents(searcher, query, TOP, asked.append))
        for one, query in zip(beyond, unread, strict=True)
    ]
    asked.clear()
    seconds = []
    for query in queries:
        started = time.perf_counter()
        find_documents(searcher, query, TOP, asked.append)
        seconds.append(time.perf_counter() - started)
    names = [name for name in manifest.files if name.startswith(("embeddings", "scan", "passages"))]
    return {
        **score_ranking(ranking, data),
        "unread@10": mean_of(hits),
        "rows": manifest.rows,
        "truncated": manifest.truncated,
        "bytes": sum(manifest.files[name].bytes for name in names),
        "search_ms": 1000 * float(np.median(seconds)),
        "searches": len(asked) / len(queries),
    }


def find_documents(
    searcher: Searcher, query: NDArray[np.float32], k: int, note: Callable[[int], None]
) -> NDArray[np.int64]:
    """Returns the k best documents of one query, best first; tells `note` how many rows each search asked for."""

    def search(most: int) -> Found:
        note(most)
        return searcher.local.index.search(query[None], most)

    if searcher.local.passages is None:
        rows: NDArray[np.int64] = search(k).ids[0]
        return rows
    found, places = searcher.local.passages.rank(search, k)
    return np.array(
        [searcher.local.passages.document_of(row) for row in found.ids[0][places].tolist()], np.int64
    )


def as_table(name: str, rows: dict[str, dict[str, Any]]) -> str:
    """Returns Markdown, in the order measured."""
    lines = [
        f"| {name} | nDCG@10 | recall@100 | unread words, in the first 10 | rows | cut off | MB of vectors | search, ms | searches a query |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for plan, row in rows.items():
        quality: Sequence[str] = [
            f"{row[figure]['mean']:.4f} ± {row[figure]['error']:.4f}"
            for figure in ("ndcg@10", "recall@100", "unread@10")
        ]
        lines.append(
            f"| {plan} | {' | '.join(quality)} | {row['rows']:,} | {row['truncated']:,} | {row['bytes'] / 1e6:.1f} "
            f"| {row['search_ms']:.2f} | {row['searches']:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
