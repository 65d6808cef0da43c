"""`seeklet release`: uploads an artifact to S3 and moves the pointer that deployed functions follow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from handler.artifact import Artifact
from handler.errors import OptionError
from handler.manifest import MANIFEST_FILE
from handler.pointer import CURRENT
from seeklet.arguments import count
from seeklet.extras import require
from seeklet.parser import Parser, new_parser
from seeklet.progress import Counter
from seeklet.terminal import printable, to_json

if TYPE_CHECKING:
    from seeklet.releases.bucket import Bucket

SUMMARY = "uploads an artifact to S3, and moves the pointer that functions follow"

EXAMPLES = """\
examples:
  %(prog)s artifact s3://my-bucket/search
  %(prog)s artifact s3://my-bucket/search --keep 5
  %(prog)s --rollback s3://my-bucket/search
  %(prog)s --list s3://my-bucket/search

A function whose ARTIFACT_URI is s3://my-bucket/search/current serves the release within REFRESH_SECONDS. An upload that
was interrupted goes on when the same command runs again.
"""


def build_parser(prog: str = "seeklet release") -> Parser:
    """Makes the parser of the options."""
    parser = new_parser(
        prog,
        "Uploads an artifact to s3://bucket/prefix/releases/ID/, and moves the pointer s3://bucket/prefix/current to it.\n"
        "Files that the release before has too are copied within S3.",
        EXAMPLES,
    )
    parser.add_argument("artifact", nargs="?", type=Path, metavar="ARTIFACT", help="the artifact's folder")
    parser.add_argument("place", metavar="S3_URI", help="where the releases are: s3://bucket/prefix")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--rollback",
        action="store_true",
        help="move the pointer to the release before; a second time moves it back",
    )
    what.add_argument("--list", action="store_true", help="list the releases that are there")
    parser.add_argument(
        "--keep",
        type=count,
        metavar="N",
        help="delete all but the newest N releases, never the current one or the one before it",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    parser.add_argument(
        "--region", metavar="REGION", help="the AWS region (default: the one that AWS's tools use)"
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="a profile of the AWS configuration (default: the one that AWS's tools use)",
    )
    return parser


def run(options: argparse.Namespace, _environ: MutableMapping[str, str]) -> None:
    """Releases, rolls back or lists, and then deletes old releases."""
    require("aws", "release")
    from seeklet.releases.bucket import Bucket
    from seeklet.releases.listing import delete_old
    from seeklet.releases.pointers import roll_back

    others = options.rollback or options.list
    if options.artifact is not None and others:
        raise OptionError("--rollback and --list take no ARTIFACT: name only s3://bucket/prefix")
    if options.artifact is None and not others and options.keep is None:
        raise OptionError("which artifact? seeklet release ARTIFACT s3://bucket/prefix")
    bucket = Bucket(options.place, options.region, options.profile)
    if options.artifact is not None:
        _release(bucket, Artifact.open(options.artifact), quiet=options.quiet)
    if options.rollback:
        pointer = roll_back(bucket)
        before = "" if pointer.previous is None else f"; before it was {pointer.previous.id}"
        print(f"{bucket.address(CURRENT)} names release {pointer.current.id}{before}")
    if options.keep is not None:
        for id_ in delete_old(bucket, options.keep):
            print(f"deleted release {printable(id_)}")
    if options.list:
        _list(bucket)


def _release(bucket: Bucket, artifact: Artifact, *, quiet: bool) -> None:
    from seeklet.releases.uploading import publish

    total = sum(entry.bytes for entry in artifact.manifest.files.values())
    total += artifact.path(MANIFEST_FILE).stat().st_size
    with Counter("uploading", total, "bytes", quiet=quiet) as counter:
        done = publish(bucket, artifact, counter.add)
    print(
        f"release {done.release.id}: {artifact.manifest.count:,} documents; files: {done.sent} sent, "
        f"{done.copied} copied within S3, {done.there} there already"
    )
    what = "names it now" if done.moved else "named it before"
    print(f"{bucket.address(CURRENT)} {what}")


def _list(bucket: Bucket) -> None:
    from seeklet.releases.listing import list_releases

    releases = list_releases(bucket)
    if not sys.stdout.isatty():
        fields = [
            {
                "id": release.id,
                "released": release.released.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "bytes": release.bytes,
                "role": release.role or None,
                "whole": release.whole,
            }
            for release in releases
        ]
        print(to_json({"releases": fields}, indent=2))
        return
    for release in releases:
        note = release.role if release.whole else "unfinished"
        when = release.released.strftime("%Y-%m-%d %H:%M")
        print(printable(f"{release.id}  {when}  {release.bytes / 1e6:>9.1f} MB  {note}".rstrip()))
    if not releases:
        print(f"there are no releases at {bucket.uri}")
