"""A folder or a pointer on S3: reads a manifest or the pointer, downloads files in parallel ranges, and checks them.

It uses botocore, which Lambda has; boto3 would only make the start longer. It lists nothing, so the role needs only s3:GetObject.
fetch.py decides where the files go, and whether they are there already. pointer.py knows what a pointer says.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from handler.artifact import file_sha256
from handler.errors import ArtifactError, MissingError, SettingsError, UnreachableError
from handler.light_typing import Any
from handler.manifest import MANIFEST_FILE, MAX_MANIFEST_BYTES
from handler.manifest_fields import FileEntry
from handler.named import NamedTuple
from handler.only_s3 import ask_region_once, only_s3
from handler.slow import in_time

try:
    import botocore.config
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
except ImportError:
    raise SettingsError(
        "ARTIFACT_URI needs botocore, which Lambda's own runtime has and this Python hasn't: "
        "`pip install botocore`, or set ARTIFACT_DIR to a folder instead"
    ) from None

MB = 2**20
# AWS advises 8 to 16 MB a request; one connection alone doesn't fill a function's network.
RANGE_BYTES = 8 * MB
CONNECTIONS = 8
CHUNK_BYTES = MB
ATTEMPTS = 3
# How long S3 may be silent, and how long the body of one request may take, in seconds: 8 MB at 140 kB a second.
SILENT_SECONDS = 10.0
BODY_SECONDS = 60.0
# S3's codes where KMS behind it has too much to do, or credentials or the clock are wrong for a moment.
_PASSING = re.compile(
    "RequestTime.*|.*Throttl.*|ExpiredToken.*|InvalidToken|InvalidAccessKeyId|TokenRefreshRequired"
)
POINTER = ""  # in place of a file's name: the object at the address itself
UPLOAD = "upload the whole folder that `seeklet export` wrote"


@dataclass(frozen=True, slots=True)
class Part:
    """A range of one file: bytes start to stop (exclusive)."""

    name: str
    start: int
    stop: int


class Read(NamedTuple):
    """An object's content, and the ETag by which S3 knows it."""

    data: bytes
    etag: str


