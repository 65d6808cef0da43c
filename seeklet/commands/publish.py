"""`seeklet publish`: copies an artifact into PostgreSQL with pgvector, and makes it current there."""

from __future__ import annotations

import argparse
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import OptionError
from seeklet.arguments import DEFAULT_ARTIFACT, count, count_or_zero, default_artifact, share
from seeklet.extras import require
from seeklet.parser import Parser, new_parser
from seeklet.publishing import (
    PublishProgress,
    describe,
    describe_dropped,
    describe_releases,
)
from seeklet.terminal import printable

if TYPE_CHECKING:
    from handler.postgres.address import Address

SUMMARY = "copies an artifact into PostgreSQL, as its next release"

EXAMPLES = """\
examples:
  %(prog)s artifact postgresql://seeklet@db.example.org/search
  %(prog)s artifact --changed --drop-old      the address from $INDEX_URI, the password from $PGPASSWORD
  %(prog)s --list postgresql://seeklet@db.example.org/search
  %(prog)s --rollback

After an interruption, the same command continues. The release that is current stays so until the new one is whole.
docs/postgresql.md has the rights that the role needs, and the tables.
"""
SCHEMES = ("postgresql://", "postgres://")
# What maintenance_work_mem, in MB, and max_parallel_maintenance_workers can be.
_MOST_MEMORY = 2_097_151
_MOST_WORKERS = 1024


