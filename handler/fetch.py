"""Fetches the artifact of ARTIFACT_URI from S3 into a folder of /tmp, and checks it before it is used.

The folder is named by the manifest's SHA-256, so a start that finds it (Lambda keeps /tmp when it starts a crashed
environment again) fetches the manifest alone. A folder of that name is used only where it is this user's own and
holds that very manifest.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import math
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from handler.artifact import Artifact, parse_manifest
from handler.errors import ArtifactError
from handler.manifest import MANIFEST_FILE, Manifest
from handler.s3 import MB, S3Folder

logger = logging.getLogger("seeklet")

FOLDER_PREFIX = "seeklet-"
# The exact names of what this module makes in /tmp. It deletes nothing else there.
_OUR_FOLDER = re.compile(r"seeklet-([0-9a-f]{64}|[a-z0-9_]{8}\.partial)")


def fetch_artifact(
    uri: str,
    parent: Path | None = None,
    *,
    owner: str | None = None,
    connect: Callable[[str, str | None], S3Folder] = S3Folder,
) -> Path:
    """Fetches the artifact at s3://bucket/prefix into a folder under `parent`, by default /tmp, and returns that folder.

    `owner` is the AWS account that the bucket must belong to. Raises ArtifactError where the artifact is missing,
    forbidden, damaged, or larger than the free space.
    """
    parent = parent or Path(tempfile.gettempdir())
    with contextlib.closing(connect(uri, owner)) as source:
        data = source.read_manifest()
        manifest = parse_manifest(data, source.name(MANIFEST_FILE))
        folder = parent / f"{FOLDER_PREFIX}{hashlib.sha256(data).hexdigest()}"
        if not _holds(folder, data):
            _make_room(uri, parent, _bytes_of(manifest) + len(data))
            _fetch_into(folder, source, data, manifest)
    return folder


def _bytes_of(manifest: Manifest) -> int:
    return sum(entry.bytes for entry in manifest.files.values())


def _is_ours(folder: Path) -> bool:
    """Tells whether it is a folder of this user, and no symbolic link."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _holds(folder: Path, manifest: bytes) -> bool:
    """Tells whether the folder holds this artifact, whole, from an earlier start."""
    if not _is_ours(folder):
        return False
    try:
        if (folder / MANIFEST_FILE).read_bytes() != manifest:
            return False
        Artifact.open(folder)
    except (OSError, ArtifactError):
        return False
    return True


def _fetch_into(folder: Path, source: S3Folder, data: bytes, manifest: Manifest) -> None:
    partial = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, suffix=".partial", dir=folder.parent))
    try:
        source.download(manifest.files, partial)
        (partial / MANIFEST_FILE).write_bytes(data)
        _rename(partial, folder, data)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise ArtifactError(f"{folder.parent} can't be written ({error.strerror})") from None
        raise no_room(source.uri, folder.parent, _bytes_of(manifest)) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    logger.info("fetched %.1f MB from %s", _bytes_of(manifest) / MB, source.uri)


def _rename(partial: Path, folder: Path, data: bytes) -> None:
    """Renames the fetched folder to its final name."""
    if _is_ours(folder) and not _holds(folder, data):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        partial.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EPERM, errno.EACCES):
            raise
        # Another process may have fetched the same artifact meanwhile.
        if not _holds(folder, data):
            raise ArtifactError(
                f"{folder} is in the way, and is not this user's artifact: remove it, or set TMPDIR elsewhere"
            ) from None


def _make_room(uri: str, parent: Path, needed: int) -> None:
    """Deletes older artifacts of this module if `needed` bytes don't fit beside them.

    Raises ArtifactError where the bytes don't fit even then.
    """
    if shutil.disk_usage(parent).free < needed:
        for folder in parent.iterdir():
            if _OUR_FOLDER.fullmatch(folder.name) and _is_ours(folder):
                shutil.rmtree(folder, ignore_errors=True)
    if shutil.disk_usage(parent).free < needed:
        raise no_room(uri, parent, needed)


def no_room(uri: str, parent: Path, needed: int) -> ArtifactError:
    """Returns the error that says how large EphemeralStorage must be."""
    disk = shutil.disk_usage(parent)
    least = math.ceil((disk.total - disk.free + needed) / MB)
    return ArtifactError(
        f"the artifact at {uri} has {needed / MB:.0f} MB, {parent} has {disk.free / MB:.0f} of "
        f"{disk.total / MB:.0f} MB free: deploy with the parameter EphemeralStorage at {least} or more (at most 10240)"
    )
