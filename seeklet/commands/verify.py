"""`seeklet verify`: checks that an artifact is whole, and faithful to its model."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping

from seeklet.arguments import add_document_model, add_model, add_threads, add_thresholds, folder, thresholds
from seeklet.extras import require
from seeklet.parser import Parser, new_parser
from seeklet.terminal import printable

SUMMARY = "checks an artifact's files, and its int8 model against fp32"

EXAMPLES = """\
examples:
  %(prog)s artifact
  %(prog)s artifact --min-cosine-mean 0.99
  %(prog)s artifact --model ./my-model      where the artifact was made from a folder
"""


def build_parser(prog: str = "seeklet verify") -> Parser:
    """Makes the parser of the options."""
    parser = new_parser(
        prog,
        "Checks an artifact: every file against its SHA-256 and for its content, and int8 against the fp32 model.",
        EXAMPLES,
    )
    parser.add_argument("artifact", type=folder, metavar="DIR", help="the artifact's folder")
    add_model(parser, "the model it was made from (default: as the manifest says)")
    add_document_model(
        parser,
        "the model that embedded the documents, where it is another one (default: as the manifest says)",
    )
    add_threads(parser)
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    add_thresholds(parser)
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:  # noqa: ARG001
    """Verifies, and prints the figures."""
    require("export", "verify")
    from export.build.gate import verify_artifact
    from export.build.progress import Progress

    figures = verify_artifact(
        options.artifact,
        options.model,
        options.revision,
        options.threads,
        options.document_model,
        options.document_revision,
        Progress(options.quiet),
    )
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):14}{value}")
    thresholds(options).check(figures)
    print(printable(f"{options.artifact} is whole, and faithful to fp32"))
