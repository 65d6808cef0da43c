"""Measures answers by vectors, by keywords, and by both: nDCG@10 on retrieval sets, as an export with its defaults answers.

    python -m benchmarks.hybrid_answers scifact/ build/aws [--artifacts build/answers] [--quick] [--json FILE]

A set is a folder in BEIR's layout. Every ranking is Searcher.search's own, but for reciprocal rank fusion, which fuses
the full rankings of the vectors and of the keywords. The artifacts are kept, and are benchmarks.stored_dtypes' too.
Nothing is timed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import load_embeddings
from benchmarks.asking import TOP, ask, export_all, score, with_encoded
from benchmarks.datasets import Retrieval, read_retrieval
from benchmarks.fusion import best_rows, fuse_ranks
from benchmarks.hybrid_tables import hybrid_answers
from benchmarks.options import add_sets, make_parser, results_file
from benchmarks.record import Results, save
from export.build.vectors import DEFAULT_DTYPE
from handler.searcher import Searcher

F32 = NDArray[np.float32]
VECTORS, KEYWORDS, RRF, HYBRID = "vectors", "keywords", "reciprocal rank fusion", "hybrid"
SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)


def main() -> None:
    """Exports each set, and measures, prints and keeps its figures."""
    parser = make_parser(__doc__)
    add_sets(parser)
    options = parser.parse_args()
    for path in options.sets:
        name = path.resolve().name
        data, artifacts = export_all(
            read_retrieval(path), options.artifacts / name, options.threads, options.quick
        )
        section, figures = f"hybrid answers: {name}", measure(artifacts[DEFAULT_DTYPE], data)
        print(hybrid_answers(Results({section: {"figures": figures}})), end="\n\n", flush=True)
        save(results_file(options), section, figures)


def measure(artifact: Path, data: Retrieval) -> dict[str, Any]:
    """Returns nDCG@10 of each way to answer.

    Args:
        artifact: the set's, with keywords.
        data: the documents' ids, the queries and the judgements.
    """
    loaded = Searcher.load(artifact)
    assert loaded.manifest.keywords is not None
    vectors = loaded.encoder.encode(data.queries, loaded.manifest.query_prompt)
    searcher = with_encoded(loaded, data, vectors)
    answers: dict[str, list[list[str]]] = {
        VECTORS: ask(searcher, data, mode="semantic"),
        KEYWORDS: ask(searcher, data, mode="keyword"),
        RRF: list(_ask_fused(searcher, artifact, data, vectors)),
        HYBRID: ask(searcher, data),
    }
    answers |= {f"{HYBRID}, share {share}": ask(searcher, data, share=share) for share in SHARES}
    return {
        "documents": len(data.ids),
        "queries": len(data.queries),
        "terms": loaded.manifest.keywords["terms"],
        "share": loaded.manifest.keywords["share"],
        "ways": {name: score(found, data) for name, found in answers.items()},
    }


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


if __name__ == "__main__":
    main()
