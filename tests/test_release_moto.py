"""`seeklet release` end to end on moto's S3, with the function over its pointer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_tools import ROOT, sam_tool
from releases import QUERY, make_releases
from servers import moto_server

from handler.searcher import Searcher

PLACE = "s3://corpora/search"
MAKE = "import boto3; boto3.client('s3').create_bucket(Bucket='corpora')"
CHECKSUMS = """
import boto3, json
s3 = boto3.client("s3")
print(json.dumps({o["Key"]: s3.head_object(Bucket="corpora", Key=o["Key"], ChecksumMode="ENABLED").get("ChecksumSHA256")
    for o in s3.list_objects_v2(Bucket="corpora", Prefix="search/releases/")["Contents"]}))
"""
# Serves; after each line of standard input it takes a ping, and prints what a query finds and which release it is.
SERVE = """
import json, sys
import handler.app as app
for line in sys.stdin:
    app.handler.resume()
    app.handler({"source": "aws.events"}, None)
    answer = app.handler({"query": line.strip(), "k": 5}, None)
    served = app.handler.source.current().release
    print(json.dumps([served.id, [[hit["id"], hit["score"]] for hit in answer["results"]]]), flush=True)
"""


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A moto server, and the environment that leads a client to it."""
    with moto_server(tmp_path_factory.mktemp("moto")) as variables:
        subprocess.run([sam_tool("python"), "-c", MAKE], env=variables, check=True)
        yield variables


@pytest.mark.aws
def test_release_update_and_roll_back(
    moto: dict[str, str], tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "releases").mkdir()
    artifacts = make_releases(tmp_path / "releases", tiny_model, tiny_cache, "ab")

    def release(*arguments: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "seeklet", "release", *map(str, arguments)],
            cwd=ROOT,
            env=moto,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def right(name: str) -> list[list[object]]:
        return [[hit.id, hit.score] for hit in Searcher.load(artifacts[name]).search(QUERY, 5)]

    count = len(list(artifacts["a"].iterdir()))
    assert f"files: {count} sent, 0 copied within S3, 0 there already" in release(artifacts["a"], PLACE)
    assert f"files: 0 sent, 0 copied within S3, {count} there already" in release(artifacts["a"], PLACE)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        cwd=ROOT,
        env={**moto, "ARTIFACT_URI": f"{PLACE}/current", "TMPDIR": str(temporary), "THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stdin is not None
        assert served.stdout is not None

        def ask() -> tuple[str, list[list[object]]]:
            assert served.stdin is not None
            assert served.stdout is not None
            served.stdin.write(f"{QUERY}\n")
            served.stdin.flush()
            id_, found = json.loads(served.stdout.readline())
            return id_, found

        first, found = ask()
        assert found == right("a")
        printed = release(artifacts["b"], PLACE)
        assert "0 copied" not in printed
        assert "0 there already" in printed
        second, found = ask()
        assert found == right("b")
        assert second != first
        assert f"names release {first}; before it was {second}" in release("--rollback", PLACE)
        assert ask() == (first, right("a"))
        assert len(list(temporary.iterdir())) == 1
        served.stdin.close()
    listed = json.loads(release("--list", PLACE))["releases"]
    assert {one["id"]: one["role"] for one in listed} == {first: "current", second: "previous"}
    done = subprocess.run(
        [sam_tool("python"), "-c", CHECKSUMS], env=moto, capture_output=True, text=True, check=True
    )
    # S3 knows each file's own SHA-256.
    assert all(json.loads(done.stdout).values())
