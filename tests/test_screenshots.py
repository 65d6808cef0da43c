"""The pictures of the pages in docs/: what dev.screenshots takes from a service."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from browser import PHONE, WIDE, chromium
from servers import uvicorn_server

from dev import screenshots

pytestmark = pytest.mark.clients


def test_six_pictures_are_taken(artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with chromium():
        pass  # skips where there is none
    monkeypatch.setenv("API_KEY", "it's")
    out = tmp_path / "out"
    out.mkdir()
    with uvicorn_server(artifact, tmp_path / "log") as url:
        assert screenshots.main([url, "--out", str(out), "--query", "storms"]) == 0
    sizes = {path.stem: struct.unpack(">II", path.read_bytes()[16:24]) for path in out.glob("*.png")}
    assert sizes == {
        f"{kind}-{name}": PHONE if name == "phone" else WIDE
        for kind in ("page", "map")
        for name in ("light", "dark", "phone")
    }
    assert all(path.stat().st_size < screenshots.MOST_BYTES for path in out.glob("*.png"))
