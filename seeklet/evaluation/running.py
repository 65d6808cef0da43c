"""Loads artifacts, and evaluates or compares them with a line of progress on standard error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from handler.errors import EvaluationError
from handler.searcher import Searcher
from seeklet.evaluation.comparing import Comparison, compare
from seeklet.evaluation.evaluating import evaluate
from seeklet.evaluation.judgements import Judgements
from seeklet.evaluation.metrics import NDCG
from seeklet.evaluation.results import Evaluation
from seeklet.evaluation.scores import SearcherScores
from seeklet.evaluation.text import way
from seeklet.progress import Counter


def run(directory: Path, judgements: Judgements, *, depth: int, threads: int, quiet: bool) -> Evaluation:
    """Evaluates the artifact in `directory`. Raises ArtifactError or EvaluationError where it can't."""
    searcher = Searcher.load(directory, threads)
    keywords = searcher.manifest.keywords
    with ExitStack() as stack:

        def start(queries: int) -> Callable[[], None]:
            return stack.enter_context(Counter("evaluating", queries, "queries", quiet=quiet)).add

        return evaluate(
            SearcherScores(searcher),
            searcher.local.documents,
            judgements,
            artifact=str(directory),
            present=None if keywords is None else float(keywords["share"]),
            depth=depth,
            start=start,
        )


def run_comparison(
    before: Path, after: Path, queries: Sequence[str], *, threads: int, quiet: bool
) -> Comparison:
    """Compares two artifacts. Raises ArtifactError where one can't be loaded."""
    old, new = Searcher.load(before, threads), Searcher.load(after, threads)
    with Counter("comparing", len(queries), "queries", quiet=quiet) as counter:
        return compare((str(before), old), (str(after), new), queries, counter.add)


def check_ndcg(evaluation: Evaluation, least: float) -> None:
    """Raises EvaluationError where the artifact's own way to answer has a lower nDCG@10 than `least`."""
    line = evaluation.final
    found = line.figures[NDCG].mean
    if not found >= least:
        raise EvaluationError(
            f"{evaluation.artifact} has nDCG@10 {found:.4f} ({way(line)}), the least allowed is {least:g}: "
            "look at the queries it loses (--report FILE.html), or lower --min-ndcg"
        )
