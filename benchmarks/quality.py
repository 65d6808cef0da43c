"""How good the answers are: fp32, int8, each pooling, the article's own recipe, and BM25 as a floor.

    python benchmarks/quality.py stsb_test.tsv scifact/ [--no-article] [--json FILE]

A dataset is a TSV of score, sentence1, sentence2 (Spearman's correlation with the cosines), or a folder in BEIR's
layout: corpus.jsonl, queries.jsonl (each also .gz) and qrels/test.tsv (nDCG@10 and recall@100). The text of a
document is its title, a space, and its text. nDCG is trec_eval's: linear gain, log2 discount.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from record import default_file, save
from scipy.stats import spearmanr
from tqdm import tqdm

from export.model.conversion import FP32_FILE
from export.model.convert import convert
from export.model.source_model import find_model
from handler.artifact import MODEL_FILE, TOKENIZER_FILE
from handler.encoder import load_tokenizer, open_session
from handler.pooling import POOLINGS, l2_normalize

Matrix = NDArray[np.float32]
# The article pads every text to 128 tokens and pools and attends over the padding too.
ARTICLE_TOKENS = 128
ARTICLE = "fp32, the article's recipe"


class Encoders:
    """Every way from text to vector that is compared; one run of the model serves all poolings."""

    def __init__(self, model: str | None, threads: int, article: bool) -> None:
        self._article = article
        source = find_model(model, None, None)
        converted = convert(source).folder
        self._threads = threads
        self._tokenizer = load_tokenizer(converted / TOKENIZER_FILE, source.max_length)
        self._short = load_tokenizer(converted / TOKENIZER_FILE, ARTICLE_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._fp32 = onnxruntime.InferenceSession(str(converted / FP32_FILE), options)
        self._inputs = {node.name for node in self._fp32.get_inputs()}
        self._int8 = open_session(converted / MODEL_FILE)

    def encode(self, texts: Sequence[str], title: str) -> dict[str, Matrix]:
        """n texts -> name of the recipe -> (n, dim) float32, L2-normalised."""
        with ThreadPoolExecutor(self._threads) as executor:
            rows = list(
                tqdm(executor.map(self._encode, texts), total=len(texts), desc=title, file=sys.stderr)
            )
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _encode(self, text: str) -> dict[str, Matrix]:
        ids = self._tokenizer.encode(text.strip()).ids
        tokens = {
            "fp32": self._run_fp32(ids),
            "int8": self._int8.run(None, {"input_ids": np.array([ids], np.int64)})[0][0],
        }
        vectors = {
            f"{name}, {pooling}": l2_normalize(pool(embeddings))
            for name, embeddings in tokens.items()
            for pooling, pool in POOLINGS.items()
        }
        if not self._article:
            return vectors
        short = self._short.encode(text.strip()).ids
        padded = self._run_fp32(short + [0] * (ARTICLE_TOKENS - len(short)))
        vectors[ARTICLE] = l2_normalize(POOLINGS["max"](padded))
        return vectors

    def _run_fp32(self, ids: list[int]) -> Matrix:
        input_ids = np.array([ids], np.int64)
        feed = {
            "input_ids": input_ids,
            "attention_mask": np.ones_like(input_ids),
            "token_type_ids": np.zeros_like(input_ids),
        }
        outputs: Matrix = self._fp32.run(None, {name: feed[name] for name in self._inputs})[0][0]
        return outputs


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file, gzipped or not."""
    packed = path.with_name(path.name + ".gz")
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def read_pairs(path: Path) -> tuple[list[float], list[str], list[str]]:
    """People's scores, first sentences and second sentences of a TSV like STS-B's."""
    with path.open(encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    human = [float(pair["score"]) for pair in pairs]
    return human, [pair["sentence1"] for pair in pairs], [pair["sentence2"] for pair in pairs]


def score_pairs(path: Path, encoders: Encoders) -> dict[str, dict[str, float]]:
    """STS: Spearman's correlation of the cosines with people's scores."""
    human, *sentences = read_pairs(path)
    first, second = (encoders.encode(side, f"{path.name} {n}/2") for n, side in enumerate(sentences, 1))
    return {
        name: {"spearman": float(spearmanr((first[name] * second[name]).sum(axis=1), human).statistic)}
        for name in first
    }


def score_retrieval(folder: Path, encoders: Encoders) -> dict[str, dict[str, float]]:
    """BEIR's layout: nDCG@10 and recall@100 over the judged queries."""
    documents = read_lines(folder / "corpus.jsonl")
    with (folder / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        judged: dict[str, dict[str, float]] = {}
        for row in csv.reader(list(file)[1:], delimiter="\t"):
            judged.setdefault(row[0], {})[row[1]] = float(row[2])
    queries = [query for query in read_lines(folder / "queries.jsonl") if query["_id"] in judged]
    ids = [document["_id"] for document in documents]
    texts = [f"{document.get('title', '')} {document['text']}".strip() for document in documents]
    questions = [query["text"] for query in queries]
    relevant = [judged[query["_id"]] for query in queries]
    embedded = encoders.encode(texts, f"{folder.name} documents")
    asked = encoders.encode(questions, f"{folder.name} queries")
    rows = {}
    for name, matrix in embedded.items():
        scores = asked[name] @ matrix.T
        rows[name] = _rank_figures([np.argsort(-row, kind="stable")[:100] for row in scores], ids, relevant)
    if ranked := rank_bm25(texts, questions):
        rows["BM25"] = _rank_figures(ranked, ids, relevant)
    return rows


def rank_bm25(texts: Sequence[str], questions: Sequence[str]) -> list[NDArray[np.int64]]:
    """The first 100 documents by BM25; none where the bm25s package isn't there."""
    try:
        import bm25s
    except ImportError:
        print("BM25 left out: pip install bm25s", file=sys.stderr)
        return []
    retriever = bm25s.BM25(k1=0.9, b=0.4)  # BEIR's own parameters
    retriever.index(bm25s.tokenize(list(texts), stopwords="en", show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(list(questions), stopwords="en", show_progress=False)
    found, _ = retriever.retrieve(tokens, k=min(100, len(texts)), show_progress=False)
    return [np.asarray(row, np.int64) for row in found]


def _rank_figures(
    ranked: Sequence[NDArray[np.int64]], ids: Sequence[str], relevant: Sequence[dict[str, float]]
) -> dict[str, float]:
    gains, recalls = [], []
    for order, wanted in zip(ranked, relevant, strict=True):
        found = [wanted.get(ids[row], 0.0) for row in order.tolist()]
        best = sorted(wanted.values(), reverse=True)[:10]
        gains.append(_dcg(found[:10]) / _dcg(best))
        recalls.append(sum(gain > 0 for gain in found) / sum(gain > 0 for gain in wanted.values()))
    return {"ndcg@10": float(np.mean(gains)), "recall@100": float(np.mean(recalls))}


def _dcg(gains: Sequence[float]) -> float:
    return float(sum(gain / np.log2(rank + 2) for rank, gain in enumerate(gains)))


def as_table(name: str, rows: dict[str, dict[str, float]]) -> str:
    """A Markdown table."""
    figures = list(next(iter(rows.values())))
    lines = [f"| {name} | {' | '.join(figures)} |", f"|---|{'---|' * len(figures)}"]
    for row, values in sorted(rows.items(), key=lambda item: -item[1][figures[0]]):
        lines.append(f"| {row} | {' | '.join(f'{values[figure]:.4f}' for figure in figures)} |")
    return "\n".join(lines)


def main() -> None:
    """Reads the arguments, measures, prints tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", nargs="+", type=Path, metavar="DATASET")
    parser.add_argument("--model", metavar="MODEL", help="folder or hub id (default: all-MiniLM-L6-v2)")
    parser.add_argument(
        "--no-article", action="store_true", help="leave out the article's recipe, the slowest"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    missing = [path for path in options.datasets if not path.exists()]
    if missing:
        parser.error(f"there is no {missing[0]}")
    encoders = Encoders(options.model, options.threads, not options.no_article)
    results = {}
    for path in options.datasets:
        score: Callable[[Path, Encoders], dict[str, dict[str, float]]] = (
            score_retrieval if path.is_dir() else score_pairs
        )
        name = path.resolve().name if path.is_dir() else path.stem
        results[name] = score(path, encoders)
        print(as_table(name, results[name]), end="\n\n", flush=True)
    save(options.json, "quality", results, update=True)


if __name__ == "__main__":
    main()