def build_parser(prog: str = "seeklet publish") -> Parser:
    """Makes the parser of the options."""
    parser = new_parser(
        prog,
        "Copies an artifact into a PostgreSQL database with pgvector, in tables of its own, and makes it the current\n"
        "release in one transaction.",
        EXAMPLES,
    )
    parser.add_argument(
        "artifact", nargs="?", metavar="DIR", help=f"the artifact's folder (default: {DEFAULT_ARTIFACT})"
    )
    parser.add_argument(
        "address",
        nargs="?",
        metavar="URI",
        help="postgresql://user@host:5432/database (default: $INDEX_URI); its password may be in $PGPASSWORD",
    )
    release = parser.add_argument_group("the release")
    release.add_argument(
        "--name",
        default="seeklet",
        metavar="NAME",
        help="the corpus's name in the database, which may have several (default: seeklet)",
    )
    release.add_argument(
        "--changed",
        action="store_true",
        help="send only documents that the current release lacks; the others are copied within the database",
    )
    release.add_argument(
        "--reader",
        metavar="ROLE",
        help="a role that may read the release: the function's, without other rights",
    )
    index = parser.add_argument_group("the HNSW index")
    index.add_argument(
        "--recall",
        type=share,
        default=0.98,
        metavar="X",
        help="choose the least ef_search that finds this share of the 10 best rows (default: 0.98)",
    )
    index.add_argument(
        "--m", type=count, default=16, metavar="N", help="neighbours of a row, 2 to 100 (default: 16)"
    )
    index.add_argument(
        "--ef-construction",
        type=count,
        default=128,
        metavar="N",
        help="candidates while the index is built, 2 * m to 1000 (default: 128)",
    )
    index.add_argument(
        "--index-memory",
        type=count,
        metavar="MB",
        help="the server's memory for building (default: as needed, up to half of what the server seems to have)",
    )
    index.add_argument(
        "--index-workers",
        type=count_or_zero,
        metavar="N",
        help="processes that help to build (default: the server's)",
    )
    others = parser.add_argument_group("other releases")
    others.add_argument(
        "--drop-old",
        action="store_true",
        help="drop every release that isn't current; without DIR nothing is published",
    )
    others.add_argument("--list", action="store_true", help="list the releases, and publish nothing")
    others.add_argument(
        "--rollback",
        action="store_true",
        help="go back to the release before the current one that wasn't rolled back itself, and publish nothing",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:
    """Does what the options say, and prints it."""
    _sort_arguments(options)
    require("postgres", "publish")
    from handler.postgres.address import parse_address
    from handler.postgres.layout import check_name

    name = check_name(options.name, "--name")
    uri = options.address or environ.get("INDEX_URI")
    if not uri:
        raise OptionError("which database? Name it as postgresql://user@host/database, or set INDEX_URI")
    address = parse_address(uri, "the address" if options.address else "INDEX_URI")
    if address.password is None and environ.get("PGPASSWORD"):
        address = address._replace(password=environ["PGPASSWORD"])
    others = options.list or options.rollback or options.drop_old
    if options.artifact or not others:
        _publish(options, default_artifact(options.artifact or environ.get("ARTIFACT_DIR")), name, address)
    if others:
        _others(options, name, address)


def _sort_arguments(options: argparse.Namespace) -> None:
    """Finds the address where the folder was left out, and checks what can't be asked together."""
    if options.artifact and options.artifact.startswith(SCHEMES):
        if options.address:
            raise OptionError("the folder comes first, then the address")
        options.artifact, options.address = None, options.artifact
    if options.reader == "":
        raise OptionError("--reader is empty: name a role, or leave it out")
    if options.artifact and (options.list or options.rollback):
        raise OptionError("--list and --rollback publish nothing: leave out DIR")
    if options.reader and (options.list or (options.drop_old and not options.artifact)):
        raise OptionError("--reader goes with a release that becomes current: leave it out, or name DIR")
    if options.rollback and options.drop_old:
        raise OptionError(
            "--rollback and --drop-old contradict: drop old releases when the right one is current"
        )
    if not 2 <= options.m <= 100:
        raise OptionError(f"--m is {options.m}, not 2 to 100")
    if not 2 * options.m <= options.ef_construction <= 1000:
        raise OptionError(
            f"--ef-construction is {options.ef_construction}, with --m {options.m} it is {2 * options.m} to 1000"
        )
    # The server would refuse them too, but only after all documents were sent.
    if options.index_memory is not None and options.index_memory > _MOST_MEMORY:
        raise OptionError(f"--index-memory is {options.index_memory:,}, not 1 to {_MOST_MEMORY:,}")
    if options.index_workers is not None and options.index_workers > _MOST_WORKERS:
        raise OptionError(f"--index-workers is {options.index_workers:,}, not 0 to {_MOST_WORKERS:,}")


def _publish(options: argparse.Namespace, artifact: Path, name: str, address: Address) -> None:
    from export.publish.publishing import PublishOptions, publish
    from export.publish.tables import IndexOptions, quoted

    index = IndexOptions(options.m, options.ef_construction, options.index_memory, options.index_workers)
    reader = None if options.reader is None else quoted(options.reader)
    given = PublishOptions(name, index, options.recall, options.changed, reader)
    started = time.monotonic()
    try:
        published = publish(artifact, address, given, PublishProgress(options.quiet))
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command continues from here") from None
    _print(describe(published, name, time.monotonic() - started))
    chosen = published.recall.chosen if published.recall else None
    if chosen and chosen.recall < options.recall:
        _print(
            [
                f"note: the recall is below {options.recall:g}: a higher --m or --ef-construction makes a better index, "
                "once this release is dropped"
            ]
        )


def _others(options: argparse.Namespace, name: str, address: Address) -> None:
    from export.publish.session import Session
    from export.publish.state import lock, releases
    from export.publish.switching import drop_old, roll_back
    from export.publish.tables import quoted

    reader = None if options.reader is None else quoted(options.reader)
    session = Session(address)
    try:
        if options.rollback or options.drop_old:
            lock(session, name)
        if options.rollback:
            _print([f"release {roll_back(session, name, reader).release} of {name} is current"])
        if options.drop_old:
            _print(describe_dropped(drop_old(session, name), name))
        if options.list:
            _print(describe_releases(releases(session, name), name))
    finally:
        session.close()


def _print(lines: list[str]) -> None:
    print("\n".join(map(printable, lines)))
