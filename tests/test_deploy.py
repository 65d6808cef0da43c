"""`sam build`, `package` and `deploy` for real, against moto instead of AWS: first a stack, then one of a changed corpus.

moto knows neither the SAM transform (tests/deploy_tools.py applies it) nor HTTP APIs, aliases and alarms in a stack:
of those the translated template is looked at instead.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lambda_tools import ROOT, sam_tool
from servers import moto_server
from unsigned import unsigned

pytestmark = pytest.mark.aws

STACK, BUCKET = "seeklet-test", "deployments"
TOOLS = ROOT / "tests" / "deploy_tools.py"


@dataclass(frozen=True, slots=True)
class Cloud:
    """moto, and the environment that leads every AWS client to it."""

    environ: dict[str, str]

    def run(self, *command: str) -> str:
        """A command whose AWS is moto; its standard output."""
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def unzip(self, key: str) -> zipfile.ZipFile:
        """An archive that was uploaded."""
        with tempfile.NamedTemporaryFile() as file:
            self.run(sam_tool("python"), str(TOOLS), "fetch", BUCKET, key, file.name)
            return zipfile.ZipFile(io.BytesIO(Path(file.name).read_bytes()))


@dataclass(frozen=True, slots=True)
class Deployed:
    """One deployment: what was uploaded, the translated template, and what moto then tells."""

    packaged: dict[str, str]  # resource -> the archive's key: its hash
    resources: dict[str, Any]
    told: dict[str, Any]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A fresh moto server."""
    with moto_server(tmp_path_factory.mktemp("cloud")) as variables:
        cloud = Cloud(variables)
        cloud.run(sam_tool("python"), str(TOOLS), "bucket", BUCKET)
        yield cloud


def deploy(cloud: Cloud, artifact: Path, folder: Path) -> Deployed:
    """Build to deployment, as `make deploy` but for the transform."""
    sam, python = sam_tool("sam"), sam_tool("python")
    packaged, translated = folder / "packaged.yaml", folder / "translated.json"
    building = Cloud({**cloud.environ, "ARTIFACT": str(artifact)})
    building.run(sam, "build", "--build-dir", str(folder / "build"))
    template = ["--template-file", str(folder / "build" / "template.yaml")]
    cloud.run(sam, "package", *template, "--s3-bucket", BUCKET, "--output-template-file", str(packaged))
    cloud.run(python, str(TOOLS), "translate", str(packaged), str(translated))
    cloud.run(
        *[sam, "deploy", "--config-env", "none", "--stack-name", STACK],
        *["--template-file", str(translated.with_suffix(".moto.json")), "--s3-bucket", BUCKET],
        *["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"],
    )
    resources = json.loads(translated.read_text())["Resources"]
    return Deployed(
        uploads(resources),
        resources,
        json.loads(cloud.run(python, str(TOOLS), "describe", STACK).splitlines()[-1]),
    )


def uploads(resources: dict[str, Any]) -> dict[str, str]:
    """SearchFunction, RuntimeLayer and ModelLayer -> their archives' keys; the layers' own names end in a hash."""
    found = {}
    for name, resource in resources.items():
        properties = resource["Properties"]
        content = properties.get("Code") or properties.get("Content")
        if content:
            plain = next(
                known for known in ("SearchFunction", "RuntimeLayer", "ModelLayer") if name.startswith(known)
            )
            found[plain] = content["S3Key"]
    return found


