"""A place on S3, s3://bucket/prefix, for `seeklet release`: read, write, copy, list and delete its objects.

Every upload carries the SHA-256 of the whole object, so S3 itself refuses what arrives damaged, and tells the same SHA-256
later. That needs single requests: objects have at most 5 GB. Errors are sentences. This module knows no release.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from handler.errors import OptionError, SeekletError
from handler.only_s3 import ask_region_once
from handler.pointer import CURRENT
from seeklet.releases.refusals import code_of, told

# S3's limit for one request, as for one copy.
MOST_BYTES = 5 * 2**30
_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9!_.'()=-]+)*)")
_ABSENT = ("NoSuchKey", "404", "NotFound")
_CHANGED = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_BATCH = 1000  # keys of one DeleteObjects


class Content(NamedTuple):
    """A small object: what it holds, and the ETag by which S3 knows it."""

    data: bytes
    etag: str


class Stored(NamedTuple):
    """What S3 says of an object. The name is without the place's prefix; sha256 is in hex digits, "" where it isn't known."""

    name: str
    bytes: int
    modified: datetime
    sha256: str = ""


class Bucket:
    """s3://bucket/prefix, and a client for it."""

    def __init__(self, uri: str, region: str | None = None, profile: str | None = None) -> None:
        """Makes the client; raises OptionError where the address or the AWS settings can't be used."""
        found = _URI.fullmatch(uri.rstrip("/").removesuffix(f"/{CURRENT}"))
        if found is None:
            raise OptionError(
                f"{uri!r:.200} is not s3://bucket or s3://bucket/prefix: name where the releases should be"
            )
        import botocore.session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        self.uri = found[0]
        self._bucket, self._prefix = found[1], f"{found[2][1:]}/" if found[2] else ""
        config = Config(retries={"mode": "standard", "total_max_attempts": 5})
        try:
            session = botocore.session.Session(profile=profile)
            self._client = ask_region_once(session.create_client("s3", region_name=region, config=config))
        except (BotoCoreError, ValueError) as error:
            raise OptionError(
                f"{uri} can't be reached ({error}): check --region, --profile and AWS_ENDPOINT_URL"
            ) from None

    def address(self, name: str) -> str:
        """Returns an object's address."""
        return f"{self.uri}/{name}"

    def read(self, name: str) -> Content | None:
        """Reads a small object; returns None where there is none."""
        with self._told(name):
            found = self._asked(self._client.get_object, name)
            return None if found is None else Content(found["Body"].read(), found["ETag"])

    def look(self, name: str) -> Stored | None:
        """Returns what S3 says of an object; None where there is none."""
        with self._told(name):
            found = self._asked(self._client.head_object, name, ChecksumMode="ENABLED")
            if found is None:
                return None
            return Stored(name, found["ContentLength"], found["LastModified"], _hex(found))

    def upload(self, name: str, path: Path, sha256: str, on_bytes: Callable[[int], None]) -> None:
        """Uploads a file; `on_bytes` is told how many bytes more are on their way."""
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise SeekletError(
                f"{path} has {size:,} bytes, S3 takes {MOST_BYTES:,} in one request: export fewer documents"
            )
        with _Counted(path, on_bytes) as file, self._told(name):
            self._put(
                name,
                Body=file,
                ContentLength=size,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=_base64(sha256),
            )

    def copy(self, source: str, name: str, sha256: str) -> bool:
        """Copies an object within S3; returns whether the copy is there and has this SHA-256."""
        place = {"Bucket": self._bucket, "Key": self._prefix + source}
        with self._told(name):
            done = self._asked(self._client.copy_object, name, CopySource=place, ChecksumAlgorithm="SHA256")
        copied = None if done is None else self.look(name)
        return copied is not None and copied.sha256 == sha256

    def write(self, name: str, data: bytes, known: str | None) -> bool:
        """Writes a small object if its ETag is still `known`, or if there is still none; returns whether it did."""
        from botocore.exceptions import ClientError

        condition = {"IfNoneMatch": "*"} if known is None else {"IfMatch": known}
        checksum = _base64(hashlib.sha256(data).hexdigest())
        with self._told(name):
            try:
                self._put(
                    name, Body=data, ContentType="application/json", ChecksumSHA256=checksum, **condition
                )
            except ClientError as error:
                if code_of(error) in _CHANGED:
                    return False
                raise
        return True

    def list(self, prefix: str) -> Iterator[Stored]:
        """Lists the objects whose names begin with `prefix`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with self._told(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self._prefix)
                    yield Stored(name, found["Size"], found["LastModified"])

    def delete(self, names: Sequence[str]) -> None:
        """Deletes objects."""
        for start in range(0, len(names), _BATCH):
            keys = [{"Key": self._prefix + name} for name in names[start : start + _BATCH]]
            with self._told(names[start]):
                done = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True}
                )
            for error in done.get("Errors", ()):
                raise SeekletError(
                    f"s3://{self._bucket}/{error['Key']} can't be deleted ({error['Code']}): "
                    "you need s3:DeleteObject"
                )

    def _put(self, name: str, **fields: Any) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, **fields)

    def _asked(self, call: Callable[..., Any], name: str, **fields: Any) -> Any:
        """Returns S3's answer; None where there is no such object."""
        from botocore.exceptions import ClientError

        try:
            return call(Bucket=self._bucket, Key=self._prefix + name, **fields)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return None
            raise

    def _told(self, name: str) -> AbstractContextManager[None]:
        return told(self.uri, self.address(name))


class _Counted(io.FileIO):
    """A file that tells how many bytes are read. What is read again, after a failure, is taken back first."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_bytes = on_bytes

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self._on_bytes(len(data))
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        before = self.tell()
        now = super().seek(offset, whence)
        self._on_bytes(now - before)
        return now


def _base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _hex(found: Any) -> str:
    """Returns the SHA-256 that S3 tells, in hex digits; "" where it tells none of the whole object."""
    told = found.get("ChecksumSHA256", "")
    return "" if "-" in told else base64.b64decode(told).hex()
