"""Times exact top-k search against other libraries, over an artifact's embeddings.

The engines take turns in blocks of calls (warm-up calls first), because alternating call by call
makes each evict the others' data. Printed: the median time per query, its ratio to FAISS flat, and
recall@k where an engine is approximate. Each number of threads runs in a process of its own.
An engine whose library isn't installed is named and left out.

    python benchmarks/search.py build/artifact
    python benchmarks/search.py build/artifact --sizes 1000,10000 --threads 1,2
    python benchmarks/search.py build/artifact --verify 10000             # ids against float64, no timing
    python benchmarks/search.py build/artifact --plot docs/exact-search.svg  # how many rows survive, no timing

Queries are 2 to 6 words cut from the artifact's own texts, or the rows of --queries, (q, dim) float32 in .npy.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
from cut import cut_queries
from numpy.typing import NDArray
from record import default_file, save

from export.build.vectors import write_embeddings
from export.build.write_scan import write_scan
from handler.artifact import EMBEDDINGS_FILE
from handler.bound import Scan
from handler.encoder import Encoder
from handler.index import Index
from handler.scores import Embeddings, read_safetensors

F32 = NDArray[np.float32]
Ids = NDArray[np.int64]
Search = Callable[[F32], Ids]

RECALL = 0.98
RECALL_QUERIES = 500
QUERIES = 2000
WARM_UP, TIMED, ROUNDS = 5, 40, 7
BLOCK_SECONDS = 0.5
# The oracle keeps so many times k rows until it has looked at all of them, so that ties aren't cut through.
KEPT = 4
PEERS = {"faiss": "faiss-cpu", "usearch": "usearch", "hnswlib": "hnswlib"}


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to search: search((1, dim) float32) -> (1, k) ids."""

    name: str
    search: Search


@dataclass(frozen=True, slots=True)
class Result:
    """One engine at one size; times in milliseconds per query."""

    rows: int
    threads: int
    k: int
    engine: str
    median_ms: float
    p99_ms: float
    ratio_to_faiss_flat: float | None
    recall: float


def main() -> None:
    options = _options()
    if (
        options.queries is None
        or len(options.threads) > 1
        or os.environ.get("OMP_NUM_THREADS") != str(options.threads[0])
    ):
        _run_each_thread_count(options)
        return
    embeddings = _vectors(options.artifact / EMBEDDINGS_FILE)
    queries = _vectors(options.queries)
    sizes = [min(size, len(embeddings)) for size in options.sizes or [len(embeddings)]]
    if options.verify:
        for rows in sizes:
            print(_verified(embeddings[:rows], queries[: options.verify], options.k, options.threads[0]))
        return
    if options.plot:
        _plot(
            {rows: _survivors(embeddings[:rows], queries[:1000], options.k) for rows in sizes}, options.plot
        )
        return
    results = []
    for rows in sizes:
        with tempfile.TemporaryDirectory() as directory:
            engines = list(
                _engines(np.ascontiguousarray(embeddings[:rows]), queries, options, Path(directory))
            )
            results += _timed(engines, rows, queries, options)
    figures: dict[str, dict[str, object]] = {}
    for result in results:
        figures.setdefault(str(result.rows), {})[result.engine] = asdict(result)
    save(options.json, f"search, {options.threads[0]} thread(s)", figures, update=True)