@pytest.fixture(scope="module")
def first(cloud: Cloud, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The stack's creation."""
    return deploy(cloud, artifact, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def second(
    cloud: Cloud, first: Deployed, artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> Deployed:
    """The same stack after one word of the corpus was changed."""
    folder = tmp_path_factory.mktemp("second")
    changed = folder / "artifact"
    shutil.copytree(artifact, changed)
    documents = changed / "documents.jsonl"
    content = documents.read_bytes().replace(b" the ", b" THE ", 1)
    assert content != documents.read_bytes()
    documents.write_bytes(content)
    manifest = json.loads((changed / "manifest.json").read_text())
    manifest["files"]["documents.jsonl"]["sha256"] = hashlib.sha256(content).hexdigest()
    (changed / "manifest.json").write_text(json.dumps(unsigned(manifest)))
    return deploy(cloud, changed, folder)


def test_the_functions_configuration_is_as_written(first: Deployed) -> None:
    configuration = first.told["configuration"]
    assert configuration["Runtime"] == "python3.13"
    assert configuration["Handler"] == "handler.app.handler"
    assert configuration["MemorySize"] == 1769
    assert configuration["Timeout"] == 10
    assert configuration["Architectures"] == ["x86_64"]
    # CloudFormation makes strings of numbers, moto doesn't.
    variables = {name: str(value) for name, value in configuration["Environment"]["Variables"].items()}
    assert variables == {
        "ARTIFACT_DIR": "/opt/artifact",
        "ARTIFACT_URI": "",
        "ARTIFACT_BUCKET_OWNER": "",
        "REFRESH_SECONDS": "60",
        "INDEXES": "",
        "INDEX_URI": "",
        "INDEX_NAME": "seeklet",
        "INDEX_AUTH": "password",
        "MAX_RESPONSE_BYTES": "6000000",
        "CACHE_CONTROL": "no-cache",
        "MCP": "on",
        "LOG_REQUESTS": "on",
        "METRICS": "off",
        "ANALYTICS": "off",
        "ANALYTICS_SALT": "",
        "GOOD_SCORE": "0.3",
        "ORT_DISABLE_TELEMETRY": "1",
        "MALLOC_MMAP_THRESHOLD_": "4194304",
        "MALLOC_TRIM_THRESHOLD_": "1048576",
    }
    # moto attaches no layers in a stack: what the template says of them.
    condition, both, runtime = first.resources["SearchFunction"]["Properties"]["Layers"]["Fn::If"]
    assert condition == "UseModelLayer"
    assert [layer["Ref"].rstrip("0123456789abcdef") for layer in both] == ["RuntimeLayer", "ModelLayer"]
    assert runtime == both[:1]


def test_only_the_http_api_may_invoke_and_only_its_own_log_is_written(first: Deployed) -> None:
    (statement,) = first.told["policy"]["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert "execute-api" in json.dumps(statement["Condition"])
    role = str(first.told["role"])
    assert f"log-group:/aws/lambda/{STACK}:*" in role
    assert first.told["log groups"] == {f"/aws/lambda/{STACK}": 14}


def test_the_uploaded_layer_is_what_lambda_unpacks_into_opt(first: Deployed, cloud: Cloud) -> None:
    with cloud.unzip(first.packaged["ModelLayer"]) as archive:
        assert {"artifact/manifest.json", "artifact/model.onnx"} <= set(archive.namelist())
        # Lambda's user must be able to read them.
        assert all(info.external_attr >> 16 & 0o444 == 0o444 for info in archive.infolist())
    with cloud.unzip(first.packaged["RuntimeLayer"]) as archive:
        names = archive.namelist()
        assert any(name.startswith("python/onnxruntime/capi/onnxruntime_pybind11_state") for name in names)
        assert all(name.startswith("python/") for name in names)
    with cloud.unzip(first.packaged["SearchFunction"]) as archive:
        assert "handler/app.py" in archive.namelist()
        assert all(name.startswith("handler/") or name == "layers.sha256" for name in archive.namelist())


def test_every_archive_is_small_enough_for_a_direct_upload(first: Deployed) -> None:
    sizes = [version["CodeSize"] for versions in first.told["layers"].values() for version in versions]
    assert len(sizes) == 2
    assert max(sizes) <= 50 * 2**20


def test_a_changed_corpus_changes_the_model_layer_and_the_version_alone(
    first: Deployed, second: Deployed
) -> None:
    assert second.packaged["ModelLayer"] != first.packaged["ModelLayer"]
    # Built twice, the same bytes: SAM uploads nothing and Lambda keeps its layer.
    assert second.packaged["RuntimeLayer"] == first.packaged["RuntimeLayer"]

    def named(deployed: Deployed, start: str) -> set[str]:
        return {name for name in deployed.resources if name.startswith(start)}

    assert named(second, "RuntimeLayer") == named(first, "RuntimeLayer")
    # By its name CloudFormation tells something new from an update.
    assert not named(second, "ModelLayer") & named(first, "ModelLayer")
    # Without a new version the alias would go on serving the old corpus.
    assert not named(second, "SearchFunctionVersion") & named(first, "SearchFunctionVersion")


def test_the_second_deployment_serves_the_new_corpus(second: Deployed, cloud: Cloud) -> None:
    with cloud.unzip(second.packaged["ModelLayer"]) as archive:
        assert b" THE " in archive.read("artifact/documents.jsonl")
    assert second.told["configuration"]["Handler"] == "handler.app.handler"


def test_an_alarm_rolls_the_alias_back(first: Deployed) -> None:
    alias = first.resources["SearchFunctionAliaslive"]
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    group = first.resources["SearchFunctionDeploymentGroup"]["Properties"]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    alarms = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
    assert alarms == {"ErrorAlarm", "ThrottleAlarm", "DurationAlarm"}
