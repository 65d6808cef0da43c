"""The demo corpus, from the botocore that is installed and from small ones made up."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from export.corpus.demo import split_words, strip_html, write_demo_corpus
from export.corpus.reader import CorpusReader
from handler.errors import ExportError, OutputError

needs_botocore = pytest.mark.skipif(
    importlib.util.find_spec("botocore") is None, reason="botocore isn't installed"
)


@pytest.fixture
def fake_botocore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an empty botocore before the installed one and return its data folder."""
    package = tmp_path / "site" / "botocore"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "data" / "endpoints.json").write_text("{}")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "botocore", raising=False)
    return package / "data"


def describe(folder: Path, operations: dict[str, Any], name: str = "service-2.json") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"serviceFullName": f"Amazon {folder.parent.name}", "serviceId": "ID"}
    data = json.dumps({"metadata": metadata, "operations": operations}).encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("PutObject", "Put Object"),
        ("Publish", "Publish"),
        ("CreateDBInstance", "Create DB Instance"),
        ("DescribeDBInstances", "Describe DB Instances"),
        ("ListObjectsV2", "List Objects V2"),
        ("RestoreDBClusterFromS3", "Restore DB Cluster From S3"),
        ("CreateS3TableIntegration", "Create S3 Table Integration"),
        ("DescribeACLs", "Describe ACLs"),
        ("ListWebACLs", "List Web ACLs"),
        ("ListHITsForQualificationType", "List HITs For Qualification Type"),
        ("CreateOAuth2TokenWithIAM", "Create OAuth2 Token With IAM"),
        ("StartOTelEnrichment", "Start OTel Enrichment"),
        ("InferICD10CM", "Infer ICD10CM"),
        ("AssignIpv6Addresses", "Assign Ipv6 Addresses"),
        ("ListRoute53HealthChecks", "List Route53 Health Checks"),
    ],
)
def test_names_in_words(operation: str, words: str) -> None:
    assert split_words(operation) == words


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p/>", ""),
        ("<p>Adds an <code>object</code>.</p>", "Adds an object."),
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("a<br>b<br/>c", "a b c"),
        ("see <a href='x'>this</a>, <b>now</b>", "see this, now"),
        ("A&amp;B &lt;name&gt; &#8217; &nbsp; x\u2028\n y", "A&B <name> \u2019 x y"),
        ("loose &", "loose &"),
        ("one < two", "one < two"),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert strip_html(html) == text


def test_newest_version_in_order(fake_botocore: Path, tmp_path: Path) -> None:
    put = {"documentation": "<p>Adds an object.</p>"}
    describe(fake_botocore / "s3" / "2006-03-01", {"Old": {}})
    describe(fake_botocore / "s3" / "2024-03-01", {"PutObject": put, "GetObject": {}})
    (fake_botocore / "s3" / "2025-01-01").mkdir()  # without a service-2
    describe(fake_botocore / "acm" / "2015-12-08", {"Café": put}, "service-2.json.gz")
    describe(fake_botocore / "acm" / "2015-12-08", {"Extra": {}}, "service-2.sdk-extras.json")
    out = tmp_path / "new" / "demo.jsonl"
    assert write_demo_corpus(out) == 2
    assert [row["id"] for row in read(out)] == ["acm:Café", "s3:PutObject"]
    assert [row["text"] for row in read(out)][1:] == ["Put Object: Adds an object."]
    assert read(out)[1] == {
        "id": "s3:PutObject",
        "text": "Put Object: Adds an object.",
        "service": "Amazon s3",
        "service_id": "ID",
        "operation": "PutObject",
    }
    assert [path.name for path in out.parent.iterdir()] == ["demo.jsonl"]


@pytest.mark.parametrize("damage", [b"{", b"\x1f\x8b\x08", b"\xff"])
def test_damaged_botocore_leaves_the_old_corpus(fake_botocore: Path, tmp_path: Path, damage: bytes) -> None:
    describe(fake_botocore / "acm" / "2015-12-08", {"Good": {}})
    describe(fake_botocore / "s3" / "2006-03-01", {})
    name = "service-2.json.gz" if damage.startswith(b"\x1f") else "service-2.json"
    (fake_botocore / "s3" / "2006-03-01" / "service-2.json").unlink()
    (fake_botocore / "s3" / "2006-03-01" / name).write_bytes(damage)
    out = tmp_path / "demo.jsonl"
    out.write_text("old")
    with pytest.raises(ExportError, match=r"can't be read .*: run make setup"):
        write_demo_corpus(out)
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.jsonl", "site"]


def test_a_service_without_description(fake_botocore: Path, tmp_path: Path) -> None:
    (fake_botocore / "s3" / "2006-03-01").mkdir(parents=True)
    with pytest.raises(ExportError, match=r"holds no service-2\.json: run make setup"):
        write_demo_corpus(tmp_path / "demo.jsonl")


def test_botocore_without_data(fake_botocore: Path, tmp_path: Path) -> None:
    (fake_botocore / "endpoints.json").unlink()
    fake_botocore.rmdir()
    with pytest.raises(ExportError, match="missing from botocore: run make setup"):
        write_demo_corpus(tmp_path / "demo.jsonl")


def test_without_botocore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "botocore", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ExportError, match="botocore, not installed: run make setup"):
        write_demo_corpus(tmp_path / "demo.jsonl")


@pytest.mark.parametrize("place", ["folder", "file/demo.jsonl"])
def test_a_place_that_cant_be_written(fake_botocore: Path, tmp_path: Path, place: str) -> None:
    describe(fake_botocore / "s3" / "2006-03-01", {"PutObject": {}})
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        write_demo_corpus(tmp_path / place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "site"]


def test_what_is_no_file_is_not_replaced(fake_botocore: Path, tmp_path: Path) -> None:
    describe(fake_botocore / "s3" / "2006-03-01", {"PutObject": {}})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="it is no regular file: name another one"):
        write_demo_corpus(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


@needs_botocore
def test_the_real_one(tmp_path: Path) -> None:
    out = tmp_path / "demo.jsonl"
    count = write_demo_corpus(out)
    rows = {row["id"]: row for row in read(out)}
    assert len(rows) == count
    if importlib.metadata.version("botocore") == "1.44.5":
        assert count == 19_787
        assert all(": " in row["text"] for row in rows.values())
    assert rows["s3:PutObject"]["service"] == "Amazon Simple Storage Service"
    assert rows["s3:PutObject"]["service_id"] == "S3"
    assert rows["rds:CreateDBInstance"]["text"].startswith("Create DB Instance: Creates a new DB")
    assert "text message (SMS message) directly to a phone number" in rows["sns:Publish"]["text"]
    assert rows["pinpoint-sms-voice-v2:SendTextMessage"]["text"].startswith(
        "Send Text Message: Creates a new text message and sends it to a recipient's phone number."
    )
    documents = list(CorpusReader(str(out), ["text"], "id", ["service", "operation"]))
    assert [document.id for document in documents] == list(rows)
