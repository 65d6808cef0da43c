"""ARTIFACT_URI: fetched whole, checked and reused, from a small S3 of our own, and (marked aws) from moto's."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from lambda_tools import NO_AWS, ROOT, sam_tool
from servers import moto_server

from handler import fetch
from handler.errors import ArtifactError, SettingsError
from handler.searcher import Searcher

URI = "s3://bucket/search/v1"
FILES = {"large.bin": os.urandom(300_000), "small.txt": b"a line\n", "empty": b""}
DiskUsage = namedtuple("DiskUsage", "total used free")


class FakeS3(ThreadingHTTPServer):
    """GetObject with ranges, path-style; `broken` says how a key misbehaves, `asked` what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.objects: dict[str, bytes] = {}
        self.broken: dict[str, str] = {}
        self.asked: list[tuple[str, str | None]] = []


class FakeHandler(BaseHTTPRequestHandler):
    """One request to FakeS3."""

    protocol_version = "HTTP/1.1"
    server: FakeS3

    def log_message(self, *arguments: Any) -> None:
        """Says nothing."""

    def refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{code}, said S3</Message></Error>".encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        wanted = self.headers.get("range")
        self.server.asked.append((self.path, wanted))
        if not self.path.startswith("/bucket/"):
            return self.refuse(404, "NoSuchBucket")
        key = self.path.removeprefix("/bucket/")
        fault = self.server.broken.get(key)
        if fault == "forbidden":
            return self.refuse(403, "AccessDenied")
        if fault == "teapot":
            return self.refuse(418, "Teapot")
        if key not in self.server.objects:
            return self.refuse(404, "NoSuchKey")
        content = self.server.objects[key]
        if wanted:
            first, last = map(int, wanted.removeprefix("bytes=").split("-"))
            if first >= len(content):
                return self.refuse(416, "InvalidRange")
            content = content[first : last + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if fault in {"breaks off", "breaks off once"}:
            if fault == "breaks off once":
                del self.server.broken[key]
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return None
        self.wfile.write(content)
        return None


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    """A bucket with FILES and their manifest under search/v1/."""
    server = FakeS3()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    upload(server, FILES)
    for name, value in NO_AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr(fetch, "RANGE_BYTES", 64_000)
    monkeypatch.setattr(fetch, "CHUNK_BYTES", 10_000)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def upload(server: FakeS3, files: dict[str, bytes], prefix: str = "search/v1/") -> None:
    """The files, and a manifest that lists them."""
    entries = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    server.objects = {prefix + name: content for name, content in files.items()}
    server.objects[prefix + "manifest.json"] = json.dumps({"files": entries}).encode()


def test_the_folder_holds_what_was_uploaded(s3: FakeS3, tmp_path: Path) -> None:
    folder = fetch.fetch_artifact(URI, tmp_path)
    manifest = s3.objects["search/v1/manifest.json"]
    assert folder == tmp_path / f"seeklet-{hashlib.sha256(manifest).hexdigest()}"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {**FILES, "manifest.json": manifest}
    # Nothing else is left, such as a part.
    assert list(tmp_path.iterdir()) == [folder]


def test_files_come_in_ranges_that_cover_them_once(s3: FakeS3, tmp_path: Path) -> None:
    fetch.fetch_artifact(URI, tmp_path)
    ranges = sorted(
        tuple(map(int, str(wanted).removeprefix("bytes=").split("-")))
        for path, wanted in s3.asked
        if path.endswith("large.bin")
    )
    assert len(ranges) == 5
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 299_999
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(ranges))


def test_a_warm_tmp_costs_the_manifest_alone(s3: FakeS3, tmp_path: Path) -> None:
    first = fetch.fetch_artifact(URI, tmp_path)
    s3.asked.clear()
    assert fetch.fetch_artifact(URI, tmp_path) == first
    assert s3.asked == [("/bucket/search/v1/manifest.json", None)]


