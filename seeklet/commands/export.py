"""`seeklet export`: makes an artifact of a corpus and a model."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from contextlib import closing, nullcontext
from dataclasses import fields
from pathlib import Path

from handler.errors import CorpusError, OutputError
from seeklet.arguments import (
    add_corpus,
    add_document_model,
    add_model,
    add_threads,
    add_thresholds,
    column_types,
    count,
    count_or_zero,
    new_folder,
    sha256,
    share,
    thresholds,
)
from seeklet.engines import add_engine, choose_engine
from seeklet.extras import require
from seeklet.parser import Parser, new_parser
from seeklet.terminal import printable_lines

SUMMARY = "makes an artifact of a corpus and a sentence-transformer"

EXAMPLES = """\
examples:
  a CSV file with a header, its text in two columns:
    %(prog)s --corpus papers.csv --text title,abstract --out artifact

  JSON Lines, gzipped, with ids, and two columns to return with each answer:
    %(prog)s --corpus products.jsonl.gz --text name --id sku --metadata price,url --out artifact

  answers filtered by year, and by a zip code, which is text though it has only digits:
    %(prog)s --corpus shops.csv --text name --metadata opened,zip --column opened=date --column zip=string --out artifact

  one text on each line, from another program:
    zcat headlines.txt.gz | %(prog)s --corpus - --format txt --text text --out artifact

  another sentence-transformer, from a folder:
    %(prog)s --corpus faq.csv --text question --model ./my-model --out artifact

  a small model for the queries, and its large teacher for the documents:
    %(prog)s --corpus faq.csv --text question --model ./small --document-model ./large --out artifact

  documents of several pages, each searched in all its parts:
    %(prog)s --corpus manual.jsonl --text title,body --passages --out artifact

  millions of texts, on every core of a Ray cluster:
    %(prog)s --corpus corpus.parquet --text text --engine ray --ray-address 10.0.0.5:6379 --ray-shards s3://bucket/work --out artifact

  then ask it, or serve it:
    seeklet query "storms in Europe" artifact
    seeklet serve artifact

models: BERT, RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT, MPNet, ELECTRA and ModernBERT, with mean, max or cls
pooling, and Dense layers or a Router. docs/models.md has a table of published models, and says which need a
--query-prompt.

other commands, also of `python -m export`:
  seeklet verify DIR        checks an artifact: every file's SHA-256, and int8 against fp32
  seeklet demo-corpus FILE  writes the demo corpus, the API operations of AWS, as JSON Lines

