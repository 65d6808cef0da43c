"""The examples of docs/clients.md, run where the libraries are, against a service and the artifact that they name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import ROOT, Block, read_blocks
from node import CLIENT, node
from servers import uvicorn_server

from seeklet import Searcher

pytestmark = pytest.mark.clients

ADDRESS = "http://127.0.0.1:3000"
BLOCKS = list(read_blocks(ROOT / "docs" / "clients.md"))
QUERY = "storms in Europe"


@pytest.fixture(scope="module")
def service(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service over the artifact."""
    with uvicorn_server(artifact, tmp_path_factory.mktemp("service") / "log") as url:
        yield url


def printed(command: list[str], folder: Path) -> str:
    """What a program prints that can import seeklet."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=str)
def test_python(block: Block, service: str, artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "artifact").symlink_to(artifact)
    said = printed([sys.executable, "-c", block.text.replace(ADDRESS, service)], tmp_path)
    if "InMemoryVectorStore" in block.text:
        assert said == "A slow dough makes better bread\n"
        return
    hits = Searcher.load(artifact).search(QUERY, 3)
    lines = said.splitlines()
    assert len(lines) == 3
    for line, hit in zip(lines, hits, strict=True):
        assert hit.text in line
        assert str(hit.score) in line


def test_javascript(service: str, artifact: Path, tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if block.language == "javascript")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "seeklet").symlink_to(CLIENT)
    (tmp_path / "example.mjs").write_text(block.text.replace(ADDRESS, service))
    *lines, error = node("example.mjs", cwd=tmp_path).splitlines()
    expected = []
    for hit in Searcher.load(artifact).search(QUERY, 3):
        text = hit.text
        # From the end, so that the places before stay.
        for match in reversed(hit.matches):
            text = f"{text[: match.start]}[{text[match.start : match.end]}]{text[match.end :]}"
        expected.append(f"{hit.score} {text}")
    assert lines == expected
    assert any("[" in line for line in lines)
    assert error.startswith("422 invalid_request k k is 0")
