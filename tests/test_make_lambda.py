"""mk/lambda.mk and samconfig.toml: what `make build`, `make image` and `make deploy` hand on to the tools that do the work."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from lambda_tools import ROOT, environ, sam_tool


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the repository's makefiles and `layers`, with a sam that only says what it is given, a word a line."""
    for folder in ("layers", "mk"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name in ("Makefile", "requirements-sam.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv-sam" / "bin").mkdir(parents=True)
    (tmp_path / ".venv-sam" / ".installed").touch()
    sam = tmp_path / ".venv-sam" / "bin" / "sam"
    sam.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$ARTIFACT"\n')
    sam.chmod(0o755)
    return tmp_path


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """make with these arguments, in the copy."""
    command = ["make", "--silent", "PYTHON=python3", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


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
    written: str, read: list[str], project: Path
) -> None:
    (project / "samconfig.toml").write_text(f"[default.deploy.parameters]\nparameter_overrides = {written}\n")
    done = make(project, "deploy-built", "ARCH=arm64")
    assert done.returncode == 0, done.stderr
    given = done.stdout.splitlines()
    start = given.index("--parameter-overrides") + 1
    assert given[start : given.index("--no-confirm-changeset")] == [*read, "Architecture=arm64"]
    done = make(project, "deploy-built", "ARCH=arm64", "CONFIG=stage")
    assert done.returncode == 2
    assert not done.stdout
    assert "CONFIG is stage" in done.stderr


@pytest.mark.parametrize(
    ("artifact", "given"),
    [
        ([], []),
        (["ARTIFACT=s3://bucket/a"], ["--parameter-overrides", "ArtifactUri=s3://bucket/a"]),
        # After a deployment with one on S3, SAM would keep that.
        (["ARTIFACT=folder"], ["--parameter-overrides", 'ArtifactUri=""']),
    ],
)
def test_the_artifact_that_is_named_is_served(artifact: list[str], given: list[str], project: Path) -> None:
    (project / "samconfig.toml").write_text("[default]\n")
    done = make(project, "deploy-built", *artifact)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[3:][: len(given) + 1] == [*given, "--no-confirm-changeset"]


def test_an_artifacts_folder_may_have_a_space_in_its_name(project: Path) -> None:
    folder = project / "my artifact"
    done = make(project, "build", f"ARTIFACT={folder}")
    assert done.returncode == 2
    assert f"error: {folder} is no artifact" in done.stderr
    folder.mkdir()
    (folder / "manifest.json").touch()
    done = make(project, "build", f"ARTIFACT={folder}")
    assert done.stdout.splitlines() == ["build", "--parameter-overrides", 'ArtifactUri=""', str(folder)]


@pytest.mark.parametrize("options", [["ENGINE=postgresql"], ["DOCS=off"], []])
def test_an_image_has_the_packages_that_a_layer_would_have(options: list[str], project: Path) -> None:
    done = make(project, "--dry-run", "image", "ARTIFACT=artifact", *options)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "runtime.build" in line and "--code" not in line]
    given = dict(option.split("=") for option in options)
    engine, docs = given.get("ENGINE", ""), given.get("DOCS", "on")
    assert shlex.split(line)[-4:] == ["--engine", engine, "--docs", docs]


@pytest.mark.parametrize(("arch", "platform"), [("x86_64", "linux/amd64"), ("arm64", "linux/arm64")])
def test_an_image_is_one_that_lambda_takes(arch: str, platform: str, project: Path) -> None:
    done = make(project, "--dry-run", "image", "ARTIFACT=artifact", f"ARCH={arch}")
    line = done.stdout.splitlines()[-1]
    variables = dict(word.split("=") for word in line.partition(" docker ")[0].split())
    # Docker's own names for no provenance and for the processor, whatever the machine's is.
    assert variables == {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "DOCKER_DEFAULT_PLATFORM": platform}
    assert f"ARCH={arch}" in line


@pytest.mark.parametrize("resource", ["RuntimeLayer", "SearchFunction", "ModelLayer"])
def test_a_clone_may_lie_in_a_folder_with_a_space_in_its_name(resource: str, tmp_path: Path) -> None:
    clone = tmp_path / "my project"
    shutil.copytree(ROOT / "layers", clone / "layers")
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\npwd -P\nprintf "%s\\n" "$@"\n')
    tool.chmod(0o755)
    kind = "model" if resource == "ModelLayer" else "runtime"
    # As `sam build` calls it, in a copy of the layer's folder or, for the function, in the folder itself.
    target = clone / "layers" / kind / "python3.13-x86_64"
    target.mkdir(exist_ok=True)
    makefile = clone / "layers" / kind / "Makefile"
    out = tmp_path / "the artifacts"
    done = subprocess.run(
        ["make", "--silent", "--makefile", str(makefile), f"build-{resource}"],
        cwd=target,
        env={**os.environ, "PYTHON": str(tool), "ARTIFACTS_DIR": str(out), "ARTIFACT": "my artifact"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    folder, *words = (line for line in done.stdout.splitlines() if not line.startswith("make"))
    assert folder == str(clone.resolve())
    if resource == "ModelLayer":
        assert words == ["-m", "layers.model.copy_artifact", "my artifact", f"{out}/artifact"]
    else:
        expected = ["-m", "layers.runtime.build", "--target", "python3.13-x86_64", "--out", str(out)]
        assert words[: len(expected)] == expected


def test_deploying_with_parameters_keeps_the_configured_ones() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    for environment in ("default", "prod"):
        command = ["make", "--dry-run", "deploy-built", f"CONFIG={environment}", "PYTHON=python3"]
        more = ["ARCH=arm64", "ARTIFACT=s3://bucket/a", "PARAMETERS=Access=iam Timeout=29"]
        done = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, check=True)
        line = next(line for line in done.stdout.splitlines() if "sam deploy" in line)
        given = line.split("--parameter-overrides", 1)[1].split()
        configured = config[environment]["deploy"]["parameters"]["parameter_overrides"]
        added = ["Architecture=arm64", "ArtifactUri=s3://bucket/a", "Access=iam", "Timeout=29"]
        assert given[: len(configured) + len(added)] == [*configured, *added]
        plain = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert "--parameter-overrides" not in plain.stdout


ROUTES = """
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
stacks, _ = SamLocalStackProvider.get_stacks("template.yaml")
for route in ApiProvider(stacks, disable_authorizer=True).routes:
    print(*sorted(set(route.methods) - {"OPTIONS"}), route.path, route.function_name)
"""


@pytest.mark.aws
def test_start_api_finds_every_route_of_ours() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    assert config["default"]["local_start_api"]["parameters"] == {"disable_authorizer": True}
    asked = [sam_tool("python"), "-c", ROUTES]
    done = subprocess.run(asked, cwd=ROOT, env=environ(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["GET / SearchFunction", "GET POST /{proxy+} SearchFunction"]
