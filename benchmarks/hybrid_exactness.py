"""Counts ids of hybrid search that differ from those of a full sort of every row's score, for several shares.

    python -m benchmarks.hybrid_exactness build/artifact build/short-64k [--queries 10000] [--json FILE]

Queries are 2 to 6 words cut from the artifact's own texts. The score of every row is computed from its cosine and its
keyword part in float32, as docs/exact-search.md defines it, so no id may differ. Nothing is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.artifacts import draw_texts, load_embeddings
from benchmarks.full_sort import Asked, count_wrong, total
from benchmarks.options import make_parser, results_file
from benchmarks.record import save
from export.build.sample import cut_queries
from handler.searcher import Searcher

QUERIES, QUICK_QUERIES = 10_000, 50
# Queries encoded at a time.
CHUNK = 100


def main() -> None:
    """Compares the ids, and prints and keeps the differences."""
    parser = make_parser(__doc__)
    parser.add_argument("artifacts", nargs="+", type=Path, metavar="ARTIFACT")
    parser.add_argument("--queries", type=int, default=QUERIES, help=f"default: {QUERIES:,}")
    parser.add_argument("--k", type=int, default=10)
    options = parser.parse_args()
    for artifact in options.artifacts:
        count = QUICK_QUERIES if options.quick else options.queries
        figures = compare(artifact, cut_queries(draw_texts(artifact, count), count), options.k)
        ids, differ = total(figures["shares"])
        print(f"{figures['documents']:,} documents: {differ} of {ids:,} ids differ from a full sort's")
        section = f"hybrid exactness: {artifact.resolve().name}, {figures['documents']} documents"
        save(results_file(options), section, figures)


def compare(artifact: Path, texts: list[str], k: int) -> dict[str, Any]:
    """Returns by share how many ids differ; raises SystemExit where the artifact has no keywords."""
    searcher = Searcher.load(artifact)
    if searcher.local.keywords is None:
        raise SystemExit(f"error: {artifact} has no keywords: export it again without --no-keywords")
    queries = tqdm(_encode(searcher, texts), total=len(texts), file=sys.stderr, disable=None)
    return {
        "documents": len(searcher.local.documents),
        "queries": len(texts),
        "without a known word": sum(searcher.local.keywords.query(text) is None for text in texts),
        "shares": count_wrong(searcher.local.index, load_embeddings(artifact), queries, k),
    }


def _encode(searcher: Searcher, texts: list[str]) -> Iterator[Asked]:
    assert searcher.local.keywords is not None
    for start in range(0, len(texts), CHUNK):
        some = texts[start : start + CHUNK]
        for text, vector in zip(
            some, searcher.encoder.encode(some, searcher.manifest.query_prompt), strict=True
        ):
            yield Asked(vector, searcher.local.keywords.query(text))


if __name__ == "__main__":
    main()
