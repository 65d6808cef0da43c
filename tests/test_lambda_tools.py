"""What tests build once for all their processes: no process sees a folder that another one is at."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lambda_tools import built_once


def test_those_who_ask_at_once_get_one_build(tmp_path: Path) -> None:
    built: list[Path] = []

    def build(out: Path) -> None:
        out.mkdir()
        time.sleep(0.05)
        (out / "file").touch()
        built.append(out)

    def ask(_: int) -> bool:
        return (built_once(tmp_path / "cache" / "layer", build) / "file").exists()

    # A lock is of an open file, so threads wait for each other as processes do.
    with ThreadPoolExecutor(4) as threads:
        assert [*threads.map(ask, range(8))] == [True] * 8
    assert len(built) == 1


def test_what_a_failed_build_leaves_is_not_taken(tmp_path: Path) -> None:
    def fail(out: Path) -> None:
        out.mkdir()
        (out / "half").touch()
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        built_once(tmp_path / "layer", fail)
    out = built_once(tmp_path / "layer", Path.mkdir)
    assert sorted(path.name for path in out.iterdir()) == ["complete"]
