"""Hybrid search by other libraries, over the same vectors and texts as ours: what benchmarks.hybrid compares.

Each finds the best of the vectors and of the keywords, and fuses them as its documentation shows. None gives the exact
top k of a score of every row. A peer whose library isn't installed is left out with a message.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fusion import FUSED, RRF_K, fuse_scores
from benchmarks.hybrid_corpora import HybridCorpus, Question
from handler.encoder import Encoder

Ids = NDArray[np.int64]
Search = Callable[[Question], Ids]

FAISS, SQLITE = "FAISS flat + bm25s", "SQLite FTS5 + sqlite-vec"
LANCE_RRF, LANCE_LINEAR = "LanceDB, rank fusion", "LanceDB, linear"
# The modules that each needs, and the distributions that bring them.
PACKAGES = {
    FAISS: {"faiss": "faiss-cpu", "bm25s": "bm25s"},
    LANCE_RRF: {"lancedb": "lancedb"},
    SQLITE: {"apsw": "apsw", "sqlite_vec": "sqlite-vec"},
}
DISTRIBUTIONS = [name for modules in PACKAGES.values() for name in modules.values()]

# Reciprocal rank fusion of the best of each side, as sqlite-vec's own documentation writes it.
SQLITE_QUERY = f"""
with nearest as (
  select rowid, row_number() over (order by distance) as place from vectors where embedding match ?1 and k = {FUSED}
), worded as (
  select rowid, row_number() over (order by rank) as place from texts where texts match ?2 order by rank limit {FUSED}
)
select rowid, sum(1.0 / ({RRF_K} + place)) as score
from (select * from nearest union all select * from worded) group by rowid order by score desc limit ?3
"""


def make_peers(corpus: HybridCorpus, share: float, k: int, folder: Path) -> Iterator[tuple[str, Search]]:
    """Yields every installed peer. `folder` is where LanceDB keeps its table."""
    if _installed(FAISS):
        yield FAISS, _faiss(corpus, share, k)
    if _installed(LANCE_RRF):
        yield from _lance(corpus, share, k, folder)
    if _installed(SQLITE):
        yield SQLITE, _sqlite(corpus, k)


def make_handler(
    encoder: Encoder, search: Search, corpus: HybridCorpus
) -> Callable[[dict[str, Any], object], Any]:
    """Returns a handler of events around a peer's search, with our encoder and the texts in memory."""

    def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
        query = json.loads(event["body"])
        ids = search(Question(query["text"], encoder.encode([query["text"]])))
        results = [{"index": row, "text": corpus.texts[row]} for row in ids[: query["num_results"]].tolist()]
        return {"statusCode": 200, "body": json.dumps({"results": results})}

    return handle


def _installed(name: str) -> bool:
    for module, distribution in PACKAGES[name].items():
        if importlib.util.find_spec(module) is None:
            print(f"{name} is left out, {module} is missing: pip install {distribution}", file=sys.stderr)
            return False
    return True


def _faiss(corpus: HybridCorpus, share: float, k: int) -> Search:
    import bm25s
    import faiss

    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(corpus.rows.shape[1])
    flat.add(corpus.rows)
    retriever = bm25s.BM25(k1=0.9, b=0.4)
    retriever.index(bm25s.tokenize(corpus.texts, stopwords="en", show_progress=False), show_progress=False)
    count = min(FUSED, len(corpus.texts))

    def search(question: Question) -> Ids:
        cosines, nearest = flat.search(question.vector, count)
        tokens = bm25s.tokenize(question.text, stopwords="en", show_progress=False)
        worded, scores = retriever.retrieve(tokens, k=count, show_progress=False)
        held = scores[0] > 0
        keywords = (worded[0][held].astype(np.int64), scores[0][held])
        return fuse_scores((nearest[0], cosines[0]), keywords, share, k)

    return search


def _lance(corpus: HybridCorpus, share: float, k: int, folder: Path) -> Iterator[tuple[str, Search]]:
    # Without it, each search logs that a column is about to go away.
    os.environ.setdefault("LANCEDB_LOG", "error")
    import lancedb
    import pyarrow
    from lancedb.index import FTS
    from lancedb.rerankers import LinearCombinationReranker, RRFReranker

    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(corpus.rows.ravel()), corpus.rows.shape[1])
    columns = {"row": pyarrow.array(range(len(vectors))), "text": corpus.texts, "vector": vectors}
    made = lancedb.connect(str(folder)).create_table("texts", pyarrow.table(columns))
    made.create_index("text", config=FTS())

    def make(reranker: Any) -> Search:
        def search(question: Question) -> Ids:
            asked = made.search(query_type="hybrid").vector(question.vector[0]).text(question.text)
            found = asked.distance_type("cosine").rerank(reranker).select(["row"]).limit(k).to_arrow()
            ids: Ids = found["row"].to_numpy()
            return ids

        return search

    yield LANCE_RRF, make(RRFReranker(K=RRF_K))
    yield LANCE_LINEAR, make(LinearCombinationReranker(weight=1 - share))


def _sqlite(corpus: HybridCorpus, k: int) -> Search:
    import apsw
    import sqlite_vec

    database = apsw.Connection(":memory:")
    database.enable_load_extension(True)
    database.load_extension(sqlite_vec.loadable_path())
    dim = corpus.rows.shape[1]
    with database:
        database.execute(
            f"create virtual table vectors using vec0(embedding float[{dim}] distance_metric=cosine)"
        )
        database.execute("create virtual table texts using fts5(text, tokenize = 'porter unicode61')")
        rows = ((row, vector.tobytes()) for row, vector in enumerate(corpus.rows))
        database.executemany("insert into vectors(rowid, embedding) values (?, ?)", rows)
        database.executemany("insert into texts(rowid, text) values (?, ?)", enumerate(corpus.texts))

    def search(question: Question) -> Ids:
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question.text)) or '""'
        found = database.execute(SQLITE_QUERY, (question.vector.tobytes(), words, k))
        return np.array([row for row, _ in found], np.int64)

    return search
