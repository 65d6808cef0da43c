"""The command-line options that benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record import QUICK_RESULTS, ROOT, default_file


def make_parser(doc: str) -> argparse.ArgumentParser:
    """Returns a parser with the options that all benchmarks share, --json and --quick.

    Args:
        doc: the module's docstring, shown as it stands.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where the results go (default: by processor)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few samples, to see that it runs; kept under build/, not in results/",
    )
    return parser


def add_sets(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a benchmark that exports retrieval sets: SET ..., --artifacts and --threads."""
    parser.add_argument("sets", nargs="+", type=_retrieval_set, metavar="SET")
    parser.add_argument(
        "--artifacts", type=Path, default=ROOT / "build" / "answers", help="where the exports are kept"
    )
    parser.add_argument("--threads", type=int, help="texts to embed at once (default: one on each CPU)")


def _retrieval_set(text: str) -> Path:
    judged = Path(text) / "qrels" / "test.tsv"
    if not judged.exists():
        raise argparse.ArgumentTypeError(f"there is no {judged}")
    return Path(text)


def results_file(options: argparse.Namespace) -> Path:
    """Returns the file that the options ask for: that of --json, or with --quick one outside of results/."""
    chosen: Path | None = options.json
    return chosen or (QUICK_RESULTS if options.quick else default_file())


def numbers(text: str) -> list[int]:
    """Returns the whole numbers of a list such as 1000,20000."""
    return [int(part) for part in text.split(",")]


def sizes_of(asked: Sequence[int] | None, count: int) -> list[int]:
    """Returns the sizes to measure: those asked for, none above the corpus's own and none twice."""
    return sorted({min(size, count) for size in asked or [count]})
