"""The pointer on S3: reads it, and moves it to a release or back to the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from handler import dates
from handler.errors import ArtifactError, SeekletError
from handler.manifest import MANIFEST_FILE
from handler.pointer import CURRENT, Pointer, Release, parse_pointer
from seeklet.releases.bucket import Bucket, Content

# Others may move the pointer at the same time.
_ATTEMPTS = 10


def read_pointer(bucket: Bucket) -> Pointer | None:
    """Reads the pointer; returns None where there is none. Raises ArtifactError where it is damaged."""
    return _parse(bucket.read(CURRENT), bucket)


def mendable_pointer(bucket: Bucket) -> Pointer | None:
    """Reads the pointer; returns None also for a damaged one, which is to be replaced."""
    return _parse(bucket.read(CURRENT), bucket, mend=True)


def move_to(bucket: Bucket, release: Release) -> Pointer:
    """Moves the pointer to a release, also from a damaged one; returns the new pointer."""
    return _move(bucket, lambda now: _after(now, release), mend=True)


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


def newest_other(pointer: Pointer, release: Release) -> Release | None:
    """Returns the newest release that isn't this one."""
    return pointer.previous if pointer.current == release else pointer.current


def _after(now: Pointer | None, release: Release) -> Pointer:
    """Returns the pointer to a release, with the one before it."""
    if now is None:
        return Pointer(release, None, dates.now())
    return Pointer(release, newest_other(now, release), dates.now())


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
