"""Uploads an artifact as a release, and moves the pointer to it.

manifest.json is uploaded last, and the pointer moves after it. So whatever is interrupted, the pointer names a whole release.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from handler.artifact import Artifact
from handler.manifest import MANIFEST_FILE
from handler.manifest_fields import FileEntry
from handler.pointer import Release
from seeklet.releases import FOLDER
from seeklet.releases.bucket import Bucket
from seeklet.releases.pointers import mendable_pointer, move_to, newest_other

CONNECTIONS = 4


class Published(NamedTuple):
    """What an upload did: how many files were sent, copied within S3, or there already."""

    release: Release
    sent: int
    copied: int
    there: int
    moved: bool


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
    pointer = mendable_pointer(bucket)
    before = {} if pointer is None else _files_of(bucket, newest_other(pointer, release))
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
        move_to(bucket, release)
        # While the pointer didn't name it, somebody may have deleted it as an old one.
        for name, entry in files.items():
            _bring(bucket, artifact, release, name, entry, {}, _uncounted)
    return Published(release, **done, moved=moved)


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


def _uncounted(_size: int) -> None:
    """Counts nothing: what is looked at again was counted before."""
