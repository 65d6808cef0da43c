"""Folders that an export takes for its own, without an export."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from export.build.exchange import exchange
from export.build.output import Output

JOURNAL = f"journal.{'ab' * 8}.v2.records"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_artifact(out: Path, content: str = "old", parts: Sequence[str] = ("model.onnx",)) -> None:
    """A folder that own_files.py takes for an artifact."""
    out.mkdir(parents=True)
    make_files(out, content, parts)


def make_files(out: Path, content: str, parts: Sequence[str] = ("model.onnx",)) -> None:
    manifest = {"format_version": 1, "recipe_sha256": content, "files": {name: {} for name in parts}}
    (out / "manifest.json").write_text(json.dumps(manifest))
    for name in parts:
        (out / name).write_text(content)


def write(
    out: Path,
    content: str,
    parts: Sequence[str] = ("model.onnx",),
    exchange: Callable[[Path, Path], bool] = exchange,
) -> None:
    """An export that only writes and commits."""
    with Output(out, exchange) as output:
        make_files(output.partial, content, parts)
        output.commit()


def never(_one: Path, _other: Path) -> bool:
    """In place of `exchange`, as where the system can't exchange two folders."""
    return False
