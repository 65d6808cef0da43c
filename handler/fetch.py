"""ARTIFACT_URI: the artifact from S3 into a folder of /tmp, whole and checked, before anything reads it.

The folder is named by the manifest's SHA-256, so a start that finds it (Lambda keeps /tmp when it starts a crashed
environment again) fetches the manifest alone. Lists nothing: the role needs s3:GetObject, no more.
By botocore, which Lambda's runtime brings along: boto3 over it would only add to the start.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.errors import ArtifactError, SettingsError
from handler.manifest import MANIFEST_FILE, FileEntry

try:
    import botocore.config
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
except ImportError:
    raise SettingsError(
        "ARTIFACT_URI needs botocore, which Lambda's own runtime has and this Python hasn't: "
        "`pip install botocore`, or set ARTIFACT_DIR to a folder instead"
    ) from None

logger = logging.getLogger("seeklet")

MB = 2**20
# AWS advises 8 to 16 MB a request; one connection alone doesn't fill a function's network.
RANGE_BYTES = 8 * MB
CONNECTIONS = 8
CHUNK_BYTES = MB
ATTEMPTS = 3
FOLDER_PREFIX = "seeklet-"
UPLOAD = "upload the whole folder that `python -m export` wrote"


@dataclass(frozen=True, slots=True)
class Part:
    """A range of one file: bytes start to stop (exclusive)."""

    name: str
    start: int
    stop: int


def fetch_artifact(uri: str, parent: Path | None = None) -> Path:
    """The artifact at s3://bucket/prefix as a folder under `parent`, by default /tmp.

    Raises ArtifactError where it is missing, forbidden, damaged or larger than the room there is.
    """
    parent = parent or Path(tempfile.gettempdir())
    with contextlib.closing(Source(uri)) as source:
        manifest = source.read_manifest()
        folder = parent / f"{FOLDER_PREFIX}{hashlib.sha256(manifest).hexdigest()}"
        if not folder.is_dir():
            files = read_files(manifest, source.name(MANIFEST_FILE))
            make_room(uri, parent, sum(entry.bytes for entry in files.values()) + len(manifest))
            _fetch_into(folder, source, manifest, files)
    return folder


def _fetch_into(folder: Path, source: Source, manifest: bytes, files: dict[str, FileEntry]) -> None:
    needed = sum(entry.bytes for entry in files.values())
    partial = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, suffix=".partial", dir=folder.parent))
    try:
        source.download(files, partial)
        (partial / MANIFEST_FILE).write_bytes(manifest)
        try:
            partial.rename(folder)
        except OSError as error:
            # Another process was faster, with the same bytes.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise ArtifactError(f"{folder.parent} can't be written ({error.strerror})") from None
        raise no_room(source.uri, folder.parent, needed) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    logger.info("fetched %.1f MB from %s", needed / MB, source.uri)


class Source:
    """s3://bucket/prefix, and a client for it."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self._prefix = prefix and f"{prefix}/"
        config = botocore.config.Config(
            max_pool_connections=CONNECTIONS,
            connect_timeout=5,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        try:
            self._client: Any = botocore.session.get_session().create_client("s3", config=config)
        except BotoCoreError as error:
            raise SettingsError(f"no client for {uri} ({error}): mend the AWS settings") from None

    def close(self) -> None:
        """Closes every connection: none may outlive a SnapStart snapshot."""
        self._client.close()

    def name(self, file: str) -> str:
        """A file's address, for messages."""
        return f"s3://{self._bucket}/{self._prefix}{file}"

    def read_manifest(self) -> bytes:
        """manifest.json; raises ArtifactError where there is none to be read."""
        try:
            body: bytes = self._get(MANIFEST_FILE)["Body"].read()
        except BotoCoreError as error:
            raise self._unreachable(MANIFEST_FILE, error) from None
        return body

    def download(self, files: dict[str, FileEntry], folder: Path) -> None:
        """All files into `folder`, in ranges side by side; raises ArtifactError where one isn't the manifest's."""
        parts = [
            Part(name, start, min(start + RANGE_BYTES, entry.bytes))
            for name, entry in files.items()
            for start in range(0, entry.bytes, RANGE_BYTES)
        ]

        def check(name: str) -> None:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != files[name].sha256:
                raise ArtifactError(
                    f"{self.name(name)} has SHA-256 {found[:12]}..., its manifest says "
                    f"{files[name].sha256[:12]}...: {UPLOAD}, under a prefix of its own"
                )

        for name, entry in files.items():
            with (folder / name).open("wb") as file:
                file.truncate(entry.bytes)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            # The first that fails ends it: map cancels what hasn't begun.
            list(pool.map(lambda part: self._download_part(part, folder / part.name), parts))
            list(pool.map(check, files))

    def _download_part(self, part: Part, path: Path) -> None:
        for attempt in range(ATTEMPTS):
            try:
                received = self._write_part(part, path)
            except BotoCoreError as error:
                # botocore retries a request, but not a body that breaks off.
                if attempt == ATTEMPTS - 1:
                    raise self._unreachable(part.name, error) from None
            else:
                if received != part.stop - part.start:
                    raise self._other_size(part.name)
                return

    def _write_part(self, part: Part, path: Path) -> int:
        response = self._get(part.name, Range=f"bytes={part.start}-{part.stop - 1}")
        position = part.start
        with path.open("r+b", buffering=0) as file, contextlib.closing(response["Body"]) as body:
            while chunk := body.read(CHUNK_BYTES):
                os.pwrite(file.fileno(), chunk, position)
                position += len(chunk)
        return position - part.start

    def _get(self, file: str, **more: str) -> Any:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + file, **more)
        except ClientError as error:
            raise self._refused(file, error) from None

    def _refused(self, file: str, error: ClientError) -> ArtifactError:
        code, where = str(error.response["Error"].get("Code")), self.name(file)
        match code:
            case "NoSuchBucket":
                return ArtifactError(f"there is no bucket {self._bucket}: mend ARTIFACT_URI={self.uri}")
            case "NoSuchKey" | "404":
                return ArtifactError(f"{where} isn't there: {UPLOAD}, or mend ARTIFACT_URI")
            case "AccessDenied" | "403":
                # S3 says so of what is missing too, to those who may not list the bucket.
                return ArtifactError(
                    f"{where} may not be read, or isn't there: give the role s3:GetObject on it (the template's "
                    "parameter ArtifactUri does), and kms:Decrypt where the bucket has a key of its own"
                )
            case "InvalidRange" | "416":
                return self._other_size(file)
        message = error.response["Error"].get("Message", "no reason given")
        return ArtifactError(f"S3 refused {where} ({code}: {message}): mend ARTIFACT_URI or the bucket")

    def _unreachable(self, file: str, error: BotoCoreError) -> ArtifactError:
        if isinstance(error, NoCredentialsError):
            return ArtifactError(f"no AWS credentials to read {self.name(file)}: log in, or give a role")
        return ArtifactError(
            f"{self.name(file)} can't be read ({error}): check the function's way to S3, in a VPC a gateway endpoint"
        )

    def _other_size(self, file: str) -> ArtifactError:
        return ArtifactError(f"{self.name(file)} hasn't the size that its manifest says: {UPLOAD}")


