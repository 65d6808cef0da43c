"""ARTIFACT_URI: the real artifact, from moto's S3."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_tools import ROOT, sam_tool
from servers import moto_server

from handler.searcher import Searcher

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
print(json.dumps(app.handler(event, None)))
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

    temporary = tmp_path / "tmp"
    temporary.mkdir()

    def ask(uri: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", ASK],
            cwd=ROOT,
            # An image sets ARTIFACT_DIR: ARTIFACT_URI goes before it.
            env={**moto, "ARTIFACT_URI": uri, "ARTIFACT_DIR": "/nowhere", "TMPDIR": str(temporary)},
            capture_output=True,
            text=True,
        )

    done = ask("s3://corpora/search/v1")
    assert done.returncode == 0, done.stderr
    response = json.loads(done.stdout)
    (folder,) = temporary.iterdir()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in artifact.iterdir()
    }
    text = json.loads(json.loads((ROOT / "events" / "similar.json").read_text())["body"])["text"]
    wanted = Searcher.load(artifact).search(text, 5, "semantic")
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
