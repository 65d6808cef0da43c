"""Measures the quality of answers: fp32, int8, each pooling, the article's own recipe, and BM25 as a baseline.

    python -m benchmarks.quality stsb_test.tsv scifact/ [--poolings mean,max,cls] [--no-article] [--quick] [--json FILE]

A data set is a TSV of score, sentence1, sentence2 (the figure is Spearman's correlation with the cosines), or a folder
in BEIR's layout (nDCG@10 and recall@100). fp32's vectors are kept under build/, since they take longest and don't
depend on our code; int8's are made anew each time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tqdm import tqdm

from benchmarks.datasets import Pairs, Retrieval, first_of, read_pairs, read_retrieval
from benchmarks.kept import keep_vectors
from benchmarks.options import make_parser, results_file
from benchmarks.record import save
from benchmarks.scoring import Figures, rank_by_bm25, score_pairs, score_ranking, score_vectors
from export.model.convert import convert
from export.model.dense import open_layers
from export.model.fp32 import Fp32Encoder
from export.model.source_model import SourceModel, find_model
from handler.encoder import Encoder
from handler.session import open_session
from handler.tokenizer import BoundedTokenizer, load_tokenizer

F32 = NDArray[np.float32]
Encode = Callable[[Sequence[str]], F32]
# The article pads every text to 128 tokens, and pools and attends over the padding too.
ARTICLE_TOKENS = 128
ARTICLE = "fp32, the article's recipe"
POOLINGS = ("mean", "max", "cls")
BM25 = "BM25 (bm25s)"
QUICK_PAIRS, QUICK_DOCUMENTS = 50, 100


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way from text to vector. n texts -> (n, dim) float32, L2-normalised."""

    name: str
    encode: Encode


def main() -> None:
    """Measures, prints tables and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("datasets", nargs="+", type=Path, metavar="DATASET")
    parser.add_argument("--model", metavar="MODEL", help="folder or hub id (default: all-MiniLM-L6-v2)")
    parser.add_argument("--poolings", default=",".join(POOLINGS), help="default: mean,max,cls")
    parser.add_argument("--no-article", action="store_true", help="leave out the article's recipe")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    missing = [path for path in options.datasets if not path.exists()]
    if missing:
        parser.error(f"there is no {missing[0]}")
    model = find_model(options.model, None, None)
    recipes = list(make_recipes(model, options.poolings.split(","), not options.no_article, options.threads))
    for path in options.datasets:
        name = path.resolve().name if path.is_dir() else path.stem
        rows = (
            measure_retrieval(read_retrieval(path), recipes, name, options.quick)
            if path.is_dir()
            else measure_pairs(read_pairs(path), recipes, name, options.quick)
        )
        print(as_table(name, rows), end="\n\n", flush=True)
        save(results_file(options), f"quality: {name}", rows, packages=["bm25s", "scipy"])


def make_recipes(
    model: SourceModel, poolings: Sequence[str], article: bool, threads: int
) -> Iterator[Recipe]:
    """Yields the recipes: fp32 and int8 with each pooling, and the article's."""
    converted = convert(model)
    tokenizer = load_tokenizer(converted.tokenizer, model.max_length)
    session = open_session(converted.model)
    layers = open_layers(model.dense, converted.dense)

    def fp32(name: str, tokenizer: Tokenizer, pooling: str) -> Recipe:
        encoder = Fp32Encoder(converted.fp32, tokenizer, pooling, threads, layers=layers, dim=model.dim)
        hashes = [model.weights_sha256, *(layer.weights_sha256 for layer in model.dense)]
        recipe = [*hashes, name, str(model.max_length)]
        return Recipe(
            name, lambda texts: keep_vectors(recipe, ["onnxruntime", "tokenizers"], texts, encoder.encode)
        )

    for pooling in poolings:
        yield fp32(f"fp32, {pooling}", tokenizer, pooling)
        bounded = BoundedTokenizer(tokenizer, model.max_length)
        encoder = Encoder(session, bounded, pooling=pooling, dim=model.dim, layers=layers, threads=threads)
        yield Recipe(f"int8, {pooling}", encoder.encode)
    if article:
        padded = load_tokenizer(converted.tokenizer, ARTICLE_TOKENS)
        padded.enable_padding(length=ARTICLE_TOKENS)
        yield fp32(ARTICLE, padded, "max")


def measure_pairs(pairs: Pairs, recipes: Sequence[Recipe], title: str, quick: bool) -> dict[str, Figures]:
    """Returns Spearman's correlation by recipe."""
    if quick:
        pairs = Pairs(pairs.human[:QUICK_PAIRS], pairs.first[:QUICK_PAIRS], pairs.second[:QUICK_PAIRS])
    return {
        recipe.name: score_pairs(recipe.encode(pairs.first), recipe.encode(pairs.second), pairs)
        for recipe in tqdm(recipes, desc=title, file=sys.stderr)
    }


def measure_retrieval(
    data: Retrieval, recipes: Sequence[Recipe], title: str, quick: bool
) -> dict[str, Figures]:
    """Returns nDCG@10 and recall@100 by recipe, and BM25's."""
    if quick:
        data = first_of(data, QUICK_DOCUMENTS)
    rows = {
        recipe.name: score_vectors(recipe.encode(data.documents), recipe.encode(data.queries), data)
        for recipe in tqdm(recipes, desc=title, file=sys.stderr)
    }
    if ranking := rank_by_bm25(data):
        rows[BM25] = score_ranking(ranking, data)
    return rows


def as_table(name: str, rows: dict[str, Figures]) -> str:
    """Returns Markdown, the best recipe first."""
    figures = list(next(iter(rows.values())))
    lines = [f"| {name} | {' | '.join(figures)} |", f"|---|{'---|' * len(figures)}"]
    for row, values in sorted(rows.items(), key=lambda item: -item[1][figures[0]]["mean"]):
        cells = (f"{values[figure]['mean']:.4f} ± {values[figure]['error']:.4f}" for figure in figures)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
