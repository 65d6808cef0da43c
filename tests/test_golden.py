"""Artifacts of every format that was ever written: each gives the recorded answers, or says what to run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from handler.artifact import ALL_FILES, Artifact
from handler.errors import ArtifactError
from handler.manifest import FORMAT_VERSION, OLDEST_REUSABLE
from handler.searcher import Searcher

GOLDEN = Path(__file__).parent / "data" / "golden"
FOLDERS = {
    path.name: json.loads((path / "manifest.json").read_bytes())["format_version"]
    for path in sorted(GOLDEN.iterdir())
    if path.is_dir()
}
READ = [name for name, version in FOLDERS.items() if version == FORMAT_VERSION]
REFUSED = [name for name, version in FOLDERS.items() if version < FORMAT_VERSION]
# Between processors int8 differs by less.
TOLERANCE = 0.005


def recorded(name: str) -> list[dict[str, Any]]:
    """What the folder's own code answered."""
    answers: list[dict[str, Any]] = json.loads((GOLDEN / f"{name}.json").read_bytes())
    return answers


def test_there_is_one_of_every_format() -> None:
    assert set(FOLDERS.values()) == set(range(OLDEST_REUSABLE, FORMAT_VERSION + 1))
    assert all(
        path.suffix == ".json" for path in GOLDEN.iterdir() if path.is_file() and path.name != "README.md"
    )
    newest = set(Artifact.open(GOLDEN / "format-2-word-pieces").manifest.files)
    assert newest >= set(ALL_FILES) - {"dense.safetensors", "manifest.json"}


@pytest.mark.parametrize("name", READ)
def test_it_gives_the_recorded_answers(name: str) -> None:
    searcher = Searcher.load(GOLDEN / name)
    Artifact.open(GOLDEN / name).check_hashes()
    for answer in recorded(name):
        hits = searcher.search(answer["query"], 3, answer["mode"])
        expected = answer["hits"]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=TOLERANCE)
        scores = [score for _, score in expected] + [0.0]
        for place, (id_, score) in enumerate(expected):
            # Where the neighbours' scores are this far away, the place is certain.
            if (
                min(abs(score - other) for at, other in enumerate(scores) if at != place) > 2 * TOLERANCE
                and place < 2
            ):
                assert hits[place].id == id_


@pytest.mark.parametrize("name", REFUSED)
def test_an_older_format_says_what_to_run(name: str) -> None:
    with pytest.raises(ArtifactError) as refused:
        Searcher.load(GOLDEN / name)
    version = FOLDERS[name]
    assert str(refused.value) == (
        f"{GOLDEN / name / 'manifest.json'} says format_version {version}, this code reads {FORMAT_VERSION}: "
        "run `seeklet export` again with the same options, which takes over its vectors"
    )
    # What an export reads of it.
    older = Artifact.open(GOLDEN / name, OLDEST_REUSABLE)
    older.check_hashes()
    assert recorded(name)


def test_a_newer_format_says_what_to_run(tmp_path: Path) -> None:
    newer = Path(shutil.copytree(GOLDEN / "format-2", tmp_path / "newer"))
    fields = json.loads((newer / "manifest.json").read_bytes())
    (newer / "manifest.json").write_text(json.dumps({**fields, "format_version": FORMAT_VERSION + 1}))
    with pytest.raises(
        ArtifactError, match=f"says format_version {FORMAT_VERSION + 1}, .*: install a newer seeklet, or run"
    ):
        Searcher.load(newer)