class S3Folder:
    """s3://bucket/prefix, and a client for it."""

    def __init__(
        self,
        uri: str,
        owner: str | None = None,
        *,
        range_bytes: int = RANGE_BYTES,
        chunk_bytes: int = CHUNK_BYTES,
        silent_seconds: float = SILENT_SECONDS,
        body_seconds: float = BODY_SECONDS,
        setting: str = "ARTIFACT_URI",
    ) -> None:
        """Opens a client. `owner` is the AWS account that the bucket must belong to; None takes any.

        `setting` is the variable that errors name. Raises SettingsError where the AWS settings make no client.
        """
        self._body_seconds = body_seconds
        self._move(uri)
        self._setting = setting
        self._owner = {"ExpectedBucketOwner": owner} if owner else {}
        self._range_bytes, self._chunk_bytes = range_bytes, chunk_bytes
        config = botocore.config.Config(
            max_pool_connections=CONNECTIONS,
            connect_timeout=5,
            read_timeout=silent_seconds,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        try:
            self._client = ask_region_once(botocore.session.get_session().create_client("s3", config=config))
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(
                f"{uri} can't be read, since botocore can't make a client ({error}): mend the AWS settings"
            ) from None

    def _move(self, uri: str) -> None:
        self.uri = uri
        self._bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self._prefix = prefix and f"{prefix}/"

    def beside(self, folder: str) -> S3Folder:
        """Returns another folder of the bucket, named from the folder that this one is in, with the same client."""
        other = copy.copy(self)
        other._move(f"{self.uri.rpartition('/')[0]}/{folder}")
        return other

    def close(self) -> None:
        """Closes every connection. A SnapStart snapshot must hold none."""
        self._client.close()

    def name(self, file: str) -> str:
        """Returns a file's address for messages."""
        return self.uri if file == POINTER else f"s3://{self._bucket}/{self._prefix}{file}"

    def read_manifest(self) -> bytes:
        """Reads manifest.json; raises ArtifactError where it can't."""
        return self._read(MANIFEST_FILE).data

    def read_pointer(self, known: str | None = None) -> Read | None:
        """Reads the object at the address itself; returns None where its ETag is `known`.

        Raises ArtifactError where it can't.
        """
        if not self._prefix:
            raise MissingError(f"{self.uri} is a bucket, so it is no pointer")
        try:
            return self._read(POINTER, **({"IfNoneMatch": known} if known else {}))
        except _NotModifiedError:
            return None

    def _read(self, file: str, **more: str) -> Read:
        try:
            response = self._get(file, **more)
            with in_time(response["Body"], self._body_seconds) as body:
                data = b""
                # One that is longer is refused when it is parsed.
                while len(data) <= MAX_MANIFEST_BYTES and (chunk := body.read(self._chunk_bytes)):
                    data += chunk
        except BotoCoreError as error:
            raise self._unreachable(file, error) from None
        return Read(data, response.get("ETag", ""))

    def download(self, files: Mapping[str, FileEntry], folder: Path) -> None:
        """Downloads all files into `folder` in parallel ranges.

        Raises ArtifactError where a file's SHA-256 isn't the manifest's.
        """
        parts = [
            Part(name, start, min(start + self._range_bytes, entry.bytes))
            for name, entry in files.items()
            for start in range(0, entry.bytes, self._range_bytes)
        ]

        def check(name: str) -> None:
            found = file_sha256(folder / name)
            if found != files[name].sha256:
                raise ArtifactError(
                    f"{self.name(name)} has SHA-256 {found[:12]}..., its manifest says "
                    f"{files[name].sha256[:12]}...: {UPLOAD}, under a prefix of its own"
                )

        for name, entry in files.items():
            with (folder / name).open("wb") as file:
                file.truncate(entry.bytes)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            # The first error ends the download: map cancels the parts that haven't begun.
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
        with path.open("r+b", buffering=0) as file, in_time(response["Body"], self._body_seconds) as body:
            while chunk := body.read(self._chunk_bytes):
                os.pwrite(file.fileno(), chunk, position)
                position += len(chunk)
        return position - part.start

    def _get(self, file: str, **more: str) -> Any:
        try:
            key = self._prefix.rstrip("/") if file == POINTER else self._prefix + file
            with only_s3(self.name(file)):
                return self._client.get_object(Bucket=self._bucket, Key=key, **self._owner, **more)
        except ClientError as error:
            raise self._refused(file, error) from None

    def _refused(self, file: str, error: ClientError) -> ArtifactError:
        code, where = str(error.response["Error"].get("Code")), self.name(file)
        match code:
            case "NoSuchBucket":
                return ArtifactError(f"there is no bucket {self._bucket}: mend {self._setting}={self.uri}")
            case "NoSuchKey" | "404":
                remedy = UPLOAD if file != POINTER else "run `seeklet release`, which writes it"
                return MissingError(f"{where} isn't there: {remedy}, or mend {self._setting}")
            case "304" | "NotModified":
                return _NotModifiedError(where)
            case "AccessDenied" | "403":
                # S3 gives the same code for a missing object to a caller who may not list the bucket.
                return MissingError(
                    f"{where} may not be read, or isn't there: give the role s3:GetObject on it (the template's "
                    "parameter ArtifactUri does), and kms:Decrypt where the bucket has a key of its own"
                    + self._owner_hint()
                )
            case "InvalidRange" | "416":
                return self._other_size(file)
        message = error.response["Error"].get("Message", "no reason given")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        passing = _PASSING.fullmatch(code) or status == 429 or status >= 500
        kind = UnreachableError if passing else ArtifactError
        return kind(f"S3 refused {where} ({code}: {message}): mend {self._setting} or the bucket")

    def _owner_hint(self) -> str:
        owner = self._owner.get("ExpectedBucketOwner")
        return f"; the bucket must belong to the account {owner} (ARTIFACT_BUCKET_OWNER)" if owner else ""

    def _unreachable(self, file: str, error: BotoCoreError) -> UnreachableError:
        if isinstance(error, NoCredentialsError):
            return UnreachableError(f"no AWS credentials to read {self.name(file)}: log in, or give a role")
        return UnreachableError(
            f"{self.name(file)} can't be read ({error}): check the function's network; in a VPC it needs a gateway endpoint for S3"
        )

    def _other_size(self, file: str) -> ArtifactError:
        return ArtifactError(f"{self.name(file)} hasn't the size that its manifest says: {UPLOAD}")


class _NotModifiedError(ArtifactError):
    """Raised where an object's ETag is the known one."""
