"""The command lines of `python -m export`: every option, its help and its check."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NoReturn

from export.build.vectors import DTYPES
from export.build.verify import Thresholds
from export.corpus.formats import FORMATS
from handler.errors import OptionError
from handler.pooling import POOLINGS

EXAMPLES = """\
examples:
  a CSV file with a header, its text in two columns:
    python -m export --corpus papers.csv --text title,abstract --out artifact

  JSON Lines, gzipped, with ids of its own, and two columns to come back with each answer:
    python -m export --corpus products.jsonl.gz --text name --id sku --metadata price,url --out artifact

  a text a line, from another program:
    zcat headlines.txt.gz | python -m export --corpus - --format txt --text text --out artifact

  another sentence-transformer, from a folder:
    python -m export --corpus faq.csv --text question --model ./my-model --out artifact

  then ask it:
    ARTIFACT_DIR=artifact uvicorn handler.app:app --port 3000

other commands:
  python -m export verify DIR        checks an artifact: every file's SHA-256, and int8 against fp32
  python -m export demo-corpus FILE  writes the demo corpus, the API operations of AWS, as JSON Lines

Interrupted, it goes on where it was when started again. With a changed corpus it embeds only the new texts.
Exit status: 0 done, 2 something to mend (said in one sentence), 130 interrupted.
"""


class Parser(argparse.ArgumentParser):
    """Raises OptionError where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}: see {self.prog} --help")


def _columns(value: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"{value!r} has an empty name between its commas")
    return names


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number above 0")
    return int(value)


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not between 0 and 1")
    return share


def build_parser() -> Parser:
    """`python -m export`: corpus and model to artifact."""
    parser = Parser(
        prog="python -m export",
        description="Turns a corpus and a sentence-transformer into an artifact: one folder that the handler serves.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    corpus = parser.add_argument_group("the corpus")
    corpus.add_argument(
        "--corpus",
        required=True,
        metavar="FILE",
        help=f"{', '.join(FORMATS)}, each also gzipped; - is standard input",
    )
    corpus.add_argument(
        "--text",
        required=True,
        type=_columns,
        metavar="COLUMNS",
        help="the column or columns (a,b) of the text, joined by a space",
    )
    corpus.add_argument(
        "--id", metavar="COLUMN", help="the column of unique ids (default: the row's number, from 1)"
    )
    corpus.add_argument(
        "--metadata",
        type=_columns,
        default=[],
        metavar="COLUMNS",
        help="columns to keep and give back with each answer",
    )
    corpus.add_argument("--format", choices=FORMATS, help="where the file's name doesn't tell it")
    model = parser.add_argument_group("the model")
    model.add_argument(
        "--model",
        metavar="MODEL",
        help="a sentence-transformer's folder, or its hub id (default: all-MiniLM-L6-v2)",
    )
    model.add_argument("--revision", metavar="REV", help="of a hub id: branch, tag or commit")
    model.add_argument("--sha256", metavar="HEX", help="refuse weights of another SHA-256")
    model.add_argument(
        "--pooling",
        choices=list(POOLINGS),
        help="tokens to text (default: the model's own; any other costs quality)",
    )
    model.add_argument(
        "--max-length", type=_count, metavar="N", help="tokens a text is cut at (default: the model's own)"
    )
    model.add_argument(
        "--query-prompt", metavar="TEXT", help="put before each query (default: the model's own)"
    )
    model.add_argument(
        "--document-prompt", metavar="TEXT", help="put before each document (default: the model's own)"
    )
    output = parser.add_argument_group("the artifact")
    output.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="where to; an artifact that is there is replaced",
    )
    output.add_argument(
        "--dtype",
        choices=list(DTYPES),
        default="float32",
        help="how embeddings are stored (default: float32)",
    )
    output.add_argument(
        "--threads",
        type=_count,
        default=_cpus(),
        metavar="N",
        help="texts embedded at once (default: every CPU)",
    )
    output.add_argument("--force", action="store_true", help="embed everything again, whatever is there")
    output.add_argument("--quiet", action="store_true", help="show no progress")
    _add_thresholds(output)
    output.add_argument("--no-verify", action="store_true", help="leave out the comparison of int8 with fp32")
    return parser


def _add_thresholds(group: argparse._ActionsContainer) -> None:
    default = Thresholds()
    for name, what in (
        ("cosine-mean", "mean cosine of int8 and fp32"),
        ("cosine-least", "least cosine of int8 and fp32"),
        ("overlap", "share of fp32's top 10 in int8's"),
    ):
        value = getattr(default, name.replace("-", "_"))
        group.add_argument(
            f"--min-{name}", type=_share, default=value, metavar="X", help=f"{what} (default: {value})"
        )


def thresholds(arguments: argparse.Namespace) -> Thresholds:
    """The --min options as one."""
    return Thresholds(arguments.min_cosine_mean, arguments.min_cosine_least, arguments.min_overlap)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def verify_parser() -> Parser:
    """`python -m export verify`."""
    parser = Parser(
        prog="python -m export verify",
        description="Checks an artifact: every file against its SHA-256, and int8 against the fp32 model.",
        epilog="example:\n  python -m export verify artifact --min-cosine-mean 0.99",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("artifact", type=Path, metavar="DIR")
    parser.add_argument(
        "--model", metavar="MODEL", help="the model it was made from (default: as the manifest says)"
    )
    parser.add_argument("--revision", metavar="REV", help="of a hub id")
    parser.add_argument("--threads", type=_count, default=_cpus(), metavar="N", help="texts embedded at once")
    _add_thresholds(parser)
    return parser


def demo_parser() -> Parser:
    """`python -m export demo-corpus`."""
    parser = Parser(
        prog="python -m export demo-corpus",
        description="Writes the demo corpus, the API operations of AWS from the botocore package, as JSON Lines.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    return parser
