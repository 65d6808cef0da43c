"""Measures answers by vectors, by keywords, and by both: nDCG@10 on retrieval sets, as an export with its defaults answers.

    python -m benchmarks.hybrid_answers scifact/ build/aws [--artifacts build/answers] [--quick] [--json FILE]

A set is a folder in BEIR's layout. Every ranking is Searcher.search's own, but for reciprocal rank fusion, which fuses
the full rankings of the vectors and of the keywords. The same vectors are stored as each dtype too, and the answers
compared with float32's. The artifacts are kept, so a text is embedded once. Nothing is timed.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import seeklet
from benchmarks.artifacts import load_embeddings
from benchmarks.datasets import Retrieval, first_of, read_retrieval
from benchmarks.fusion import best_rows, fuse_ranks
from benchmarks.hybrid_tables import hybrid_answers, hybrid_dtypes
from benchmarks.options import make_parser, results_file
from benchmarks.record import ROOT, Results, save
from benchmarks.scoring import score_ranking
from export.build.vectors import DEFAULT_DTYPE
from handler.encoder import Encoder
from handler.searcher import Searcher

F32 = NDArray[np.float32]
TOP = 10
VECTORS, KEYWORDS, RRF, HYBRID = "vectors", "BM25", "reciprocal rank fusion", "hybrid"
SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)
# float32's is made first: the others take over its vectors.
EXACT, DTYPES = "float32", ("float32", "float16", "int8")
QUICK_DOCUMENTS = 100


class Encoded:
    """Answers `encode` from vectors that were made before: each query is asked in many ways, and encoded once."""

    def __init__(self, texts: Sequence[str], vectors: F32) -> None:
        """Takes n texts and their vectors, (n, dim) float32."""
        self._rows = {text: row for row, text in enumerate(texts)}
        self._vectors = vectors

    def encode(self, texts: Sequence[str], _prompt: str = "", _clock: object = None) -> F32:
        """Returns the vectors of texts. n texts -> (n, dim) float32."""
        return self._vectors[[self._rows[text] for text in texts]]


def main() -> None:
    """Exports each set, and measures, prints and keeps its figures."""
    parser = make_parser(__doc__)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET")
    parser.add_argument(
        "--artifacts", type=Path, default=ROOT / "build" / "answers", help="where the exports are kept"
    )
    parser.add_argument("--threads", type=int, help="texts to embed at once (default: one on each CPU)")
    options = parser.parse_args()
    missing = [path for path in options.sets if not (path / "qrels" / "test.tsv").exists()]
    if missing:
        parser.error(f"there is no {missing[0] / 'qrels' / 'test.tsv'}")
    for path in options.sets:
        data, name = read_retrieval(path), path.resolve().name
        folder = options.artifacts / name
        if options.quick:
            data, folder = first_of(data, QUICK_DOCUMENTS), options.artifacts / f"{name}-quick"
        figures = measure(export_all(data, folder, options.threads), data)
        section = f"hybrid answers: {name}"
        shown = Results({section: {"figures": figures}})
        print(hybrid_answers(shown), hybrid_dtypes(shown), sep="\n\n", end="\n\n", flush=True)
        save(results_file(options), section, figures)


def export_all(data: Retrieval, folder: Path, threads: int | None) -> dict[str, Path]:
    """Exports a set once with each dtype, all of the same vectors; returns the artifacts by dtype."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus = folder / "corpus.jsonl"
    rows = ({"id": name, "text": text} for name, text in zip(data.ids, data.documents, strict=True))
    corpus.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    artifacts = {dtype: folder / dtype for dtype in DTYPES}
    for dtype, artifact in artifacts.items():
        if not artifact.exists() and dtype != EXACT:
            shutil.copytree(artifacts[EXACT], artifact)
        # Without the comparison with fp32, which decides no answer. The default dtype isn't named.
        seeklet.export(
            corpus,
            artifact,
            text=["text"],
            id="id",
            dtype=None if dtype == DEFAULT_DTYPE else dtype,
            threads=threads,
            check=False,
            progress=sys.stderr.isatty(),
        )
    return artifacts


def measure(artifacts: Mapping[str, Path], data: Retrieval) -> dict[str, Any]:
    """Returns nDCG@10 of each way to answer, and of each dtype.

    Args:
        artifacts: by dtype, the default one and float32 among them.
        data: the documents' ids, the queries and the judgements.
    """
    default = Searcher.load(artifacts[DEFAULT_DTYPE])
    assert default.manifest.keywords is not None
    vectors = default.encoder.encode(data.queries, default.manifest.query_prompt)
    searchers = {dtype: Searcher.load(path) for dtype, path in artifacts.items()}
    for searcher in (default, *searchers.values()):
        searcher.encoder = cast(Encoder, Encoded(data.queries, vectors))
    answers: dict[str, list[list[str]]] = {
        VECTORS: _ask(default, data, mode="semantic"),
        KEYWORDS: _ask(default, data, mode="keyword"),
        RRF: list(_ask_fused(default, artifacts[DEFAULT_DTYPE], data, vectors)),
        HYBRID: _ask(default, data),
    }
    answers |= {f"{HYBRID}, share {share}": _ask(default, data, share=share) for share in SHARES}
    by_dtype = {
        dtype: {
            "semantic": _ask(searcher, data, mode="semantic"),
            "hybrid": _ask(searcher, data),
        }
        for dtype, searcher in searchers.items()
    }
    return {
        "documents": len(data.ids),
        "queries": len(data.queries),
        "terms": default.manifest.keywords["terms"],
        "share": default.manifest.keywords["share"],
        "ways": {name: _score(found, data) for name, found in answers.items()},
        "dtypes": {
            dtype: {
                mode: _score(found, data) | {"overlap": overlap(by_dtype[EXACT][mode], found)}
                for mode, found in modes.items()
            }
            for dtype, modes in by_dtype.items()
        },
    }


def _ask(searcher: Searcher, data: Retrieval, **how: Any) -> list[list[str]]:
    """Returns the ids of each query's best documents."""
    return [
        [hit.id for hit in searcher.search(query, TOP, **how)]
        for query in tqdm(data.queries, desc=str(how), file=sys.stderr, leave=False, disable=None)
    ]


def _ask_fused(searcher: Searcher, artifact: Path, data: Retrieval, vectors: F32) -> Iterator[list[str]]:
    """Yields each query's best documents by reciprocal rank fusion. A document without a term has no rank by keywords."""
    embeddings, count = load_embeddings(artifact), len(searcher.local.documents)
    assert searcher.local.keywords is not None
    ids = [searcher.local.documents[row].id for row in range(count)]
    for query, vector in zip(data.queries, vectors, strict=True):
        rankings = [best_rows(embeddings.all_scores(vector[None])[0], count)]
        if asked := searcher.local.keywords.query(query):
            keyword = asked.all_scores()
            rankings.append(best_rows(keyword, int(np.count_nonzero(keyword))))
        yield [ids[row] for row in best_rows(fuse_ranks(rankings, count), TOP).tolist()]


def _score(found: Sequence[Sequence[str]], data: Retrieval) -> dict[str, Any]:
    rows = {name: row for row, name in enumerate(data.ids)}
    ranking = [np.array([rows[name] for name in names], np.int64) for names in found]
    return {"ndcg@10": score_ranking(ranking, data)["ndcg@10"]}


def overlap(wanted: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> float:
    """Returns the share of the wanted ids that were found, over all queries."""
    common = sum(len({*some} & {*others}) for some, others in zip(wanted, found, strict=True))
    return common / max(1, sum(len(some) for some in wanted))


if __name__ == "__main__":
    main()
