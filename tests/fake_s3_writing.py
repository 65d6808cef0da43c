"""What FakeS3 lacks for `seeklet release`: PutObject with conditions and checksums, CopyObject, HeadObject, lists, deletes."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

from fake_s3 import FakeHandler

MODIFIED = datetime(2026, 11, 23, 10, tzinfo=UTC)


def etag_of(content: bytes) -> str:
    """The ETag that S3 gives an object of one part."""
    return f'"{hashlib.md5(content).hexdigest()}"'


def checksum_of(content: bytes) -> str:
    """The SHA-256 as S3's headers have it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


class WritingHandler(FakeHandler):
    """One request to a FakeS3 that may be written.

    Writes are noted in `server.asked` with their method before the path; `broken` knows besides: dies (the connection
    ends before the body is stored), changes (another one writes the object first).
    """

    def key(self) -> str:
        """The object's key."""
        return unquote(urlsplit(self.path).path).removeprefix("/bucket/").removeprefix("/bucket")

    def note(self) -> bool:
        """Notes the request; returns whether the bucket is there and may be used."""
        from fake_s3 import Asked

        self.server.asked.append(Asked(f"{self.command} {self.key()}", None, None))
        if not self.path.startswith("/bucket"):
            self.refuse(404, "NoSuchBucket")
        elif self.server.broken.get(self.key()) == "forbidden":
            self.refuse(403, "AccessDenied")
        else:
            return True
        return False

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        """Sends an answer; a header's _ stands for -."""
        data = body.encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self) -> None:  # noqa: N802 - http.server asks for it
        """PutObject and CopyObject."""
        key, objects = self.key(), self.server.objects
        length = int(self.headers.get("content-length", 0))
        if self.server.broken.get(key) == "dies":
            self.rfile.read(length // 2)
            self.close_connection = True
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            # The client is gone: S3 stores an object whole or not at all.
            self.close_connection = True
            return None
        if not self.note():
            return None
        if self.server.broken.get(key) == "changes":
            del self.server.broken[key]
            objects[key] = self.server.others[key]
        source = self.headers.get("x-amz-copy-source")
        if source is not None:
            place = unquote(source).lstrip("/").removeprefix("bucket/")
            if place not in objects:
                return self.refuse(404, "NoSuchKey")
            body = objects[place]
        known, none = self.headers.get("if-match"), self.headers.get("if-none-match")
        there = etag_of(objects[key]) if key in objects else None
        if (none == "*" and there is not None) or (known is not None and known != there):
            return self.refuse(412, "PreconditionFailed")
        checksum = self.headers.get("x-amz-checksum-sha256")
        if checksum not in (None, checksum_of(body)):
            return self.refuse(400, "BadDigest")
        objects[key] = body
        if source is not None:
            return self.answer(200, f"<CopyObjectResult><ETag>{etag_of(body)}</ETag></CopyObjectResult>")
        return self.answer(200, etag=etag_of(body))

    def do_HEAD(self) -> None:  # noqa: N802 - http.server asks for it
        """HeadObject."""
        if not self.note():
            return
        if (fault := self.server.broken.get(self.key(), ""))[:3].isdecimal():
            # Nothing says the code.
            self.send_response(int(fault[:3]))
            self.end_headers()
            return
        content = self.server.objects.get(self.key())
        if content is None:
            self.send_response(404)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.send_header("etag", etag_of(content))
        self.send_header("x-amz-checksum-sha256", checksum_of(content))
        self.send_header("last-modified", MODIFIED.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        self.end_headers()

    def do_GET(self) -> None:  # noqa: N802 - http.server asks for it
        """ListObjectsV2, and what FakeS3 has."""
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" not in asked:
            return super().do_GET()
        if not self.note():
            return None
        prefix, times = asked.get("prefix", [""])[0], self.server.times
        found = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(content)}</Size>"
            f"<LastModified>{times.get(key, MODIFIED).isoformat()}</LastModified></Contents>"
            for key, content in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        return self.answer(
            200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        )

    def do_POST(self) -> None:  # noqa: N802 - http.server asks for it
        """DeleteObjects."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if not self.note():
            return
        for key in re.findall("<Key>(.*?)</Key>", body):
            self.server.objects.pop(key, None)
        self.answer(200, "<DeleteResult></DeleteResult>")
