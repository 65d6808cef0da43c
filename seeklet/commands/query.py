"""`seeklet query`: asks an artifact's folder, a URL or a deployed function, and prints a table or JSON."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path

from handler.errors import OptionError
from handler.json_types import is_unicode
from handler.manifest import MODES
from seeklet.arguments import DEFAULT_ARTIFACT, count, default_artifact, share
from seeklet.parser import Parser, new_parser
from seeklet.targets import Question, Result, find_target, is_folder, is_url
from seeklet.terminal import columns, cut, pad, printable, to_json

SUMMARY = "asks an artifact, a URL or a deployed function"

EXAMPLES = """\
examples:
  %(prog)s "storms in Europe"                       the artifact in ./artifact or ./build/artifact
  %(prog)s "storms in Europe" my-artifact -k 10
  API_KEY=secret %(prog)s "storms in Europe" https://abc123.execute-api.eu-west-1.amazonaws.com
  %(prog)s "storms in Europe" my-search-SearchFunction-1AB2C3 --region eu-west-1
  %(prog)s "AB-1203" my-artifact --mode keyword
  %(prog)s - my-artifact < queries.txt | jq .results[0].id

In a terminal it prints a table. Elsewhere, or with --json, it prints an object {"query", "results"};
for TEXT - it prints one such object on a line for each query.
"""
SCORE_COLUMNS = 7  # "-0.1234"
ID_COLUMNS = 32
LEAST_TEXT_COLUMNS = 20


def build_parser(prog: str = "seeklet query") -> Parser:
    """Makes the parser of the options."""
    parser = new_parser(
        prog,
        "Finds the documents that answer a text best, by meaning and words: in an artifact's folder, through the service\n"
        "at a URL, or by a deployed Lambda function.",
        EXAMPLES,
    )
    parser.surplus = "put a query of several words into quotes"
    parser.add_argument(
        "text", metavar="TEXT", help="the query, in words; - reads queries from standard input, one on a line"
    )
    parser.add_argument(
        "target",
        nargs="?",
        metavar="TARGET",
        help="an artifact's folder, an http(s) URL, or the name or ARN of a deployed function "
        f"(default: {DEFAULT_ARTIFACT})",
    )
    answer = parser.add_argument_group("the answer")
    answer.add_argument("-k", type=count, default=5, metavar="N", help="how many documents (default: 5)")
    answer.add_argument(
        "--json", action="store_true", help="JSON, as it is when standard output isn't a terminal"
    )
    answer.add_argument(
        "--mode",
        choices=MODES,
        help="hybrid: by meaning and words; semantic: by meaning; keyword: by words (default: for a folder, hybrid "
        "where the artifact has keywords, else semantic; for a URL or a function, semantic)",
    )
    answer.add_argument(
        "--share",
        type=share,
        metavar="X",
        help="the weight of the words in a hybrid score, 0 to 1 (default: the artifact's)",
    )
    url = parser.add_argument_group("a URL")
    url.add_argument(
        "--api-key",
        metavar="KEY",
        help="sent as x-api-key (default: $API_KEY, which unlike this option isn't in the list of processes)",
    )
    function = parser.add_argument_group('a function (needs the extra "aws")')
    function.add_argument(
        "--region", metavar="REGION", help="its AWS region (default: the one that AWS's tools use)"
    )
    function.add_argument(
        "--profile",
        metavar="NAME",
        help="a profile of the AWS configuration (default: the one that AWS's tools use)",
    )
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:
    """Asks, and prints what was found."""
    _check_order(options.text, options.target)
    if options.share is not None and options.mode not in (None, "hybrid"):
        raise OptionError(f"--share is for --mode hybrid, not {options.mode}: leave one of them out")
    mode = options.mode if options.share is None else "hybrid"
    many = options.text == "-"
    if not many:
        _check_text(options.text)
    target = options.target or str(default_artifact(environ.get("ARTIFACT_DIR")))
    ask = find_target(
        target,
        options.api_key or environ.get("API_KEY"),
        options.region or environ.get("AWS_REGION"),
        options.profile,
    )
    if many:
        for query in _read_queries():
            results = ask(Question(query, options.k, mode, options.share))
            print(to_json({"query": query, "results": results}), flush=True)
        return
    results = ask(Question(options.text, options.k, mode, options.share))
    if options.json or not sys.stdout.isatty():
        print(to_json({"query": options.text, "results": results}, indent=2))
    elif results:
        print("\n".join(table(results, shutil.get_terminal_size().columns)))
    else:
        what = "no document holds these words" if mode == "keyword" else "nothing was found"
        print(what, file=sys.stderr)


def table(results: Sequence[Result], width: int) -> list[str]:
    """Returns a line with rank, score, id and text (or passage) for each result, cut to `width` columns unless that is too few."""
    ids = [cut(printable(result["id"]), ID_COLUMNS) for result in results]
    id_columns = max([2, *map(columns, ids)])
    rank_columns = max(4, len(str(len(results))))
    text_columns = max(LEAST_TEXT_COLUMNS, width - rank_columns - SCORE_COLUMNS - id_columns - 3 * 2)
    lines = [f"{'rank':>{rank_columns}}  {'score':>{SCORE_COLUMNS}}  {pad('id', id_columns)}  text"]
    for rank, (result, shown) in enumerate(zip(results, ids, strict=True), start=1):
        passage = result.get("passage", {"start": 0, "end": None})
        text = cut(printable(result["text"][passage["start"] : passage["end"]]), text_columns)
        lines.append(
            f"{rank:>{rank_columns}}  {result['score']:{SCORE_COLUMNS}.4f}  {pad(shown, id_columns)}  {text}"
        )
    return lines


def _check_order(text: str, target: str | None) -> None:
    """Raises OptionError where TEXT is what TARGET should be."""
    if text == "-" or (target is not None and (is_url(target) or is_folder(target))):
        return
    if target is None:
        if is_url(text) or (is_folder(text) and (Path(text) / "manifest.json").exists()):
            raise OptionError(
                f"{text} is a target, and the query is missing: seeklet query TEXT {shlex.quote(text)}"
            )
    elif is_url(text) or is_folder(text):
        raise OptionError(
            f"the query comes first, then the target: seeklet query {shlex.quote(target)} {shlex.quote(text)}"
        )


def _check_text(text: str) -> None:
    if not text.strip():
        raise OptionError("the query is empty: seeklet query TEXT")
    if not is_unicode(text):
        raise OptionError("the query is not UTF-8: check the terminal's encoding")


def _read_queries() -> Iterator[str]:
    """Yields the lines of standard input that aren't blank."""
    if sys.stdin is None:
        raise OptionError("standard input is closed: pipe the queries in, one a line")
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            query = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise OptionError(f"line {number} of standard input is not UTF-8: convert it first") from None
        if query:
            yield query
