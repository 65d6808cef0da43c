"""Loading is validating: each way in which an artifact can be wrong, and its sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unsigned import unsigned

from handler.artifact import REQUIRED_FILES, Artifact
from handler.errors import ArtifactError
from handler.manifest import FORMAT_VERSION
from handler.searcher import Searcher

ROOT = Path(__file__).parent.parent


def change_manifest(directory: Path, **fields: Any) -> None:
    path = directory / "manifest.json"
    path.write_text(json.dumps(unsigned({**json.loads(path.read_text()), **fields})))


def change_size(directory: Path, name: str) -> None:
    """Makes the manifest agree with a file that was changed."""
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["files"][name]["bytes"] = (directory / name).stat().st_size
    (directory / "manifest.json").write_text(json.dumps(unsigned(manifest)))


def truncate(directory: Path, name: str) -> None:
    os.truncate(directory / name, (directory / name).stat().st_size - 100)


def truncate_unnoticed(directory: Path, name: str) -> None:
    truncate(directory, name)
    change_size(directory, name)


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "another version": (
        lambda d: change_manifest(d, format_version=99),
        f"says format_version 99, this code reads {FORMAT_VERSION}: install a newer seeklet",
    ),
    "no version": (lambda d: (d / "manifest.json").write_text("{}"), "says format_version None"),
    "not a table": (lambda d: (d / "manifest.json").write_text("[]"), "says format_version None"),
    "not JSON": (lambda d: (d / "manifest.json").write_text("{"), "manifest.json is not JSON"),
    "not UTF-8": (lambda d: (d / "manifest.json").write_bytes(b'"\xff"'), "manifest.json is not JSON"),
    "no manifest": (lambda d: (d / "manifest.json").unlink(), "has no manifest.json"),
    "other dimensions": (lambda d: change_manifest(d, dim=768), "384 dimensions, its manifest says 768"),
    "other count": (lambda d: change_manifest(d, count=7), "rows is 61, count is 7"),
    "no documents": (lambda d: change_manifest(d, count=0), "count is 0, not 1 to"),
    "unknown pooling": (
        lambda d: change_manifest(d, pooling="sum"),
        "pooling is 'sum', this code has mean, max, cls",
    ),
    "wrong type": (lambda d: change_manifest(d, max_length="long"), "max_length is 'long', not of type int"),
    "wrong files": (lambda d: change_manifest(d, files=[1]), "files is not a table"),
    "a file not listed": (lambda d: change_manifest(d, files={}), "lists no model.onnx"),
    "truncated embeddings": (
        lambda d: truncate_unnoticed(d, "embeddings.safetensors"),
        "embeddings.safetensors has",
    ),
    "truncated documents": (
        lambda d: truncate_unnoticed(d, "documents.jsonl"),
        "its offsets end at",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told(own_artifact: Path, damage: str) -> None:
    Searcher.load(own_artifact)
    break_it, message = DAMAGES[damage]
    break_it(own_artifact)
    with pytest.raises(ArtifactError, match=message):
        Searcher.load(own_artifact)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_missing_file_is_named(own_artifact: Path, name: str) -> None:
    (own_artifact / name).unlink()
    with pytest.raises(ArtifactError, match=f"lacks {name}: run `seeklet export` again"):
        Searcher.load(own_artifact)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_truncated_file_is_named_with_both_sizes(own_artifact: Path, name: str) -> None:
    size = (own_artifact / name).stat().st_size
    truncate(own_artifact, name)
    with pytest.raises(ArtifactError, match=rf"{name} has {size - 100:,} bytes, its manifest says {size:,}"):
        Searcher.load(own_artifact)


@pytest.mark.parametrize("field", ["model_id", "pooling", "dim", "count", "files", "recipe_sha256"])
def test_a_missing_field_is_named(own_artifact: Path, field: str) -> None:
    path = own_artifact / "manifest.json"
    fields = json.loads(path.read_text())
    del fields[field]
    path.write_text(json.dumps(fields))
    with pytest.raises(ArtifactError, match=f"lacks the field '{field}'"):
        Artifact.open(own_artifact)


def test_documents_cut_short_while_served_are_told(own_artifact: Path) -> None:
    searcher = Searcher.load(own_artifact)
    os.truncate(own_artifact / "documents.jsonl", 3)
    with pytest.raises(ArtifactError, match=r"documents.jsonl, line 2 is damaged: run"):
        searcher.local.documents[1]


def test_a_manifest_round_trip(own_artifact: Path) -> None:
    manifest = Artifact.open(own_artifact).manifest
    before = (own_artifact / "manifest.json").read_bytes()
    assert manifest.to_json() == before


@pytest.mark.parametrize("directory", ["nowhere", "empty"])
def test_the_function_ends_with_one_sentence(tmp_path: Path, directory: str) -> None:
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import handler.app"],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(tmp_path / directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("seeklet: ")
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / directory) in done.stderr


def test_a_wrong_setting_ends_with_one_sentence(artifact: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import handler.app"],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(artifact), "THREADS": "two"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("seeklet: THREADS='two' is not a whole number from 1 to 1024")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"INDEXES": f"news={'x' * 300}"}, "there is no artifact folder xxx"),
        ({"INDEX_URI": "postgresql://reader@127.0.0.1:1/texts"}, "INDEX_URI needs pg8000"),
    ],
)
def test_what_is_missing_ends_with_one_sentence(tmp_path: Path, variables: dict[str, str], told: str) -> None:
    # As where it isn't installed.
    start = "import sys; sys.modules['pg8000'] = None; import handler.app"
    done = subprocess.run(
        [sys.executable, "-c", start],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(tmp_path / "none"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"seeklet: {told}")
