"""ARTIFACT_URI: an artifact fetched whole and checked from a small S3 of our own, and what is told where it can't be.

What is in /tmp already is tests/test_fetch_tmp.py's.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_s3 import ACCOUNT, FakeS3
from fetched import fetch_artifact
from unsigned import unsigned

from handler.artifact import REQUIRED_FILES
from handler.errors import ArtifactError, OptionError, SettingsError
from handler.s3 import S3Folder
from seeklet.releases.bucket import Bucket

URI = "s3://bucket/search/v1"
LARGE, MANIFEST = "search/v1/model.onnx.data", "search/v1/manifest.json"


def in_small_ranges(uri: str, owner: str | None) -> S3Folder:
    return S3Folder(uri, owner, range_bytes=64_000, chunk_bytes=10_000)


def fetch(parent: Path, uri: str = URI, **options: Any) -> Path:
    return fetch_artifact(uri, parent, connect=in_small_ranges, **options)


def test_the_folder_holds_what_was_uploaded(s3: FakeS3, s3_files: dict[str, bytes], tmp_path: Path) -> None:
    folder = fetch(tmp_path)
    manifest = s3.objects[MANIFEST]
    assert folder == tmp_path / f"seeklet-{hashlib.sha256(manifest).hexdigest()}"
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {**s3_files, "manifest.json": manifest}
    # Nothing else is left, such as a part.
    assert list(tmp_path.iterdir()) == [folder]


def test_files_come_in_ranges_that_cover_them_once(s3: FakeS3, tmp_path: Path) -> None:
    fetch(tmp_path)
    ranges = sorted(
        tuple(map(int, str(asked.wanted).removeprefix("bytes=").split("-")))
        for asked in s3.asked
        if asked.path.endswith(LARGE)
    )
    assert len(ranges) == 5
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 299_999
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(ranges))


def test_a_bucket_needs_no_prefix(s3: FakeS3, s3_files: dict[str, bytes], tmp_path: Path) -> None:
    s3.upload(s3_files, prefix="")
    assert (fetch(tmp_path, "s3://bucket") / "model.onnx").read_bytes() == s3_files["model.onnx"]


def test_a_body_that_breaks_off_is_asked_for_again(
    s3: FakeS3, s3_files: dict[str, bytes], tmp_path: Path
) -> None:
    s3.broken[LARGE] = "breaks off once"
    assert (fetch(tmp_path) / "model.onnx.data").read_bytes() == s3_files["model.onnx.data"]


def test_the_buckets_owner_is_asked_for_in_every_request(s3: FakeS3, tmp_path: Path) -> None:
    fetch(tmp_path, owner=ACCOUNT)
    assert len(s3.asked) > len(REQUIRED_FILES)
    assert {asked.owner for asked in s3.asked} == {ACCOUNT}


def test_no_owner_is_asked_for_without_the_setting(s3: FakeS3, tmp_path: Path) -> None:
    fetch(tmp_path)
    assert {asked.owner for asked in s3.asked} == {None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "localhost:9000"),
        ("AWS_DEFAULT_REGION", "a region"),
        ("AWS_PROFILE", "nobody"),
    ],
)
def test_settings_of_aws_that_make_no_client(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=r"botocore can't make a client .*: mend the AWS"):
        S3Folder(URI)
    with pytest.raises(
        OptionError, match=r"can't be reached .*: check --region, --profile and AWS_ENDPOINT_URL"
    ):
        Bucket(URI)


def test_a_strangers_bucket_is_refused_by_the_settings_name(s3: FakeS3, tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"must belong to the account 210987654321 \(ARTIFACT_BUCKET_OWNER\)"
    ):
        fetch(tmp_path, owner="210987654321")
    s3.broken[MANIFEST] = "forbidden"
    with pytest.raises(ArtifactError, match="may not be read") as raised:
        fetch(tmp_path)
    assert "ARTIFACT_BUCKET_OWNER" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "fault", "told"),
    [
        (MANIFEST, "gone", r"s3://bucket/search/v1/manifest\.json isn't there: upload the whole folder"),
        (LARGE, "gone", r"s3://bucket/search/v1/model\.onnx\.data isn't there"),
        (
            MANIFEST,
            "forbidden",
            r"manifest\.json may not be read, or isn't there: give the role s3:GetObject",
        ),
        (LARGE, "forbidden", r"model\.onnx\.data may not be read"),
        (LARGE, "teapot", r"S3 refused .*model\.onnx\.data \(Teapot: Teapot, said S3\)"),
        (LARGE, "breaks off", r"model\.onnx\.data can't be read \(.*\): check the function's network"),
        (MANIFEST, "breaks off", r"manifest\.json can't be read"),
        (LARGE, "flipped", r"data has SHA-256 [0-9a-f]{12}\.\.\., its manifest says [0-9a-f]{12}\.\.\."),
        (LARGE, "short", r"model\.onnx\.data hasn't the size that its manifest says"),
        (LARGE, "shorter by ranges", r"model\.onnx\.data hasn't the size that its manifest says"),
        (MANIFEST, "text", r"v1/manifest\.json is not JSON \(.*\): run `seeklet export` again"),
        (MANIFEST, "list", r"v1/manifest\.json says format_version None"),
        (MANIFEST, "endless", r"v1/manifest\.json has more than 1,048,576 bytes"),
        (MANIFEST, "too few", r"v1/manifest\.json lists no model\.onnx\.data: run"),
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
        case "endless":
            s3.objects[key] = content + b" " * 2**20
        case "too few":
            fields = json.dumps(unsigned(json.loads(content)))
            s3.objects[key] = fields.replace('"model.onnx.data"', '"another.file"').encode()
        case _:
            s3.broken[key] = fault
    with pytest.raises(ArtifactError, match=told):
        fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "/x", "a/b", "..", ".", "", "a\\u0000b", "\\ud800", ".hidden", "-x", "x" * 300),
        *("manifest.json", "..\\\\x", "x\\n", "Ü"),
    ],
)
def test_a_name_that_is_no_plain_file_name_is_refused_before_anything_is_written(
    s3: FakeS3, tmp_path: Path, name: str
) -> None:
    content = s3.objects[MANIFEST]
    s3.objects[MANIFEST] = content.replace(b'"more.txt"', f'"{name}"'.encode())
    assert s3.objects[MANIFEST] != content
    parent = tmp_path / "tmp"
    parent.mkdir()
    with pytest.raises(ArtifactError, match=r"is no name of an artifact's file|is not JSON .*surrogate"):
        fetch(parent)
    assert [asked.path for asked in s3.asked] == [f"/bucket/{MANIFEST}"]
    assert [path for path in tmp_path.rglob("*") if path != parent] == []


def test_a_bucket_that_is_not_there(s3: FakeS3, tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match="there is no bucket elsewhere: mend ARTIFACT_URI=s3://elsewhere/x"
    ):
        fetch(tmp_path, "s3://elsewhere/x")


def test_no_way_to_s3(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(
        ArtifactError, match=r"manifest\.json can't be read \(.*\): check the function's network"
    ):
        fetch(tmp_path)


def test_no_credentials(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(
        ArtifactError, match=r"no AWS credentials to read s3://bucket/search/v1/manifest\.json"
    ):
        fetch(tmp_path)


def test_without_botocore_the_setting_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("handler.fetch", "handler.s3"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "botocore.config", None)
    with pytest.raises(SettingsError, match="ARTIFACT_URI needs botocore"):
        __import__("handler.fetch")
