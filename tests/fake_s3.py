"""A small S3 of our own: GetObject with ranges, and whatever can go wrong with it; and manifests for what it holds."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from handler.manifest import FORMAT_VERSION, Manifest
from handler.manifest_fields import FileEntry

ACCOUNT = "123456789012"


class Asked(NamedTuple):
    """One request: its path, the range, the account that the bucket should belong to, and the ETag that the caller has."""

    path: str
    wanted: str | None
    owner: str | None
    known: str | None = None


class FakeS3(ThreadingHTTPServer):
    """GetObject, path-style, with conditions, of the bucket named "bucket" in ACCOUNT.

    objects   key -> content
    broken    key -> how it misbehaves: forbidden, teapot, busy, another status with its code ("429 TooManyRequests"), breaks off, breaks off once, stalls, stalls once,
              trickles, trickles once; elsewhere (a redirect without a region), nonsense (a header that can't be read)
    asked     every request
    wait      what an answer waits for
    others    key -> what another one writes, where broken says so (fake_s3_writing.py)
    times     key -> when it was written, as a list of objects says it
    """

    daemon_threads = True

    def __init__(self, handler: type[FakeHandler] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or FakeHandler)
        self.objects: dict[str, bytes] = {}
        self.broken: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.wait: threading.Event | None = None
        self.ended = threading.Event()  # no answer stalls or trickles any longer
        self.others: dict[str, bytes] = {}
        self.times: dict[str, datetime] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def upload(self, files: Mapping[str, bytes], prefix: str = "search/v1/") -> None:
        """The files, and a manifest that lists them, instead of what was there."""
        self.objects = {prefix + name: content for name, content in files.items()}
        self.objects[f"{prefix}manifest.json"] = manifest_of(files)


class FakeHandler(BaseHTTPRequestHandler):
    """One request to FakeS3."""

    protocol_version = "HTTP/1.1"
    server: FakeS3

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""

    def refuse(self, status: int, code: str) -> None:
        """An error as S3 writes one."""
        body = f"<Error><Code>{code}</Code><Message>{code}, said S3</Message></Error>".encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """GetObject."""
        wanted, owner = self.headers.get("range"), self.headers.get("x-amz-expected-bucket-owner")
        known = self.headers.get("if-none-match")
        self.server.asked.append(Asked(self.path, wanted, owner, known))
        if self.server.wait is not None:
            self.server.wait.wait()
        if not self.path.startswith("/bucket/"):
            return self.refuse(404, "NoSuchBucket")
        key = self.path.removeprefix("/bucket/")
        fault = self.server.broken.get(key)
        if fault == "forbidden" or owner not in (None, ACCOUNT):
            return self.refuse(403, "AccessDenied")
        if fault == "teapot":
            return self.refuse(418, "Teapot")
        if fault == "busy":
            return self.refuse(503, "SlowDown")
        if fault == "elsewhere":
            return self.refuse(302, "Found")
        if fault and fault[:3].isdecimal():
            return self.refuse(int(fault[:3]), fault[4:])
        if key not in self.server.objects:
            return self.refuse(404, "NoSuchKey")
        content = self.server.objects[key]
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        if known == etag:
            self.send_response(304)
            self.send_header("etag", etag)
            self.end_headers()
            return None
        if wanted:
            first, last = map(int, wanted.removeprefix("bytes=").split("-"))
            if first >= len(content):
                return self.refuse(416, "InvalidRange")
            content = content[first : last + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("content-length", str(len(content)))
        self.send_header("etag", etag)
        if fault == "nonsense":
            self.send_header("last-modified", "yesterday")
        self.end_headers()
        if fault in {"breaks off", "breaks off once"}:
            if fault == "breaks off once":
                del self.server.broken[key]
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return None
        if fault in {"stalls", "stalls once", "trickles", "trickles once"}:
            return self.dawdle(key, fault, content)
        self.wfile.write(content)
        return None

    def do_HEAD(self) -> None:
        """HeadBucket, which botocore asks after a redirect: it is redirected too."""
        self.send_response(302)
        self.send_header("content-length", "0")
        self.end_headers()

    def dawdle(self, key: str, fault: str, content: bytes) -> None:
        """Sends a byte of a body, and then nothing, or a byte now and then, until the caller has gone."""
        if fault.endswith(" once"):
            del self.server.broken[key]
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(content[:1])
            for place in range(1, len(content)):
                if fault.startswith("stalls") or self.server.ended.wait(0.02):
                    break
                self.wfile.write(content[place : place + 1])
            self.server.ended.wait()


@contextmanager
def fake_s3(handler: type[FakeHandler] | None = None) -> Iterator[FakeS3]:
    """A server in a thread of its own."""
    server = FakeS3(handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """A whole manifest that lists these files; its recipe is of no model."""
    return Manifest(
        format_version=FORMAT_VERSION,
        model_id="none",
        revision="none",
        weights_sha256="0" * 64,
        pooling="mean",
        normalize=True,
        max_length=8,
        query_prompt="",
        document_prompt="",
        dim=1,
        dtype="float32",
        count=1,
        skipped=0,
        truncated=0,
        inputs_sha256="",
        recipe_sha256="0" * 64,
        files={
            name: FileEntry(len(content), hashlib.sha256(content).hexdigest())
            for name, content in files.items()
        },
        versions={},
        verify=None,
    ).to_json()
