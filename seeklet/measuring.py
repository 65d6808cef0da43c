"""`evaluate` for use from Python. It does what the command of this name does.

numpy and ONNX Runtime are imported when it is called, so that `import seeklet` stays small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from handler.threads import threads_or_cpus

if TYPE_CHECKING:
    from seeklet.evaluation.results import Evaluation

Queries = str | PathLike[str] | Mapping[str, Iterable[str] | Mapping[str, float]]


def evaluate(
    artifact: str | PathLike[str],
    queries: Queries,
    *,
    query: str | None = None,
    relevant: str | None = None,
    grade: str | None = None,
    k: int = 100,
    choose: bool = False,
    min_ndcg: float | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Evaluation:
    """Measures how well an artifact answers queries whose relevant documents are known.

        >>> import seeklet
        >>> found = seeklet.evaluate("artifact", {"storms in Europe": ["10.1/storm"], "bread": ["10.1/bread"]})
        >>> found.now.figures["ndcg@10"].mean
        1.0

    Args:
        artifact: the artifact's folder.
        queries: a CSV or TSV file, a folder in BEIR's layout, or a mapping of each query to its relevant ids, or to
            their grades by id.
        query: the file's column of queries; without it a usual name, or else the first column.
        relevant: the file's column of relevant ids; without it a usual name, or else the next column.
        grade: the file's column of grades; without it a usual name, or else every document has the grade 1.
        k: the ranks within which the deeper recall counts.
        choose: whether to write the best share of keywords into the manifest, where it beats the present one beyond
            chance.
        min_ndcg: the least nDCG@10 that is accepted of the artifact's default way to answer.
        threads: how many queries are embedded at once; without it one on each CPU.
        progress: whether to show progress on standard error.

    Returns:
        The figures of every mode and share with their 95% intervals, and the queries that tell most.

    Raises:
        EvaluationError: the judgements can't be used, or the artifact scores less than asked.
        ArtifactError: the artifact can't be loaded.
        ValueError: `k` is no whole number above 0, or `threads` is less than 1.
        TypeError: a query or an id of the mapping is no string.
    """
    if not isinstance(k, Integral) or k < 1:
        raise ValueError(f"k is {k!r:.40}: give a whole number above 0")
    from seeklet.evaluation.choosing import apply_choice
    from seeklet.evaluation.judgements import Columns, judgements_of, read_judgements
    from seeklet.evaluation.running import check_ndcg, run

    judgements = (
        judgements_of(queries)
        if isinstance(queries, Mapping)
        else read_judgements(Path(queries), Columns(query, relevant, grade))
    )
    evaluation = run(
        Path(artifact), judgements, depth=int(k), threads=threads_or_cpus(threads), quiet=not progress
    )
    if choose:
        evaluation, _ = apply_choice(evaluation)
    if min_ndcg is not None:
        check_ndcg(evaluation, min_ndcg)
    return evaluation
