"""Which releases are on S3, and the deletion of old ones."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from handler.manifest import MANIFEST_FILE
from seeklet.releases import FOLDER
from seeklet.releases.bucket import Bucket, Stored
from seeklet.releases.pointers import read_pointer

# What `seeklet release` names. Other objects beside its folders are somebody's own.
_OURS = re.compile(rf"({FOLDER}/[0-9a-f]{{16}})/.+", re.DOTALL)
# A folder without a manifest may be one that is being uploaded.
UNFINISHED = timedelta(days=1)


class Listed(NamedTuple):
    """A release that is there. `role` is current, previous or ""; `whole` is whether it has its manifest."""

    id: str
    released: datetime
    bytes: int
    role: str
    whole: bool
    names: list[str]


def list_releases(bucket: Bucket) -> list[Listed]:
    """Lists the releases that are there, the newest first."""
    pointer = read_pointer(bucket)
    named = () if pointer is None else ((pointer.previous, "previous"), (pointer.current, "current"))
    roles = {release.folder: role for release, role in named if release is not None}
    folders: dict[str, list[Stored]] = {}
    for stored in bucket.list(f"{FOLDER}/"):
        if found := _OURS.fullmatch(stored.name):
            folders.setdefault(found[1], []).append(stored)
    listed = []
    for folder, files in folders.items():
        manifests = [file for file in files if file.name == f"{folder}/{MANIFEST_FILE}"]
        released = max(file.modified for file in manifests or files)
        # The manifest first: what is deleted halfway isn't whole any more.
        names = sorted((file.name for file in files), key=lambda name: not name.endswith(f"/{MANIFEST_FILE}"))
        size = sum(file.bytes for file in files)
        listed.append(
            Listed(folder.rpartition("/")[2], released, size, roles.get(folder, ""), bool(manifests), names)
        )
    return sorted(listed, key=lambda release: release.released, reverse=True)


def delete_old(bucket: Bucket, keep: int) -> list[str]:
    """Deletes all but the newest `keep` releases, but never the current one and the one before; returns their ids.

    A release without its manifest is deleted after a day: it may be one that is being uploaded.
    """
    releases = list_releases(bucket)
    newest = [release for release in releases if release.whole][:keep]
    limit = datetime.now(UTC) - UNFINISHED
    old = [
        release
        for release in releases
        if not release.role and release not in newest and (release.whole or release.released < limit)
    ]
    deleted = []
    for release in old:
        # Somebody may have moved the pointer to it meanwhile.
        pointer = read_pointer(bucket)
        named = () if pointer is None else (pointer.current, pointer.previous)
        if release.id not in [each.folder.rpartition("/")[2] for each in named if each is not None]:
            bucket.delete(release.names)
            deleted.append(release.id)
    return deleted
