"""Times top-k search by seeklet and other libraries, over all or the first of an artifact's embeddings.

    python -m benchmarks.search build/artifact
    python -m benchmarks.search build/short --sizes 1000,20000,64000 --threads 1,2 --off build/artifact

Queries are 2 to 6 words cut from the artifact's own texts ("on subject"), and from --off's ("off subject"): an artifact,
JSON Lines or plain text of another subject. A graph's effort is the least that finds .98 of the exact answers on
subject, and stays the same off subject. Each number of threads runs in a process of its own.
benchmarks.exactness compares the ids with float64's; benchmarks.survivors counts the rows that are scored.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import ENOUGH, draw_texts, float32_rows, read_texts, write_scan_of
from benchmarks.options import make_parser, numbers, results_file, sizes_of
from benchmarks.timing import run_again
from export.build.sample import cut_queries
from handler.searcher import Searcher

QUERIES, QUICK_QUERIES = 2000, 50
ON_SUBJECT, OFF_SUBJECT = "on subject", "off subject"


def main() -> None:
    """Prepares queries and scans, then measures each number of threads in a process of its own."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument(
        "--off", type=Path, metavar="TEXTS", help="a corpus of another subject, for its words"
    )
    parser.add_argument("--sizes", type=numbers, help="rows to search, e.g. 20000,64000 (default: all)")
    parser.add_argument("--threads", type=numbers, default=[1], help="e.g. 1,2 (default: 1)")
    parser.add_argument("--k", type=int, default=10, help="rows to find (default: 10)")
    options = parser.parse_args()
    if options.off is None:
        print("queries off the corpus's subject are left out: name a corpus with --off", file=sys.stderr)
    rows = float32_rows(options.artifact)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        queries = encode_queries(options.artifact, options.off, QUICK_QUERIES if options.quick else QUERIES)
        for source, vectors in queries.items():
            np.save(folder / f"{source}.npy", vectors)
        sizes = sizes_of(options.sizes, len(rows))
        for size in sizes:
            write_scan_of(rows[:size], folder / str(size))
        task = {
            "artifact": str(options.artifact.resolve()),
            "sizes": sizes,
            "queries": list(queries),
            "k": options.k,
            "quick": options.quick,
            "json": str(results_file(options)),
        }
        (folder / "task.json").write_text(json.dumps(task))
        for threads in options.threads:
            run_again("benchmarks.timed_search", threads, [str(folder), str(threads)])


def encode_queries(artifact: Path, off: Path | None, count: int) -> dict[str, NDArray[np.float32]]:
    """Returns (count, dim) vectors of queries on the artifact's subject, and off it where `off` is given."""
    texts = {ON_SUBJECT: draw_texts(artifact, ENOUGH)} | ({OFF_SUBJECT: read_texts(off)} if off else {})
    searcher = Searcher.load(artifact)
    prompt = searcher.manifest.query_prompt
    return {
        source: searcher.encoder.encode(cut_queries(documents, count), prompt)
        for source, documents in texts.items()
    }


if __name__ == "__main__":
    main()