def read_files(manifest: bytes, where: str) -> dict[str, FileEntry]:
    """Name -> size and SHA-256, of a manifest's bytes; the rest is for Manifest.load."""
    try:
        entries = json.loads(manifest)["files"]
        files = {name: FileEntry(int(e["bytes"]), str(e["sha256"])) for name, e in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ArtifactError(f"{where} is not an artifact's manifest: {UPLOAD}") from None
    for name in files:
        # It becomes a path under /tmp.
        if name in {"", ".", ".."} or "/" in name or "\0" in name:
            raise ArtifactError(f"{where} lists {name!r}, which is no file's name: {UPLOAD}")
    return files


def make_room(uri: str, parent: Path, needed: int) -> None:
    """Deletes older artifacts where `needed` bytes don't fit beside them; raises ArtifactError where nor without."""
    if shutil.disk_usage(parent).free < needed:
        for folder in parent.glob(f"{FOLDER_PREFIX}*"):
            shutil.rmtree(folder, ignore_errors=True)
    if shutil.disk_usage(parent).free < needed:
        raise no_room(uri, parent, needed)


def no_room(uri: str, parent: Path, needed: int) -> ArtifactError:
    """What to raise EphemeralStorage to."""
    disk = shutil.disk_usage(parent)
    least = math.ceil((disk.total - disk.free + needed) / MB)
    return ArtifactError(
        f"the artifact at {uri} has {needed / MB:.0f} MB, {parent} has {disk.free / MB:.0f} of "
        f"{disk.total / MB:.0f} MB free: deploy with the parameter EphemeralStorage at {least} or more (at most 10240)"
    )
