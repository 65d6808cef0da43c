"""Schemathesis over the whole OpenAPI document: every check that it has, on valid and invalid requests of every route."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers import uvicorn_server

pytestmark = pytest.mark.clients

CASES = 2000


@pytest.mark.parametrize("key", [None, "k3y-of-the-test"])
def test_no_request_is_answered_otherwise_than_documented(
    artifact: Path, tmp_path: Path, key: str | None
) -> None:
    variables = {"API_KEY": key} if key else {}
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", "--no-color", "--seed", "1"]
    # The key's run is of the errors alone, and needs few.
    command += ["--max-examples", "5" if key else "40"]
    if key:
        command += ["--header", f"x-api-key: {key}"]
    with uvicorn_server(artifact, tmp_path / "log", **variables) as url:
        done = subprocess.run([*command, f"{url}/openapi.json"], cwd=tmp_path, capture_output=True, text=True)
    failures = done.stdout.partition(" FAILURES ")[2] or done.stdout
    assert done.returncode == 0, failures[:6000]
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found, done.stdout[-2000:]
    assert found[1] == found[2]
    if not key:
        assert int(found[1]) >= CASES
    assert "Traceback" not in (tmp_path / "log").read_text()
