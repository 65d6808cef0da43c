"""Builds the HNSW graphs of hnswlib and FAISS, and keeps them under build/, since building takes long.

    python -m benchmarks.graphs build/short --sizes 250000,1000000

Both have M 16 and efConstruction 200. A file's name holds the embeddings' SHA-256, the rows and the library's version.
"""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import float32_rows
from benchmarks.options import numbers, sizes_of
from benchmarks.record import ROOT
from handler.artifact import EMBEDDINGS_FILE, Artifact

F32 = NDArray[np.float32]
KEPT = ROOT / "build" / "bench" / "graphs"
M, EF_CONSTRUCTION = 16, 200
BUILDING_THREADS = 2


def main() -> None:
    """Builds the graphs that are missing and says how long each took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--sizes", type=numbers, help="rows, e.g. 250000,1000000 (default: all)")
    options = parser.parse_args()
    rows = float32_rows(options.artifact)
    for size in sizes_of(options.sizes, len(rows)):
        for path, build in ((hnswlib_file, build_hnswlib), (faiss_file, build_faiss)):
            target = path(options.artifact, size)
            started = time.monotonic()
            if not target.exists():
                build(np.ascontiguousarray(rows[:size]), target)
            print(f"{target.name}: {time.monotonic() - started:,.0f} s", flush=True)


def hnswlib_file(artifact: Path, rows: int) -> Path:
    """Returns where hnswlib's graph over the first rows is kept, whether or not it is there."""
    return KEPT / f"hnswlib-{version('hnswlib')}-{_key(artifact, rows)}.bin"


def faiss_file(artifact: Path, rows: int) -> Path:
    """Returns where FAISS's graph over the first rows is kept, whether or not it is there."""
    return KEPT / f"faiss-{version('faiss-cpu')}-{_key(artifact, rows)}.index"


def _key(artifact: Path, rows: int) -> str:
    return f"{Artifact.open(artifact).manifest.files[EMBEDDINGS_FILE].sha256[:12]}-{rows}-M{M}-ef{EF_CONSTRUCTION}"


def build_hnswlib(rows: F32, path: Path) -> Any:
    """Builds hnswlib's graph over rows, and keeps it in `path`."""
    import hnswlib

    graph = hnswlib.Index("ip", rows.shape[1])
    graph.init_index(len(rows), M=M, ef_construction=EF_CONSTRUCTION, random_seed=1)
    graph.add_items(rows, num_threads=BUILDING_THREADS)
    partial = _partial(path)
    graph.save_index(str(partial))
    partial.rename(path)
    return graph


def build_faiss(rows: F32, path: Path) -> Any:
    """Builds FAISS's graph over rows, and keeps it in `path`."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(BUILDING_THREADS)
    graph = faiss.IndexHNSWFlat(rows.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = EF_CONSTRUCTION
    graph.add(rows)
    partial = _partial(path)
    faiss.write_index(graph, str(partial))
    partial.rename(path)
    faiss.omp_set_num_threads(threads)
    return graph


def _partial(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + ".partial")


def load_hnswlib(rows: F32, path: Path) -> Any:
    """Loads the graph over rows that build_hnswlib kept."""
    import hnswlib

    graph = hnswlib.Index("ip", rows.shape[1])
    graph.load_index(str(path), max_elements=len(rows))
    return graph


def load_faiss(path: Path) -> Any:
    """Loads the graph that build_faiss kept."""
    import faiss

    return faiss.read_index(str(path))


if __name__ == "__main__":
    main()