After an interruption, the same command continues. After a change of the corpus it embeds only the new texts.
"""


def build_parser(prog: str = "seeklet export") -> Parser:
    """Makes the parser of the options, in groups by subject."""
    from export.build.vectors import DEFAULT_DTYPE, DTYPES
    from export.build.write_map import DEFAULT_METHOD, METHODS
    from handler.pooling import POOLINGS
    from handler.postings import SHARE

    parser = new_parser(
        prog,
        "Turns a corpus and a sentence-transformer into an artifact: one folder, from which the function answers.",
        EXAMPLES,
    )
    add_corpus(parser.add_argument_group("the corpus"))
    model = parser.add_argument_group("the model")
    add_model(model, "a sentence-transformer's folder, or its hub id (default: all-MiniLM-L6-v2)")
    model.add_argument("--sha256", type=sha256, metavar="HEX", help="refuse weights of another SHA-256")
    model.add_argument(
        "--pooling",
        choices=list(POOLINGS),
        help="how token vectors become one vector (default: the model's own; any other costs quality; "
        "a document model always has its own)",
    )
    model.add_argument(
        "--max-length",
        type=count,
        metavar="N",
        help="tokens after which a text is cut, query or document (default: each model's own)",
    )
    model.add_argument(
        "--dim",
        type=count,
        metavar="N",
        help="keep the first N dimensions of each vector, for models that were trained for it (default: the model's own)",
    )
    model.add_argument(
        "--query-prompt", metavar="TEXT", help="words before each query (default: the model's own)"
    )
    model.add_argument(
        "--document-prompt", metavar="TEXT", help="words before each document (default: the model's own)"
    )
    add_document_model(
        model,
        "another model of the same dimensions, which embeds the documents; queries cost no more (default: --model)",
    )
    passages = parser.add_argument_group("long texts")
    passages.add_argument(
        "--passages",
        action="store_true",
        help="cut long texts into passages instead of cutting them off; an answer names a document once, by its best one",
    )
    passages.add_argument(
        "--passage-tokens",
        type=count,
        metavar="N",
        help="the most tokens of a passage (default: 128, or less where the model reads less)",
    )
    passages.add_argument(
        "--passage-overlap",
        type=count_or_zero,
        metavar="N",
        help="the most tokens that a passage shares with the one before, in whole sentences (default: 32, or less for short passages)",
    )
    keywords = parser.add_argument_group("the keywords")
    keywords.add_argument(
        "--no-keywords",
        dest="keywords",
        action="store_false",
        help="write no keyword index: the artifact answers by meaning alone",
    )
    keywords.add_argument(
        "--language",
        metavar="CODE",
        help="the language of the texts, such as en or de: English words become stems, other languages the model's "
        "word pieces (default: found from the corpus)",
    )
    keywords.add_argument(
        "--share",
        type=share,
        default=SHARE,
        metavar="X",
        help=f"the weight of the keywords in a score, 0 to 1; the meaning has the rest (default: {SHARE})",
    )
    add_engine(parser.add_argument_group("where texts are embedded"))
    output = parser.add_argument_group("the artifact")
    output.add_argument(
        "--out",
        required=True,
        type=new_folder,
        metavar="DIR",
        help="the folder to write; an existing artifact is replaced",
    )
    output.add_argument(
        "--dtype",
        choices=list(DTYPES),
        default=DEFAULT_DTYPE,
        help="how embeddings are stored: int8 is a quarter of float32's bytes, and answers as well (default: int8)",
    )
    output.add_argument(
        "--map",
        choices=list(METHODS),
        default=DEFAULT_METHOD,
        help="how the documents get their places on the map of GET /map: by PCA, by UMAP (slower; needs umap-learn), or "
        f"none (default: {DEFAULT_METHOD})",
    )
    add_threads(output)
    output.add_argument("--force", action="store_true", help="embed everything again")
    output.add_argument("--quiet", action="store_true", help="show no progress")
    add_thresholds(output)
    output.add_argument("--no-verify", action="store_true", help="leave out the comparison of int8 with fp32")
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:  # noqa: ARG001
    """Exports, and prints the summary."""
    require("export", "export")
    # Imported after the options are read, so that --help and a wrong option are answered at once.
    from export.build.options import BuildOptions
    from export.build.pipeline import build
    from export.build.progress import Progress
    from export.build.summary import describe

    if options.corpus != "-":
        _check_corpus(options.corpus)
    _check_out(options.out)
    names = {field.name for field in fields(BuildOptions)} - {"thresholds"}
    given = BuildOptions(
        **{name: getattr(options, name) for name in names - {"columns"}},
        columns=column_types(options.columns),
        thresholds=None if options.no_verify else thresholds(options),
    )
    progress = Progress(options.quiet)
    engine = choose_engine(
        options.engine,
        progress,
        address=options.ray_address,
        workers=options.ray_workers,
        shards=options.ray_shards,
    )
    try:
        with closing(engine) if engine else nullcontext():
            summary = build(given, progress, engine=engine)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command continues from here") from None
    # "new/../artifact" can be made, but there is no folder "new" to reach it through afterwards.
    out = given.out if given.out.is_dir() else given.out.resolve()
    print(printable_lines(describe(summary, out)))


def _check_corpus(corpus: str) -> None:
    """Raises CorpusError where there is no such file, before the model is read. Other errors come when it is opened."""
    from export.corpus.places import find_files

    if find_files(corpus) != [corpus] or corpus.startswith("s3://"):
        return
    try:
        Path(corpus).stat()
    except FileNotFoundError:
        raise CorpusError(f"there is no corpus file {corpus}: check --corpus") from None
    except OSError as error:
        raise CorpusError(f"{corpus} can't be opened ({error.strerror}): check --corpus") from None


def _check_out(path: Path) -> None:
    """Raises OutputError where the path can't be used. Not every version of Python reports a loop of symbolic links."""
    try:
        path.resolve()
        path.stat()
    except FileNotFoundError:
        return
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a loop of symbolic links"
        raise OutputError(f"{path} can't be written ({reason}): choose another --out") from None
