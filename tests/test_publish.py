"""`seeklet publish` into a real PostgreSQL: what is there equals the artifact, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from exports import made_up
from postgres import Postgres, postgres
from published import check_contents, contents, current, release_of, run_publish

from handler.artifact import Artifact
from handler.searcher import Searcher

pytestmark = pytest.mark.scale

METADATA = ["name", "tags", "size", "weight", "huge", "open", "day", "long"]
ODD = [
    {
        "id": "nul\0id",
        "text": "a text with \0 in it",
        "name": "nul\0",
        "tags": ["b", "a", "b"],
        "size": 20000,
    },
    {"id": "😀", "text": "emoji 😀 and \\ and ' and \"", "name": "it's", "tags": ["😀"], "size": -1},
    {"id": "Ünïcode", "text": "line\nbreak\ttab \u2028", "name": "", "tags": [], "size": 0, "weight": 0.5},
    {"id": " ~", "text": "a date", "weight": -1e-7, "huge": 2**62 + 1, "open": True, "day": "2024-02-29"},
    {"id": "x" * 5000, "text": "a long id", "weight": 1e300, "open": False, "day": "1969-12-31T23:59:59.5Z"},
    {"id": "y", "text": "storms", "weight": 123456.75, "huge": -5, "size": 9999, "long": "z" * 4000},
]


def odd_corpus(path: Path) -> Path:
    rows: list[dict[str, Any]] = [*ODD]
    for place, text in enumerate([*made_up(300), " ".join(made_up(30))]):
        rows.append(
            {"id": f"d{place}", "text": text, "name": f"n{place % 7}", "size": place, "weight": place / 8}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    """An empty database of the test's own; its name."""
    server.run("DROP DATABASE IF EXISTS mine WITH (FORCE)", "CREATE DATABASE mine")
    yield "mine"
    server.run("DROP DATABASE mine WITH (FORCE)")


def odd_artifact(export: Callable[..., Any], folder: Path, **options: Any) -> Path:
    out = folder / "artifact"
    export(odd_corpus(folder / "odd.jsonl"), out, id="id", metadata=METADATA, **options)
    return out


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "int8"},
        {"dtype": "float16", "keywords": False},
        {"dtype": "float32"},
        {"dtype": "int8", "passages": True, "passage_tokens": 20, "passage_overlap": 4},
    ],
    ids=["int8", "float16", "float32", "passages"],
)
def test_every_table_equals_the_artifact(
    server: Postgres, database: str, export: Callable[..., Any], tmp_path: Path, options: dict[str, Any]
) -> None:
    artifact = odd_artifact(export, tmp_path, **options)
    manifest = Artifact.open(artifact).manifest
    assert set((manifest.columns or {}).values()) == {"string", "strings", "number", "boolean", "date"}
    out, _ = run_publish(server.uri_of(database), artifact)
    assert f"release {release_of(artifact)} of seeklet is current: {manifest.count:,} documents" in out
    check_contents(contents(server, database=database), artifact)
    stored = current(server, database=database)
    assert stored[:3] == [release_of(artifact), (artifact / "manifest.json").read_text(encoding="utf-8"), 1]
    columns, recall, k, queries, ef_search = stored[3:8]
    assert json.loads(columns) == Searcher.load(artifact).engine.describe_columns()
    assert 0.98 <= recall <= 1
    assert (k, queries, ef_search) == (10, 200, 40)
    assert "up to date" in run_publish(server.uri_of(database), artifact)[0]
