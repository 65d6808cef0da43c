"""`seeklet evaluate`: measures how well an artifact answers, or what changed between two artifacts."""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import EvaluationError, OptionError
from handler.manifest import MANIFEST_FILE
from seeklet.arguments import add_threads, count, folder, share
from seeklet.parser import Parser, new_parser
from seeklet.terminal import printable, to_json

if TYPE_CHECKING:
    from seeklet.evaluation.judgements import Columns

SUMMARY = "measures how well an artifact answers, and chooses the share"

DEPTH = 100  # -k, where it isn't given

EXAMPLES = """\
examples:
  the judgements in a CSV file, a row for each query and relevant id:
    %(prog)s artifact queries.csv
    %(prog)s artifact log.tsv --query search_term --relevant clicked_id

  a folder in BEIR's layout: queries.jsonl and qrels/test.tsv:
    %(prog)s artifact scifact

  write the best share of keywords into the artifact, where it is better beyond chance:
    %(prog)s artifact queries.csv --choose

  in a pipeline: fail where the answers got worse, and keep a report:
    %(prog)s artifact queries.csv --min-ndcg 0.6 --report report.html

  without judgements: what changed between two artifacts:
    %(prog)s --compare old-artifact artifact queries.txt

It prints tables, also into a file or a pipe; --json prints an object instead.
docs/evaluate.md explains the figures, and how to make judgements from your own logs.
"""


def build_parser(prog: str = "seeklet evaluate") -> Parser:
    """Makes the parser of the options."""
    parser = new_parser(
        prog,
        "Measures how well an artifact answers queries whose relevant documents you know: nDCG@10, recall and MRR\n"
        "of every mode and share of keywords, with 95% intervals. Or compares the answers of two artifacts.",
        EXAMPLES,
    )
    parser.add_argument("artifact", type=folder, metavar="DIR", help="the artifact's folder")
    parser.add_argument(
        "queries",
        type=Path,
        metavar="QUERIES",
        help="a CSV or TSV file (also .gz) with a header, or a folder in BEIR's layout; "
        "for --compare also a .txt file with a query on each line",
    )
    table = parser.add_argument_group("the columns of a CSV or TSV file")
    table.add_argument(
        "--query", metavar="COLUMN", help="the query (default: a usual name, else the first column)"
    )
    table.add_argument(
        "--relevant",
        metavar="COLUMN",
        help="the id of a relevant document; several rows of a query are several relevant documents "
        "(default: a usual name, else the next column)",
    )
    table.add_argument(
        "--grade",
        metavar="COLUMN",
        help="how relevant it is, above 0 (default: a column grade, relevance or gain, else 1)",
    )
    what = parser.add_argument_group("what to do")
    what.add_argument(
        "-k",
        "--k",
        type=count,
        metavar="N",
        help=f"the ranks within which the deeper recall counts (default: {DEPTH})",
    )
    what.add_argument(
        "--choose",
        action="store_true",
        help="write the best share of keywords into the manifest, where it beats the present one beyond chance",
    )
    what.add_argument(
        "--min-ndcg",
        type=share,
        metavar="X",
        help="fail where the artifact's own way to answer has a lower nDCG@10",
    )
    what.add_argument(
        "--compare",
        type=Path,
        metavar="OLD",
        help="compare the answers of DIR with those of the artifact OLD; no judgements are needed",
    )
    add_threads(what)
    output = parser.add_argument_group("the output")
    output.add_argument("--json", action="store_true", help="print JSON, not tables")
    output.add_argument(
        "--report", type=Path, metavar="FILE", help="also write an HTML report, which loads no other file"
    )
    output.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:  # noqa: ARG001
    """Evaluates or compares, and prints what was found."""
    if options.artifact.is_file() and (options.queries / MANIFEST_FILE).is_file():
        raise OptionError(
            f"the artifact comes first, then the queries: seeklet evaluate {shlex.quote(str(options.queries))} "
            f"{shlex.quote(str(options.artifact))}"
        )
    if options.compare is not None:
        _compare(options)
    else:
        _evaluate(options)


def _evaluate(options: argparse.Namespace) -> None:
    # Imported after the options are read, so that --help and a wrong option are answered at once.
    from seeklet.evaluation.choosing import apply_choice
    from seeklet.evaluation.judgements import read_judgements
    from seeklet.evaluation.report import report
    from seeklet.evaluation.running import check_ndcg, run
    from seeklet.evaluation.text import describe

    _check_report(options)
    judgements = read_judgements(options.queries, _columns(options))
    evaluation = run(
        options.artifact, judgements, depth=options.k or DEPTH, threads=options.threads, quiet=options.quiet
    )
    notes = []
    if options.choose:
        evaluation, choice = apply_choice(evaluation)
        notes.append(choice.why)
    if options.json:
        print(to_json({**evaluation.fields(), **({"choice": notes[0]} if notes else {})}, indent=2))
    else:
        print(
            "\n".join(
                [*describe(evaluation, shutil.get_terminal_size().columns), *["", *notes][: 2 * len(notes)]]
            )
        )
    _write_report(options.report, report(evaluation, notes))
    if options.min_ndcg is not None:
        check_ndcg(evaluation, options.min_ndcg)


def _compare(options: argparse.Namespace) -> None:
    from seeklet.evaluation.judgements import read_query_texts
    from seeklet.evaluation.report import report_comparison
    from seeklet.evaluation.running import run_comparison
    from seeklet.evaluation.text import describe_comparison

    needless = {"--choose": options.choose or None, "--min-ndcg": options.min_ndcg}
    needless |= {"--relevant": options.relevant, "--grade": options.grade, "-k": options.k}
    for name, value in needless.items():
        if value is not None:
            raise OptionError(f"{name} needs judgements, and --compare reads none: leave one out")
    _check_report(options)
    comparison = run_comparison(
        options.compare,
        options.artifact,
        read_query_texts(options.queries, _columns(options)),
        threads=options.threads,
        quiet=options.quiet,
    )
    if options.json:
        print(to_json(comparison.fields(), indent=2))
    else:
        print("\n".join(describe_comparison(comparison, shutil.get_terminal_size().columns)))
    _write_report(options.report, report_comparison(comparison))


def _columns(options: argparse.Namespace) -> Columns:
    from seeklet.evaluation.judgements import Columns

    return Columns(options.query, options.relevant, options.grade)


def _check_report(options: argparse.Namespace) -> None:
    """Raises EvaluationError where the report can't be written, or over what is read, before the work is done."""
    path: Path | None = options.report
    if path is None:
        return
    file = next((above for above in path.absolute().parents if above.is_file()), None)
    if path.is_dir() or file:
        what = "is a folder" if path.is_dir() else f"can't be written, for {file} is a file"
        raise EvaluationError(f"{path} {what}: name another file as --report")
    read = [given.resolve() for given in (options.queries, options.artifact, options.compare) if given]
    place = path.resolve()
    if not {place, *place.parents}.isdisjoint(read):
        raise EvaluationError(f"{path} is what is read, or lies in it: name another file as --report")


def _write_report(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half of a surrogate pair can come from a path.
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise EvaluationError(
            f"{printable(str(path))} can't be written ({error.strerror}): name another file as --report"
        ) from None
