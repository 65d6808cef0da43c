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
from collections.abc import Iterator, Mapping
from pathlib import Path

from handler.artifact import Artifact, file_sha256, parse_manifest
from handler.errors import ArtifactError
from handler.folders import Folders
from handler.manifest import MANIFEST_FILE, Manifest
from handler.manifest_fields import FileEntry
from handler.s3 import MB, S3Folder

logger = logging.getLogger("seeklet")

FOLDER_PREFIX = "seeklet-"
# The exact names of what this module makes in /tmp. It deletes nothing else there.
_OUR_FOLDER = re.compile(r"seeklet-([0-9a-f]{64}|[a-z0-9_]{8}\.partial)")


def fetch_folder(
    source: S3Folder, folders: Folders, *, sha256: str | None = None, like: Artifact | None = None
) -> Path:
    """Fetches an artifact into one of `folders`, notes that it is in use, and returns it.

    Args:
        source: where the artifact is.
        folders: where it goes, and which other folders must stay.
        sha256: what the manifest must be, in hex digits.
        like: an artifact that was fetched before. Files that it has too are linked, not downloaded.

    Raises ArtifactError where the artifact is missing, forbidden, damaged, larger than the free space, or another one than
    `sha256` says.
    """
    data = source.read_manifest()
    found = hashlib.sha256(data).hexdigest()
    if sha256 not in (None, found):
        raise ArtifactError(
            f"{source.name(MANIFEST_FILE)} has SHA-256 {found[:12]}..., the pointer says {sha256[:12]}...: "
            "run `seeklet release` again"
        )
    manifest = parse_manifest(data, source.name(MANIFEST_FILE))
    folder = folders.parent / f"{FOLDER_PREFIX}{found}"
    # Noted first: another thread may be about to delete it.
    folders.use(folder)
    try:
        if not _holds(folder, data):
            shared = {} if like is None else _shared_files(manifest, like)
            missing = {name: entry for name, entry in manifest.files.items() if name not in shared}
            _make_room(source.uri, folders, _bytes_of(missing) + len(data))
            _fetch_into(folder, source, data, folders, shared, missing)
    except BaseException:
        folders.let_go(folder)
        raise
    return folder


def _bytes_of(files: Mapping[str, FileEntry]) -> int:
    return sum(entry.bytes for entry in files.values())


def _shared_files(manifest: Manifest, like: Artifact) -> dict[str, Path]:
    """Returns the manifest's files that another artifact has too, by their names, with their paths there."""
    there = {entry: like.path(name) for name, entry in like.manifest.files.items()}
    return {
        name: there[entry]
        for name, entry in manifest.files.items()
        if entry in there and _is_whole(there[entry], entry)
    }


def _is_whole(path: Path, entry: FileEntry) -> bool:
    try:
        return file_sha256(path) == entry.sha256
    except ArtifactError:
        return False


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


def _fetch_into(
    folder: Path,
    source: S3Folder,
    data: bytes,
    folders: Folders,
    shared: Mapping[str, Path],
    missing: Mapping[str, FileEntry],
) -> None:
    """Downloads the missing files and links the shared ones into a folder of another name, then renames that."""
    try:
        with _partial(folder.parent, folders) as partial:
            for name, path in shared.items():
                _copy(path, partial / name)
            source.download(missing, partial)
            (partial / MANIFEST_FILE).write_bytes(data)
            _rename(partial, folder, data)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise ArtifactError(f"{folder.parent} can't be written ({error.strerror})") from None
        raise no_room(source.uri, folder.parent, _bytes_of(missing)) from None
    logger.info("fetched %.1f MB from %s", _bytes_of(missing) / MB, source.uri)


@contextlib.contextmanager
def _partial(parent: Path, folders: Folders) -> Iterator[Path]:
    """Makes a folder for what is being fetched, and deletes what is left of it."""
    partial = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, suffix=".partial", dir=parent))
    folders.use(partial)
    try:
        yield partial
    finally:
        folders.let_go(partial)
        shutil.rmtree(partial, ignore_errors=True)


def _copy(path: Path, to: Path) -> None:
    """Links a file under another name, or copies it where the disk knows no links."""
    try:
        to.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, to)


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


def _make_room(uri: str, folders: Folders, needed: int) -> None:
    """Deletes artifacts of this module that nobody uses, if `needed` bytes don't fit beside them.

    Raises ArtifactError where the bytes don't fit even then.
    """
    parent = folders.parent
    if shutil.disk_usage(parent).free < needed:
        for folder in parent.iterdir():
            if _OUR_FOLDER.fullmatch(folder.name) and _is_ours(folder):
                folders.delete_unused(folder)
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
