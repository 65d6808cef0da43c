"""Releases on S3: uploads an artifact, moves the pointer, goes back, lists, and deletes old ones.

    prefix/current                       the pointer (handler/pointer.py)
    prefix/releases/0123456789abcdef/    one release: an artifact's folder, named by its manifest's SHA-256

manifest.json is uploaded last, and the pointer moves after it. So whatever is interrupted, the pointer names a whole release.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from handler import dates
from handler.artifact import Artifact
from handler.errors import ArtifactError, SeekletError
from handler.manifest import MANIFEST_FILE
from handler.manifest_fields import FileEntry
from handler.pointer import CURRENT, Pointer, Release, parse_pointer
from seeklet.bucket import Bucket, Content, Stored

FOLDER = "releases"
# What `seeklet release` names. Other objects beside its folders are somebody's own.
_OURS = re.compile(rf"({FOLDER}/[0-9a-f]{{16}})/.+", re.DOTALL)
CONNECTIONS = 4
# A folder without a manifest may be one that is being uploaded.
UNFINISHED = timedelta(days=1)
# Others may move the pointer at the same time.
_ATTEMPTS = 10


class Published(NamedTuple):
    """What an upload did: how many files were sent, copied within S3, or there already."""

    release: Release
    sent: int
    copied: int
    there: int
    moved: bool


class Listed(NamedTuple):
    """A release that is there. `role` is current, previous or ""; `whole` is whether it has its manifest."""

    id: str
    released: datetime
    bytes: int
    role: str
    whole: bool
    names: list[str]


def release_of(artifact: Artifact) -> Release:
    """Checks every file's SHA-256, and returns the artifact's release; raises ArtifactError where one is wrong."""
    artifact.check_hashes()
    sha256 = hashlib.sha256(artifact.path(MANIFEST_FILE).read_bytes()).hexdigest()
    return Release(f"{FOLDER}/{sha256[:16]}", sha256)


def publish(bucket: Bucket, artifact: Artifact, on_bytes: Callable[[int], None]) -> Published:
    """Uploads an artifact's files that aren't there, and moves the pointer to it.

    `on_bytes` is told of bytes that are sent, copied or there. Raises SeekletError where S3 refuses.
    """
    release = release_of(artifact)
    pointer = _parse(bucket.read(CURRENT), bucket, mend=True)
    before = {} if pointer is None else _files_of(bucket, _other(pointer, release))
    lock, done = threading.Lock(), {"sent": 0, "copied": 0, "there": 0}

    def count(size: int) -> None:
        with lock:
            on_bytes(size)

    def bring(name: str, entry: FileEntry) -> None:
        how = _bring(bucket, artifact, release, name, entry, before, count)
        with lock:
            done[how] += 1

    manifest = FileEntry(artifact.path(MANIFEST_FILE).stat().st_size, release.manifest_sha256)
    files = {**artifact.manifest.files, MANIFEST_FILE: manifest}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda item: bring(*item), artifact.manifest.files.items()))
    bring(MANIFEST_FILE, manifest)
    # A release that was repaired gets a new pointer too: functions that refused it look at it again.
    moved = bool(done["sent"] or done["copied"]) or pointer is None or pointer.current != release
    if moved:
        _move(bucket, lambda now: _after(now, release), mend=True)
        # While the pointer didn't name it, somebody may have deleted it as an old one.
        for name, entry in files.items():
            _bring(bucket, artifact, release, name, entry, {}, _uncounted)
    return Published(release, **done, moved=moved)


def roll_back(bucket: Bucket) -> Pointer:
    """Moves the pointer to the release before; returns the new pointer. Done twice, it is as it was."""
    goal: Release | None = None

    def back(now: Pointer | None) -> Pointer:
        nonlocal goal
        if now is not None and now.current == goal:
            # S3 had moved it, and its answer was lost; or somebody else rolled back meanwhile.
            return now
        if now is None:
            raise SeekletError(f"there is no {bucket.address(CURRENT)}: run `seeklet release` first")
        if now.previous is None:
            raise SeekletError(
                f"{bucket.address(CURRENT)} names no release before {now.current.id}: there is nothing to roll back to"
            )
        manifest = bucket.read(f"{now.previous.folder}/{MANIFEST_FILE}")
        if manifest is None or hashlib.sha256(manifest.data).hexdigest() != now.previous.manifest_sha256:
            raise SeekletError(
                f"{bucket.address(now.previous.folder)} isn't there any more, or was changed: release an artifact instead"
            )
        goal = now.previous
        return Pointer(goal, now.current, dates.now())

    return _move(bucket, back)


def read_pointer(bucket: Bucket) -> Pointer | None:
    """Reads the pointer; returns None where there is none. Raises ArtifactError where it is damaged."""
    return _parse(bucket.read(CURRENT), bucket)


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


def _bring(
    bucket: Bucket,
    artifact: Artifact,
    release: Release,
    name: str,
    entry: FileEntry,
    before: Mapping[FileEntry, str],
    on_bytes: Callable[[int], None],
) -> str:
    """Sees to it that one file is on S3; returns how: "there", "copied" or "sent"."""
    key = f"{release.folder}/{name}"
    stored = bucket.look(key)
    if stored is not None and (stored.bytes, stored.sha256) == entry:
        on_bytes(entry.bytes)
        return "there"
    if entry in before and bucket.copy(before[entry], key, entry.sha256):
        on_bytes(entry.bytes)
        return "copied"
    bucket.upload(key, artifact.path(name), entry.sha256, on_bytes)
    return "sent"


def _other(pointer: Pointer, release: Release) -> Release | None:
    """Returns the newest release that isn't this one."""
    return pointer.previous if pointer.current == release else pointer.current


def _files_of(bucket: Bucket, release: Release | None) -> dict[FileEntry, str]:
    """Returns the files of a release, each by its size and hash, with their names; none where it isn't there."""
    if release is None:
        return {}
    content = bucket.read(f"{release.folder}/{MANIFEST_FILE}")
    try:
        files: dict[str, Any] = {} if content is None else json.loads(content.data)["files"]
        return {
            FileEntry(int(entry["bytes"]), str(entry["sha256"])): f"{release.folder}/{name}"
            for name, entry in files.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _after(now: Pointer | None, release: Release) -> Pointer:
    """Returns the pointer to a release, with the one before it."""
    if now is None:
        return Pointer(release, None, dates.now())
    return Pointer(release, _other(now, release), dates.now())


def _uncounted(_size: int) -> None:
    """Counts nothing: what is looked at again was counted before."""


def _parse(content: Content | None, bucket: Bucket, *, mend: bool = False) -> Pointer | None:
    """Reads a pointer; returns None where there is none and, with `mend`, for a damaged one, which is to be replaced."""
    try:
        return None if content is None else parse_pointer(content.data, bucket.address(CURRENT))
    except ArtifactError:
        if not mend:
            raise
        return None


def _move(bucket: Bucket, change: Callable[[Pointer | None], Pointer], *, mend: bool = False) -> Pointer:
    """Writes what `change` makes of the pointer. Where somebody moves it meanwhile, `change` gets the newer one."""
    for _ in range(_ATTEMPTS):
        content = bucket.read(CURRENT)
        pointer = change(_parse(content, bucket, mend=mend))
        if bucket.write(CURRENT, pointer.to_json(), content and content.etag):
            return pointer
    raise ArtifactError(
        f"{bucket.address(CURRENT)} is moved by others all the time: run the same command again"
    )
