"""`seeklet demo-corpus`: writes the demo corpus."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path

from handler.errors import OutputError
from seeklet.extras import require
from seeklet.parser import Parser, new_parser
from seeklet.terminal import printable

SUMMARY = "writes the demo corpus, the API operations of AWS"

EXAMPLES = """\
example:
  %(prog)s demo.jsonl
  seeklet export --corpus demo.jsonl --text text --id id --metadata service,operation --out artifact
"""


def build_parser(prog: str = "seeklet demo-corpus") -> Parser:
    """Makes the parser of the one argument."""
    parser = new_parser(
        prog,
        "Writes the demo corpus, the API operations of AWS from the botocore package, as JSON Lines.",
        EXAMPLES,
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="the file to write; an existing file is replaced"
    )
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:  # noqa: ARG001
    """Writes the file, and prints how many operations it has."""
    require("demo", "demo-corpus")
    from export.corpus.demo import write_demo_corpus

    file: Path = options.file
    if file.is_dir():
        raise OutputError(f"{file} is a folder: name a file")
    print(printable(f"{file}: {write_demo_corpus(file):,} operations"))
