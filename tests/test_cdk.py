"""The CDK construct against template.yaml: for the same parameters both deploy the same, but for what REASONS lists."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cloudformation import TEMPLATE
from deployed import STACK, Deployed, differences, told
from lambda_tools import NO_AWS, ROOT, environ, sam_tool
from parameter_sets import SETS
from transformed import sam_templates

from dev.template import read_parameters

pytestmark = pytest.mark.cdk

FIELDS = {parameter.name: parameter.field for parameter in read_parameters(TEMPLATE)}
FUNCTION, API = "AWS::Lambda::Function", "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
API += ":${AWS::ApiGatewayV2::Api}"
SERVICE_ROLES = ":policy/service-role/AWSCodeDeployRoleForLambda"
# (label, place): the template's value, the construct's, and why both do.
REASONS: dict[tuple[str, str], tuple[str | None, str | None, str]] = {
    (FUNCTION, "Tags.0.Key"): ("lambda:createdBy", None, "SAM's own mark"),
    (FUNCTION, "Tags.0.Value"): ("SAM", None, "SAM's own mark"),
    (FUNCTION, "SnapStart.ApplyOn"): ("None", None, "what Lambda does without it"),
    (FUNCTION, "TracingConfig.Mode"): ("PassThrough", None, "what Lambda does without it"),
    ("AWS::Lambda::Permission lambda:InvokeFunction apigateway.amazonaws.com", "SourceArn"): (
        f"{API}/*",
        f"{API}/*/*/*",
        "every stage, method and path of this API, both: * stands for slashes too",
    ),
    ("AWS::Lambda::Url", "TargetFunctionArn"): (
        "${AWS::Lambda::Alias}",
        "${AWS::Lambda::Function.Arn}",
        "the alias by its ARN, or by the function's and Qualifier",
    ),
    ("AWS::Lambda::Url", "Qualifier"): (None, "live", "with TargetFunctionArn"),
    ("AWS::IAM::Role codedeploy.amazonaws.com", "ManagedPolicyArns.0"): (
        f"arn:aws:iam::aws{SERVICE_ROLES}",
        f"arn:${{AWS::Partition}}:iam::aws{SERVICE_ROLES}Limited",
        "the CDK's choice: less than SAM's, and enough without hooks",
    ),
    ("AWS::Events::Rule", "State"): (None, "ENABLED", "what EventBridge does without it"),
    ("AWS::Events::Rule", "Targets.0.Id"): ("alias", "Target0", "a name"),
    ("AWS::IAM::Policy", "PolicyName"): ("tracing", "(made up)", "a name: CDK's is the role's own policy"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders such as `make build` makes, each with its own name in it."""
    folder = tmp_path_factory.mktemp("build")
    for name in ("SearchFunction", "RuntimeLayer", "ModelLayer"):
        (folder / name).mkdir()
        (folder / name / "resource.txt").write_text(name)
    return folder


@pytest.fixture(scope="module")
def synthesised(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Set -> the folder that the CDK app wrote for it."""
    python = ROOT / ".venv-cdk" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs .venv-cdk: make cdk-setup")
    if shutil.which("node") is None:
        pytest.skip("the CDK needs Node.js")
    folder = tmp_path_factory.mktemp("cdk")
    contexts = {
        name: {FIELDS[parameter]: value for parameter, value in values.items()}
        for name, values in SETS.items()
    }
    (folder / "sets.json").write_text(json.dumps(contexts))
    command = [str(python), "tests/synth_tools.py", str(folder / "sets.json"), str(built), str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environ(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: folder / name for name in SETS}


@pytest.fixture(scope="module")
def by_cdk(synthesised: Mapping[str, Path]) -> dict[str, Deployed]:
    """Set -> what the CDK's template deploys."""
    return {name: Deployed(template_of(folder), {}) for name, folder in synthesised.items()}


@pytest.fixture(scope="module")
def by_sam(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Deployed]:
    """Set -> what template.yaml deploys."""
    templates = sam_templates(SETS, tmp_path_factory.mktemp("sam"))
    return {name: Deployed(template, SETS[name]) for name, template in templates.items()}


def template_of(folder: Path) -> Any:
    """The template of an assembly, with the names of what was built in the place of uploads."""
    template = json.loads((folder / f"{STACK}.template.json").read_text())
    for resource in template["Resources"].values():
        for place in {"Code", "Content"} & resource["Properties"].keys():
            asset = folder / f"asset.{resource['Properties'][place]['S3Key'].removesuffix('.zip')}"
            name = (asset / "resource.txt").read_text()
            resource["Properties"][place] = {"S3Bucket": "built", "S3Key": name}
    return template


def unexplained(one: Deployed, other: Deployed) -> dict[Any, Any]:
    """The differences that REASONS doesn't have."""
    found = differences(one.resources, other.resources)
    for (label, place), (left, right) in list(found.items()):
        expected = REASONS.get((label, place))
        if expected and left == expected[0] and (right == expected[1] or expected[1] == "(made up)"):
            del found[label, place]
    return found


def test_every_parameter_is_in_a_set() -> None:
    moved = {name for values in SETS.values() for name in values}
    assert moved == set(FIELDS)
    for values in SETS.values():
        for name, value in values.items():
            assert value != str(TEMPLATE["Parameters"][name]["Default"]), name


@pytest.mark.parametrize("name", SETS)
def test_the_construct_makes_what_the_template_makes(
    name: str, by_sam: Mapping[str, Deployed], by_cdk: Mapping[str, Deployed]
) -> None:
    found = unexplained(by_sam[name], by_cdk[name])
    assert not found, told(found)
    assert by_cdk[name].outputs == by_sam[name].outputs


def test_every_reason_is_needed(by_sam: Mapping[str, Deployed], by_cdk: Mapping[str, Deployed]) -> None:
    seen: set[tuple[str, str]] = set()
    for name in SETS:
        seen |= differences(by_sam[name].resources, by_cdk[name].resources).keys()
    assert REASONS.keys() - seen == set()


def test_a_set_that_changes_nothing_would_be_seen(by_sam: Mapping[str, Deployed]) -> None:
    for name in SETS:
        if name != "defaults":
            assert differences(by_sam["defaults"].resources, by_sam[name].resources), name


def test_cfn_lint_finds_no_error(synthesised: Mapping[str, Path]) -> None:
    templates = [str(folder / f"{STACK}.template.json") for folder in synthesised.values()]
    # W3005: CDK's own DependsOn says again what a Ref says.
    command = [sam_tool("cfn-lint"), "--ignore-checks", "W3005", "--", *templates]
    done = subprocess.run(command, cwd=ROOT, env=environ(**NO_AWS), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
