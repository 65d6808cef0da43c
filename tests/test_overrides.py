"""`make deploy` with parameters of its own: SAM then gets those of samconfig.toml on the command line, as they are written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from lambda_tools import ROOT


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # As `sam deploy --guided` writes them.
        ('"LogRetentionDays=\\"7\\" Access=\\"iam\\""', ['LogRetentionDays="7" Access="iam"']),
        (
            """['CacheControl="public, max-age=60"', "IndexUri=postgresql://u@h/d?a=b&c=$d"]""",
            ['CacheControl="public, max-age=60"', "IndexUri=postgresql://u@h/d?a=b&c=$d"],
        ),
        (
            """{MemorySize = 512, CacheControl = "public, s='1'"}""",
            ['MemorySize="512"', "CacheControl=\"public, s='1'\""],
        ),
    ],
    ids=["one string", "words with characters of a shell", "a table"],
)
def test_sam_gets_the_configured_parameters_as_they_are_written(
    written: str, read: list[str], tmp_path: Path
) -> None:
    # From copies, so that samconfig.toml is another one; and a sam that says what it is given.
    for folder in ("layers", "mk"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name in ("Makefile", "requirements-sam.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "samconfig.toml").write_text(
        f"[default.deploy.parameters]\nparameter_overrides = {written}\n"
    )
    (tmp_path / ".venv-sam" / "bin").mkdir(parents=True)
    (tmp_path / ".venv-sam" / ".installed").touch()
    sam = tmp_path / ".venv-sam" / "bin" / "sam"
    sam.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    sam.chmod(0o755)
    command = ["make", "--silent", "deploy-built", "ARCH=arm64", "PYTHON=python3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    given = done.stdout.splitlines()
    start = given.index("--parameter-overrides") + 1
    assert given[start:] == [*read, "Architecture=arm64", "--no-confirm-changeset"]
    done = subprocess.run([*command, "CONFIG=stage"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert not done.stdout
    assert "CONFIG is stage" in done.stderr
