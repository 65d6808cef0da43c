"""`seeklet export`: a corpus and a model to an artifact."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from dataclasses import fields
from pathlib import Path

from handler.errors import CorpusError, OutputError
from seeklet.arguments import (
    Parser,
    add_model,
    add_threads,
    add_thresholds,
    column_names,
    count,
    new_parser,
    thresholds,
)
from seeklet.extras import require
from seeklet.terminal import printable_lines

SUMMARY = "makes an artifact of a corpus and a sentence-transformer"

EXAMPLES = """\
examples:
  a CSV file with a header, its text in two columns:
    %(prog)s --corpus papers.csv --text title,abstract --out artifact

  JSON Lines, gzipped, with ids of its own, and two columns to come back with each answer:
    %(prog)s --corpus products.jsonl.gz --text name --id sku --metadata price,url --out artifact

  a text a line, from another program:
    zcat headlines.txt.gz | %(prog)s --corpus - --format txt --text text --out artifact

  another sentence-transformer, from a folder:
    %(prog)s --corpus faq.csv --text question --model ./my-model --out artifact

  then ask it, or serve it:
    seeklet query "storms in Europe" artifact
    seeklet serve artifact

other commands, also of `python -m export`:
  seeklet verify DIR        checks an artifact: every file's SHA-256, and int8 against fp32
  seeklet demo-corpus FILE  writes the demo corpus, the API operations of AWS, as JSON Lines

Interrupted, it goes on where it was when started again. With a changed corpus it embeds only the new texts.
"""


def build_parser(prog: str = "seeklet export") -> Parser:
    """The options, grouped by what they are about."""
    from export.build.vectors import DTYPES
    from export.corpus.formats import FORMATS
    from handler.pooling import POOLINGS

    parser = new_parser(
        prog,
        "Turns a corpus and a sentence-transformer into an artifact: one folder that the handler serves.",
        EXAMPLES,
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
        type=column_names,
        metavar="COLUMNS",
        help="the column or columns (a,b) of the text, joined by a space",
    )
    corpus.add_argument(
        "--id", metavar="COLUMN", help="the column of unique ids (default: the row's number, from 1)"
    )
    corpus.add_argument(
        "--metadata",
        type=column_names,
        default=[],
        metavar="COLUMNS",
        help="columns to keep and give back with each answer",
    )
    corpus.add_argument("--format", choices=FORMATS, help="where the file's name doesn't tell it")
    model = parser.add_argument_group("the model")
    add_model(model, "a sentence-transformer's folder, or its hub id (default: all-MiniLM-L6-v2)")
    model.add_argument("--sha256", metavar="HEX", help="refuse weights of another SHA-256")
    model.add_argument(
        "--pooling",
        choices=list(POOLINGS),
        help="tokens to text (default: the model's own; any other costs quality)",
    )
    model.add_argument(
        "--max-length", type=count, metavar="N", help="tokens a text is cut at (default: the model's own)"
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
    add_threads(output)
    output.add_argument("--force", action="store_true", help="embed everything again, whatever is there")
    output.add_argument("--quiet", action="store_true", help="show no progress")
    add_thresholds(output)
    output.add_argument("--no-verify", action="store_true", help="leave out the comparison of int8 with fp32")
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:  # noqa: ARG001
    """Exports, and prints the summary."""
    require("export", "export")
    # After the options are read: --help and a wrong option don't wait for the rest.
    from export.build.pipeline import BuildOptions, build
    from export.build.progress import Progress
    from export.build.summary import describe

    if options.corpus != "-":
        _check_corpus(Path(options.corpus))
    _check_out(options.out)
    names = {field.name for field in fields(BuildOptions)} - {"thresholds"}
    given = BuildOptions(
        **{name: getattr(options, name) for name in names},
        thresholds=None if options.no_verify else thresholds(options),
    )
    try:
        summary = build(given, Progress(options.quiet))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command goes on from here") from None
    # "new/../artifact" can be made, but there is no folder "new" to reach it through afterwards.
    out = given.out if given.out.is_dir() else given.out.resolve()
    print(printable_lines(describe(summary, out)))


def _check_corpus(path: Path) -> None:
    """Told before the model is read; whatever else is wrong with it is told when it is opened."""
    try:
        path.stat()
    except FileNotFoundError:
        raise CorpusError(f"there is no corpus file {path}: check --corpus") from None
    except OSError as error:
        raise CorpusError(f"{path} can't be opened ({error.strerror}): check --corpus") from None


def _check_out(path: Path) -> None:
    """A loop of symbolic links is an error of its own in some versions of Python, and none in others."""
    try:
        path.resolve()
        path.stat()
    except FileNotFoundError:
        return
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a loop of symbolic links"
        raise OutputError(f"{path} can't be written ({reason}): choose another --out") from None
