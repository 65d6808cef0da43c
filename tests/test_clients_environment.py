"""The environment of the tests marked `clients`: it has neither torch nor what exports, and an artifact all the same."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from command import ROOT

from seeklet import Searcher

pytestmark = pytest.mark.clients


def pins(name: str) -> dict[str, str]:
    """The versions that a file of requirements pins, by the distribution's name."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[._-]+", "-", pin.lower()): version for pin, version in found}


def test_it_has_the_clients_and_no_torch() -> None:
    names = {re.sub(r"[._-]+", "-", found.metadata["Name"].lower()) for found in distributions()}
    assert names >= {"langchain-core", "llama-index-core", "openai", "mcp", "schemathesis", "boto3"}
    assert not names & {"torch", "transformers", "sentence-transformers", "optimum-onnx"}


def test_what_answers_has_the_main_environments_versions() -> None:
    ours, main = pins("requirements-clients.txt"), pins("requirements.txt")
    for name in ("numpy", "onnxruntime", "tokenizers", "snowballstemmer", "fastapi", "mangum", "uvicorn"):
        assert ours[name] == main[name]


def test_the_artifact_answers(artifact: Path) -> None:
    assert "torch" not in sys.modules
    assert json.loads((artifact / "manifest.json").read_text())["count"] == len(
        Searcher.load(artifact).local.documents
    )
    (hit,) = Searcher.load(artifact).search("a storm over Europe", 1)
    assert hit.metadata == {"topic": "climate"}