def test_another_artifact_gets_another_folder(s3: FakeS3, tmp_path: Path) -> None:
    first = fetch.fetch_artifact(URI, tmp_path)
    upload(s3, {**FILES, "small.txt": b"another line\n"})
    second = fetch.fetch_artifact(URI, tmp_path)
    assert first != second
    assert (second / "small.txt").read_bytes() == b"another line\n"


def test_a_bucket_needs_no_prefix(s3: FakeS3, tmp_path: Path) -> None:
    upload(s3, FILES, prefix="")
    assert (fetch.fetch_artifact("s3://bucket", tmp_path) / "small.txt").read_bytes() == b"a line\n"


def test_a_body_that_breaks_off_is_asked_for_again(s3: FakeS3, tmp_path: Path) -> None:
    s3.broken["search/v1/large.bin"] = "breaks off once"
    folder = fetch.fetch_artifact(URI, tmp_path)
    assert (folder / "large.bin").read_bytes() == FILES["large.bin"]


LARGE, MANIFEST = "search/v1/large.bin", "search/v1/manifest.json"


@pytest.mark.parametrize(
    ("key", "fault", "told"),
    [
        (MANIFEST, "gone", r"s3://bucket/search/v1/manifest\.json isn't there: upload the whole folder"),
        (LARGE, "gone", r"s3://bucket/search/v1/large\.bin isn't there"),
        (
            MANIFEST,
            "forbidden",
            r"manifest\.json may not be read, or isn't there: give the role s3:GetObject",
        ),
        (LARGE, "forbidden", r"large\.bin may not be read"),
        (LARGE, "teapot", r"S3 refused .*large\.bin \(Teapot: Teapot, said S3\)"),
        (LARGE, "breaks off", r"large\.bin can't be read \(.*\): check the function's way to S3"),
        (MANIFEST, "breaks off", r"manifest\.json can't be read"),
        (
            LARGE,
            "flipped",
            r"large\.bin has SHA-256 [0-9a-f]{12}\.\.\., its manifest says [0-9a-f]{12}\.\.\.",
        ),
        (LARGE, "short", r"large\.bin hasn't the size that its manifest says"),
        (LARGE, "shorter by ranges", r"large\.bin hasn't the size that its manifest says"),
        (MANIFEST, "text", r"manifest\.json is not an artifact's manifest"),
        (MANIFEST, "list", r"manifest\.json is not an artifact's manifest"),
        (MANIFEST, "path", r"manifest\.json lists '\.\./x', which is no file's name"),
    ],
)
def test_what_can_not_be_fetched_is_named_and_nothing_stays(
    s3: FakeS3, tmp_path: Path, key: str, fault: str, told: str
) -> None:
    content = s3.objects[key]
    match fault:
        case "gone":
            del s3.objects[key]
        case "flipped":
            s3.objects[key] = content[:150_000] + bytes([content[150_000] ^ 1]) + content[150_001:]
        case "short":
            s3.objects[key] = content[:-1]
        case "shorter by ranges":
            s3.objects[key] = content[:100_000]
        case "text":
            s3.objects[key] = b"not JSON"
        case "list":
            s3.objects[key] = b"[1]"
        case "path":
            s3.objects[key] = content.replace(b"small.txt", b"../x")
        case _:
            s3.broken[key] = fault
    with pytest.raises(ArtifactError, match=told):
        fetch.fetch_artifact(URI, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_not_there(s3: FakeS3, tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match="there is no bucket elsewhere: mend ARTIFACT_URI=s3://elsewhere/x"
    ):
        fetch.fetch_artifact("s3://elsewhere/x", tmp_path)


def test_no_way_to_s3(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ArtifactError, match=r"manifest\.json can't be read \(.*\): check the function's way"):
        fetch.fetch_artifact(URI, tmp_path)


def test_no_credentials(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(
        ArtifactError, match=r"no AWS credentials to read s3://bucket/search/v1/manifest\.json"
    ):
        fetch.fetch_artifact(URI, tmp_path)


def test_a_full_tmp_says_what_to_raise(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 512 MB, all but 100 kB of it used by others.
    usage = DiskUsage(512 << 20, (512 << 20) - 100_000, 100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ArtifactError, match=r"has 0 MB, .* has 0 of 512 MB free: .*EphemeralStorage at 513"):
        fetch.fetch_artifact(URI, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_tmp_that_fills_up_meanwhile_says_so_too(
    s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ArtifactError, match="EphemeralStorage"):
        fetch.fetch_artifact(URI, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_older_artifacts_make_room_only_where_it_is_needed(
    s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("seeklet-old", "seeklet-x.partial", "another's"):
        (tmp_path / name).mkdir()
    fetch.make_room(URI, tmp_path, 1)
    assert len(list(tmp_path.iterdir())) == 3

    def usage(path: Path) -> DiskUsage:
        return DiskUsage(1000, 900, 100) if (tmp_path / "seeklet-old").exists() else DiskUsage(1000, 0, 1000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    fetch.make_room(URI, tmp_path, 500)
    assert [path.name for path in tmp_path.iterdir()] == ["another's"]


def test_a_tmp_that_is_read_only(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(ArtifactError, match=r"can't be written \(Read-only file system\)"):
        fetch.fetch_artifact(URI, tmp_path)


def test_without_botocore_the_setting_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "handler.fetch")
    monkeypatch.setitem(sys.modules, "botocore.config", None)
    with pytest.raises(SettingsError, match="ARTIFACT_URI needs botocore"):
        __import__("handler.fetch")


# --- the real artifact, from moto's S3

UPLOAD = """
import pathlib, sys, boto3
s3, folder, bucket, prefix = boto3.client("s3"), pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
s3.create_bucket(Bucket=bucket)
for path in folder.iterdir():
    s3.upload_file(str(path), bucket, f"{prefix}/{path.name}")
"""
ASK = """
import json, handler.app as app
event = json.load(open("events/similar.json"))
print(json.dumps([str(app.handler.searcher.directory), app.handler(event, None)]))
"""


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A moto server, and the environment that leads a client to it."""
    with moto_server(tmp_path_factory.mktemp("moto")) as variables:
        yield variables


@pytest.mark.aws
def test_the_function_serves_what_it_fetched(moto: dict[str, str], artifact: Path, tmp_path: Path) -> None:
    uploading = [sam_tool("python"), "-c", UPLOAD, str(artifact), "corpora", "search/v1"]
    subprocess.run(uploading, env=moto, check=True)

    def ask(uri: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", ASK],
            cwd=ROOT,
            # An image sets ARTIFACT_DIR: ARTIFACT_URI goes before it.
            env={**moto, "ARTIFACT_URI": uri, "ARTIFACT_DIR": "/nowhere", "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    done = ask("s3://corpora/search/v1")
    assert done.returncode == 0, done.stderr
    folder, response = json.loads(done.stdout)
    assert Path(folder).parent == tmp_path
    assert {path.name: path.read_bytes() for path in Path(folder).iterdir()} == {
        path.name: path.read_bytes() for path in artifact.iterdir()
    }
    text = json.loads(json.loads((ROOT / "events" / "similar.json").read_text())["body"])["text"]
    wanted = Searcher.load(artifact).search(text, 5)
    results = json.loads(response["body"])["results"]
    assert [(result["id"], result["score"]) for result in results] == [(hit.id, hit.score) for hit in wanted]

    for uri, told in (
        ("s3://nowhere/search/v1", "seeklet: there is no bucket nowhere"),
        ("s3://corpora/search/v2", r"seeklet: s3://corpora/search/v2/manifest\.json isn't there"),
    ):
        done = ask(uri)
        assert done.returncode == 2
        assert re.search(told, done.stderr)
        assert "Traceback" not in done.stderr