def _options() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "artifact", type=Path, help="the folder that the export wrote, its embeddings in float32"
    )
    parser.add_argument("--queries", type=Path, help="(q, dim) float32 in .npy, instead of cut ones")
    parser.add_argument("--sizes", type=numbers, help="rows to search, e.g. 20000,64000 (default: all)")
    parser.add_argument("--threads", type=numbers, default=[1], help="e.g. 1,2 (default: 1)")
    parser.add_argument("--k", type=int, default=10, help="rows to find (default: 10)")
    parser.add_argument(
        "--hnsw-rows", type=int, default=100_000, help="no HNSW above this many rows: building takes minutes"
    )
    parser.add_argument("--without", default="", help="engines to leave out, e.g. usearch,hnswlib")
    parser.add_argument(
        "--verify",
        type=int,
        default=0,
        metavar="N",
        help="compare N queries' ids with float64 instead of timing",
    )
    parser.add_argument(
        "--plot", type=Path, help="draw how many rows survive the scan (.svg or .png) instead of timing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    return parser.parse_args()


def _run_each_thread_count(options: argparse.Namespace) -> None:
    """Run this file once per number of threads: BLAS reads its own at import only."""
    with tempfile.TemporaryDirectory() as directory:
        arguments = sys.argv[1:]
        if options.queries is None:
            path = Path(directory) / "queries.npy"
            count = max(options.verify, QUERIES)
            np.save(path, Encoder.load(options.artifact).encode(cut_queries(options.artifact, count)))
            arguments += ["--queries", str(path)]
        for threads in options.threads:
            names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
            subprocess.run(
                [sys.executable, __file__, *arguments, "--threads", str(threads)],
                check=True,
                env=os.environ | dict.fromkeys(names, str(threads)),
            )


def _vectors(path: Path) -> F32:
    vectors: F32 = (
        np.load(path, mmap_mode="r") if path.suffix == ".npy" else read_safetensors(path)["embeddings"]
    )
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        sys.exit(
            f"error: {path} holds {vectors.dtype} of shape {vectors.shape}, not (rows, dimensions) of float32"
        )
    return vectors


def _our_index(embeddings: F32, directory: Path, threads: int) -> Index:
    count, dim = embeddings.shape
    chunks = (embeddings[start : start + 8192] for start in range(0, count, 8192))
    write_embeddings(directory / "embeddings.safetensors", chunks, count, dim, "float32")
    write_scan(Embeddings.load(directory, count, dim), directory)
    return Index.load(directory, count, dim, threads)


def _engines(embeddings: F32, queries: F32, options: argparse.Namespace, directory: Path) -> Iterator[Engine]:
    k, threads = options.k, options.threads[0]
    without = set(options.without.split(","))
    index = _our_index(embeddings, directory, threads)
    yield Engine("seeklet", lambda query: index.search(query, k).ids)

    def plain(query: F32) -> Ids:
        scores = embeddings @ query[0]
        best = np.argpartition(-scores, k)[:k]
        return best[np.argsort(-scores[best], kind="stable")][None]

    yield Engine("numpy: embeddings @ query", plain)
    for module, package in PEERS.items():
        if module not in without and importlib.util.find_spec(module) is None:
            print(f"{module} is not installed and left out: pip install {package}", file=sys.stderr)
            without.add(module)
    truth = np.concatenate([index.search(query[None], k).ids for query in queries[:RECALL_QUERIES]])
    if "faiss" not in without:
        yield from _faiss(embeddings, queries, truth, options)
    if "usearch" not in without:
        from usearch.index import MetricKind, search

        yield Engine(
            "usearch exact",
            lambda query: search(
                embeddings, query, k, MetricKind.IP, exact=True, threads=threads
            ).keys.reshape(1, -1),
        )
    if "hnswlib" not in without and len(embeddings) <= options.hnsw_rows:
        import hnswlib

        graph = hnswlib.Index("ip", embeddings.shape[1])
        graph.init_index(len(embeddings), M=16, ef_construction=200, random_seed=1)
        graph.add_items(embeddings, num_threads=2)
        graph.set_num_threads(threads)
        yield _with_recall(
            "hnswlib",
            lambda query: graph.knn_query(query, k)[0].astype(np.int64),
            graph.set_ef,
            queries,
            truth,
        )


def _faiss(embeddings: F32, queries: F32, truth: Ids, options: argparse.Namespace) -> Iterator[Engine]:
    import faiss

    k = options.k
    faiss.omp_set_num_threads(options.threads[0])
    flat = faiss.IndexFlatIP(embeddings.shape[1])
    flat.add(embeddings)
    yield Engine("faiss flat", lambda query: flat.search(query, k)[1])
    if len(embeddings) <= options.hnsw_rows:
        graph = faiss.IndexHNSWFlat(embeddings.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = 200
        graph.add(embeddings)

        def set_effort(effort: int) -> None:
            graph.hnsw.efSearch = effort

        yield _with_recall("faiss HNSW", lambda query: graph.search(query, k)[1], set_effort, queries, truth)


def _with_recall(
    name: str, search: Search, set_effort: Callable[[int], None], queries: F32, truth: Ids
) -> Engine:
    """Give a graph the least effort at which it finds RECALL of the truth."""
    for effort in (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 640, 1280):
        set_effort(effort)
        if _recall(search, queries, truth) >= RECALL:
            break
    return Engine(f"{name} (ef {effort})", search)


def _recall(search: Search, queries: F32, truth: Ids) -> float:
    found = [
        len(np.intersect1d(search(query[None])[0], ids)) for query, ids in zip(queries, truth, strict=False)
    ]
    return sum(found) / truth.size


def _timed(engines: list[Engine], rows: int, queries: F32, options: argparse.Namespace) -> list[Result]:
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    position = 0
    for _ in range(ROUNDS):
        for engine in engines:
            end = time.perf_counter() + BLOCK_SECONDS
            for call in range(WARM_UP + TIMED):
                query = queries[position % len(queries)][None]
                position += 1
                before = time.perf_counter()
                engine.search(query)
                after = time.perf_counter()
                if call >= WARM_UP:
                    times[engine.name].append((after - before) * 1e3)
                    if after > end:
                        break
    medians = {name: float(np.median(values)) for name, values in times.items()}
    flat = medians.get("faiss flat")
    truth = np.concatenate([engines[0].search(query[None]) for query in queries[:RECALL_QUERIES]])
    results = []
    print(f"\n{rows:,} rows, top {options.k}, {options.threads[0]} thread(s)")
    print(f"{'':28}{'median ms':>10}{'p99 ms':>10}{'of faiss flat':>15}{'recall':>8}")
    for engine in engines:
        median, p99 = medians[engine.name], float(np.percentile(times[engine.name], 99))
        ratio = median / flat if flat else None
        recall = _recall(engine.search, queries, truth)
        results.append(Result(rows, options.threads[0], options.k, engine.name, median, p99, ratio, recall))
        print(
            f"{engine.name:28}{median:10.3f}{p99:10.3f}{'' if ratio is None else format(ratio, '.3f'):>15}{recall:8.3f}",
            flush=True,
        )
    return results


def _verified(embeddings: F32, queries: F32, k: int, threads: int) -> str:
    """Compare the ids with those of the product in float64; tell the score gaps where they differ."""
    with tempfile.TemporaryDirectory() as directory:
        ids = _our_index(embeddings, Path(directory), threads).search(queries, k).ids
    kept_ids = np.zeros((len(queries), 0), np.int64)
    kept = np.zeros((len(queries), 0))
    for start in range(0, len(embeddings), 16384):
        part = embeddings[start : start + 16384].astype(np.float64)
        merged_ids, merged = [kept_ids], [kept]
        for low in range(0, len(queries), 1024):
            scores = queries[low : low + 1024].astype(np.float64) @ part.T
            places = np.argpartition(-scores, min(KEPT * k, len(part)) - 1, axis=1)[:, : KEPT * k]
            # Again one by one: a matrix product gives equal rows scores that differ in their last bits.
            for i, row in enumerate(places, low):
                scores[i - low, row] = np.vecdot(part[row], queries[i].astype(np.float64))
            merged_ids.append(places + start)
            merged.append(np.take_along_axis(scores, places, axis=1))
        kept_ids = np.concatenate([merged_ids[0], np.concatenate(merged_ids[1:])], axis=1)
        kept = np.concatenate([merged[0], np.concatenate(merged[1:])], axis=1)
        order = np.lexsort((kept_ids, -kept), axis=1)[:, : KEPT * k]
        kept_ids, kept = np.take_along_axis(kept_ids, order, axis=1), np.take_along_axis(kept, order, axis=1)
    best_ids, best = kept_ids[:, :k], kept[:, :k]
    queries_at, ranks = np.nonzero(ids != best_ids)
    products = np.vecdot(
        queries[queries_at].astype(np.float64), embeddings[ids[queries_at, ranks]].astype(np.float64)
    )
    gaps = np.abs(products - best[queries_at, ranks])
    worst = f", greatest gap between their scores {gaps.max():.1e}" if len(gaps) else ""
    return f"{len(embeddings):,} rows: {len(gaps)} of {ids.size:,} ids differ from float64's{worst}"


class _Counting(Embeddings):
    """Embeddings that count the rows which are scored for each query."""

    counts: list[int]

    def scores(self, ids: Ids, query: F32) -> F32:
        self.counts.append(len(ids))
        return super().scores(ids, query)


def _survivors(embeddings: F32, queries: F32, k: int) -> NDArray[np.int64]:
    """Count the rows that need an exact score, for each query; all of them where the scan gave up."""
    survivors = []
    with tempfile.TemporaryDirectory() as directory:
        _our_index(embeddings, Path(directory), 1)
        counting = _Counting.load(Path(directory), *embeddings.shape)
        assert isinstance(counting, _Counting)
        index = Index(counting, Scan(Path(directory), *embeddings.shape))
        for query in queries:
            counting.counts = []
            index.search(query[None], k)
            # First the candidates for the threshold, then the survivors.
            survivors.append(counting.counts[1] if len(counting.counts) > 1 else len(embeddings))
    return np.array(survivors)


def _plot(survivors: dict[int, NDArray[np.int64]], path: Path) -> None:
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    figure, axes = plt.subplots(figsize=(7, 4))
    for rows, counts in survivors.items():
        share = np.arange(1, len(counts) + 1) / len(counts)
        axes.step(
            np.sort(counts),
            100 * share,
            where="post",
            label=f"{rows:,} rows (median {int(np.median(counts))})",
        )
        print(
            f"{rows:,} rows: survivors "
            + ", ".join(f"{p}%: {int(np.percentile(counts, p))}" for p in (50, 90, 99, 100))
        )
    axes.set(
        xscale="log", xlabel="rows that need an exact score", ylabel="share of queries (%)", ylim=(0, 101)
    )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
