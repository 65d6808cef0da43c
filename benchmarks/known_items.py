"""Known-item search: how often the one right document comes first, and in the first 10; us beside fp32.

    python -m export --corpus arxiv_20k.csv.gz --text summaries --id id --out build/arxiv
    python benchmarks/known_items.py build/arxiv title_queries.tsv --fp32 build/arxiv-fp32.npz

QUERIES is a TSV with a header of three columns: query id, query, the id of its document. fp32 is sentence-transformers
over the artifact's own texts; its vectors are kept in the --fp32 file, since they take long.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from record import default_file, save
from tqdm import tqdm

from export.model.source_model import default_folder
from handler.searcher import Searcher

TOP = 10


def read_queries(path: Path) -> tuple[list[str], list[str]]:
    """The queries, and the id of each one's document."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [row[1] for row in rows], [row[2] for row in rows]


def find_ours(searcher: Searcher, queries: Sequence[str]) -> list[list[str]]:
    """The ids of the first 10, through the searcher, a query at a time."""
    return [[hit.id for hit in searcher.search(query, TOP)] for query in tqdm(queries, desc="seeklet")]


def find_fp32(searcher: Searcher, queries: Sequence[str], kept: Path | None, model: str) -> list[list[str]]:
    """The ids of the first 10 by sentence-transformers' vectors and a full sort."""
    documents = [searcher.documents[row] for row in range(len(searcher.documents))]
    if kept and kept.exists():
        with np.load(kept) as arrays:
            embeddings, asked = arrays["documents"], arrays["queries"]
    else:
        from sentence_transformers import SentenceTransformer

        peer = SentenceTransformer(model, device="cpu")
        options = {"normalize_embeddings": True, "show_progress_bar": True}
        embeddings = peer.encode([document.text for document in documents], **options)
        asked = peer.encode(list(queries), **options)
        if kept:
            np.savez(kept, documents=embeddings, queries=asked)
    order = np.argsort(-(asked @ embeddings.T), axis=1, kind="stable")[:, :TOP]
    return [[documents[row].id for row in rows] for rows in order.tolist()]


def hit_rate(found: Sequence[Sequence[str]], wanted: Sequence[str], k: int) -> float:
    """The share of queries whose document is among the first k."""
    return sum(right in ids[:k] for ids, right in zip(found, wanted, strict=True)) / len(wanted)


def main() -> None:
    """Prints the four figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--fp32", type=Path, metavar="FILE", help="where fp32's vectors are kept (.npz)")
    parser.add_argument(
        "--model", default=str(default_folder()), help="the sentence-transformer to compare with"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    searcher = Searcher.load(options.artifact)
    queries, wanted = read_queries(options.queries)
    ours = find_ours(searcher, queries)
    theirs = find_fp32(searcher, queries, options.fp32, options.model)
    figures = {
        f"first {k}": {"seeklet": hit_rate(ours, wanted, k), "fp32": hit_rate(theirs, wanted, k)}
        for k in (1, TOP)
    }
    print(
        f"| {len(queries):,} queries, {len(searcher.documents):,} documents | seeklet | fp32 | ratio |\n|---|---|---|---|"
    )
    for name, row in figures.items():
        print(
            f"| in the {name} | {row['seeklet']:.4f} | {row['fp32']:.4f} | {row['seeklet'] / row['fp32']:.4f} |"
        )
    save(options.json, "known items", {options.artifact.name: figures}, update=True)


if __name__ == "__main__":
    main()
