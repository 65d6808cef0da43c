"""What the Terraform module deploys beside the plan: the archives of what was built, and the move of the alias."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from lambda_tools import ROOT

from layers.archives import main

SCRIPT = ROOT / "deploy" / "terraform" / "release.sh"
# In the AWS CLI's place: it notes its arguments, and answers with the alias's version or a deployment's id.
AWS = """#!/bin/sh
printf '%s\\n' "$@" > "$NOTES/$1-$2"
case "$2" in get-alias) echo 6 ;; create-deployment) echo d-1 ;; wait) exit "$ENDS" ;; esac
"""


def build(folder: Path) -> Path:
    """A folder such as `make build` makes."""
    for name, inner in (
        ("SearchFunction", "handler"),
        ("RuntimeLayer", "python"),
        ("ModelLayer", "artifact"),
    ):
        (folder / name / inner).mkdir(parents=True)
        (folder / name / inner / "b.so").write_bytes(b"\x7fELF")
        (folder / name / inner / "a.txt").write_text(name)
    return folder


def test_the_same_files_give_the_same_archives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = build(tmp_path / "1"), build(tmp_path / "2")
    for path in second.rglob("a.txt"):
        path.chmod(0o600)
        os.utime(path, (1, 1))
    assert main([str(first), str(tmp_path / "one")]) == main([str(second), str(tmp_path / "other")]) == 0
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["ModelLayer.zip", "RuntimeLayer.zip", "SearchFunction.zip"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    with zipfile.ZipFile(tmp_path / "one" / "RuntimeLayer.zip") as archive:
        assert archive.namelist() == ["python/a.txt", "python/b.so"]
        # Lambda's user is not the files' owner.
        assert [info.external_attr >> 16 for info in archive.infolist()] == [0o100644, 0o100755]
        assert archive.read("python/a.txt") == b"RuntimeLayer"
    assert "SearchFunction.zip" in capsys.readouterr().out


def test_what_is_not_built_is_not_zipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "out")]) == 2
    assert "holds no SearchFunction: run `make build`" in capsys.readouterr().err


def release(folder: Path, version: str, ends: int = 0) -> subprocess.CompletedProcess[str]:
    """release.sh with a CLI that knows the alias at version 6."""
    (folder / "aws").write_text(AWS)
    (folder / "aws").chmod(0o755)
    variables = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "NOTES": str(folder),
        "ENDS": str(ends),
        "APPLICATION": "search",
        "DEPLOYMENT_GROUP": "live",
        "FUNCTION": "search",
        "ALIAS": "live",
        "VERSION": version,
    }
    return subprocess.run(["sh", str(SCRIPT)], env=variables, capture_output=True, text=True)


def test_codedeploy_gets_both_versions_of_the_alias(tmp_path: Path) -> None:
    done = release(tmp_path, "7")
    assert done.returncode == 0, done.stderr
    noted = (tmp_path / "deploy-create-deployment").read_text().splitlines()
    revision = json.loads(noted[noted.index("--revision") + 1])
    assert revision["revisionType"] == "AppSpecContent"
    specification = json.loads(revision["appSpecContent"]["content"])
    assert specification == {
        "version": 0.0,
        "Resources": [
            {
                "search": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Name": "search",
                        "Alias": "live",
                        "CurrentVersion": "6",
                        "TargetVersion": "7",
                    },
                }
            }
        ],
    }
    assert (tmp_path / "deploy-wait").read_text().splitlines()[-2:] == ["--deployment-id", "d-1"]


def test_nothing_moves_where_the_alias_has_the_version(tmp_path: Path) -> None:
    assert release(tmp_path, "6").returncode == 0
    assert not (tmp_path / "deploy-create-deployment").exists()


def test_a_deployment_that_an_alarm_stops_is_an_error(tmp_path: Path) -> None:
    assert release(tmp_path, "7", ends=255).returncode == 255
