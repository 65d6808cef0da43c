"""Known-item search: measures how often the one right document comes first, or in the first 10, by us and by fp32.

    python -m export --corpus arxiv_20k.csv.gz --text summaries --id id --out build/arxiv
    python -m benchmarks.known_items build/arxiv title_queries.tsv [--quick] [--json FILE]

QUERIES is a TSV with a header and three columns: query id, query, the id of its document. A query whose document isn't
in the artifact is left out. fp32 is sentence-transformers over the artifact's own texts. Its vectors are kept under
build/, since they take long.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.kept import keep_vectors
from benchmarks.options import make_parser, results_file
from benchmarks.record import mean_of, save
from export.model.places import default_folder
from handler.searcher import Searcher

TOP = 10
QUICK_DOCUMENTS, QUICK_QUERIES = 100, 20
OURS, FP32 = "seeklet", "fp32"


def main() -> None:
    """Prints and keeps the four figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument(
        "--model", default=str(default_folder()), help="the sentence-transformer to compare with"
    )
    options = parser.parse_args()
    searcher = Searcher.load(options.artifact)
    count = len(searcher.local.documents)
    ids = [
        searcher.local.documents[row].id
        for row in range(min(count, QUICK_DOCUMENTS) if options.quick else count)
    ]
    queries, wanted = read_queries(options.queries, set(ids))
    if options.quick:
        queries, wanted = queries[:QUICK_QUERIES], wanted[:QUICK_QUERIES]
    ours, theirs = find_ours(searcher, queries), find_fp32(searcher, ids, queries, options.model)
    figures = {
        f"first {k}": {OURS: hit_rate(ours, wanted, k), FP32: hit_rate(theirs, wanted, k)} for k in (1, TOP)
    }
    print(f"| {len(queries):,} queries, {len(ids):,} documents | seeklet | fp32 |\n|---|---|---|")
    for name, row in figures.items():
        cells = (f"{row[one]['mean']:.4f} ± {row[one]['error']:.4f}" for one in (OURS, FP32))
        print(f"| in the {name} | {' | '.join(cells)} |")
    save(
        results_file(options),
        f"known items: {options.artifact.resolve().name}",
        {"documents": len(ids), "queries": len(queries), "found": figures},
        packages=["sentence-transformers", "torch", "transformers"],
    )


def read_queries(path: Path, ids: set[str]) -> tuple[list[str], list[str]]:
    """Returns the queries whose document is among ids, and the id of each one's document."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:] if row[2] in ids
        ]
    return [row[1] for row in rows], [row[2] for row in rows]


def find_ours(searcher: Searcher, queries: Sequence[str]) -> list[list[str]]:
    """Returns the ids of the first 10, by the searcher, one query at a time."""
    return [[hit.id for hit in searcher.search(query, TOP)] for query in tqdm(queries, desc=OURS)]


def find_fp32(searcher: Searcher, ids: Sequence[str], queries: Sequence[str], model: str) -> list[list[str]]:
    """Returns the ids of the first 10 by sentence-transformers' vectors and a full sort over the first documents."""
    documents = [searcher.local.documents[row].text for row in range(len(ids))]

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        from sentence_transformers import SentenceTransformer

        peer = SentenceTransformer(model, device="cpu")
        vectors: NDArray[np.float32] = peer.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=True
        )
        return vectors

    recipe, packages = [model, "normalised"], ["sentence-transformers", "torch", "transformers"]
    embedded, asked = (keep_vectors(recipe, packages, texts, encode) for texts in (documents, queries))
    order = np.argsort(-(asked @ embedded.T), axis=1, kind="stable")[:, :TOP]
    return [[ids[row] for row in rows] for rows in order.tolist()]


def hit_rate(found: Sequence[Sequence[str]], wanted: Sequence[str], k: int) -> dict[str, float]:
    """Returns the share of queries whose document is among the first k, and its standard error."""
    return mean_of([float(right in ids[:k]) for ids, right in zip(found, wanted, strict=True)])


if __name__ == "__main__":
    main()
