"""The Terraform module against template.yaml: what it plans for the same parameters, and what moto has of it.

A plan doesn't know yet what comes from another resource; those places are looked at after an apply of two sets.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloudformation import TEMPLATE
from deployed import STACK, Deployed, leaves, told
from lambda_tools import NO_AWS, ROOT
from parameter_sets import SETS
from servers import moto_server
from terraform_state import UNKNOWN, Leaves, Module, compare, module_leaves
from transformed import sam_templates

from dev.template import read_parameters

pytestmark = pytest.mark.cdk

MODULE = ROOT / "deploy" / "terraform"
PARAMETERS = {parameter.name: parameter for parameter in read_parameters(TEMPLATE)}
APPLIED = ("watched", "function-url")
NO_PROVIDER = ("Failed to query available provider packages", "Failed to install provider")
SERVICE_ROLE = "aws:policy/service-role/AWSCodeDeployRoleForLambda"
BY_TERRAFORM = "with AllAtOnce Terraform itself moves the alias"
GROUP = "AWS::CodeDeploy::DeploymentGroup"
UPDATE = "UpdatePolicy.CodeDeployLambdaAliasUpdate"
# (label, place): the template's value, the module's, and why both do. A resource's own place is "".
REASONS: dict[tuple[str, str], tuple[str | None, str | None, str]] = {
    ("AWS::Lambda::Function", "Tags.0.Key"): ("lambda:createdBy", None, "SAM's own mark"),
    ("AWS::Lambda::Function", "Tags.0.Value"): ("SAM", None, "SAM's own mark"),
    ("AWS::CodeDeploy::Application", ""): ("there", None, BY_TERRAFORM),
    (GROUP, ""): ("there", None, BY_TERRAFORM),
    ("AWS::IAM::Role codedeploy.amazonaws.com", ""): ("there", None, BY_TERRAFORM),
    ("AWS::Lambda::Alias", f"{UPDATE}.ApplicationName"): (
        "${AWS::CodeDeploy::Application}",
        None,
        BY_TERRAFORM,
    ),
    ("AWS::Lambda::Alias", f"{UPDATE}.DeploymentGroupName"): (f"${{{GROUP}}}", None, BY_TERRAFORM),
    ("AWS::IAM::Role codedeploy.amazonaws.com", "ManagedPolicyArns.0"): (
        f"arn:aws:iam::{SERVICE_ROLE}",
        f"arn:${{AWS::Partition}}:iam::{SERVICE_ROLE}Limited",
        "less than SAM's, and enough without hooks",
    ),
    ("AWS::Lambda::Permission lambda:InvokeFunctionUrl *", ""): (
        "there",
        None,
        "the provider adds it to a public URL",
    ),
}


@dataclass(frozen=True, slots=True)
class Terraform:
    """A folder with a root module that has the module once for each set; and an environment that leads to moto."""

    folder: Path
    environ: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True)

    def show(self, *arguments: str) -> dict[str, list[dict[str, Any]]]:
        """Set -> the resources of its instance."""
        done = subprocess.run(
            ["terraform", "show", "-json", *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        shown = json.loads(done.stdout)
        modules = (shown.get("planned_values") or shown["values"])["root_module"]["child_modules"]
        return {module["address"].removeprefix("module."): module["resources"] for module in modules}


def variables(values: Mapping[str, str]) -> dict[str, Any]:
    """A set as the module's variables, in their types."""

    def typed(default: object, value: str) -> object:
        return value.split(",") if isinstance(default, tuple) else type(default)(value)  # type: ignore[call-arg]

    return {PARAMETERS[name].field: typed(PARAMETERS[name].default, value) for name, value in values.items()}


@contextmanager
def initialised(folder: Path, modules: Mapping[str, Any], **more: str) -> Iterator[Terraform]:
    """A root module with some instances of the module, after `terraform init`."""
    if shutil.which("terraform") is None:
        pytest.skip("needs terraform on PATH")
    provider = {"region": "us-east-1", "skip_credentials_validation": True, "s3_use_path_style": True}
    (folder / "main.tf.json").write_text(json.dumps({"module": modules, "provider": {"aws": provider}}))
    terraform = Terraform(folder, {**os.environ, **NO_AWS, "CHECKPOINT_DISABLE": "1", **more})
    done = terraform.run("init")
    if any(problem in done.stderr for problem in NO_PROVIDER):
        pytest.skip("terraform finds no provider hashicorp/aws: it has neither its registry nor a mirror")
    assert done.returncode == 0, done.stderr
    yield terraform


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """The module for every set, with empty archives, and moto for AWS."""
    folder = tmp_path_factory.mktemp("terraform")
    for name in ("SearchFunction", "RuntimeLayer", "ModelLayer"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(name, "")
    # The AWS CLI's place: a new function's alias has its version already.
    (folder / "bin").mkdir()
    (folder / "bin" / "aws").write_text("#!/bin/sh\necho 1\n")
    (folder / "bin" / "aws").chmod(0o755)
    modules = {
        name: {
            "source": str(MODULE),
            "name": f"{STACK}-{name}",
            "archives": str(folder),
            **variables(values),
        }
        for name, values in SETS.items()
    }
    with moto_server(folder, MOTO_IAM_LOAD_MANAGED_POLICIES="true") as cloud:
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        cloud.pop("AWS_ENDPOINT_URL_STS")
        with initialised(
            folder, modules, **{**cloud, "AWS_ENDPOINT_URL_STS": cloud["AWS_ENDPOINT_URL"], "PATH": path}
        ) as ready:
            yield ready


@pytest.fixture(scope="module")
def planned(terraform: Terraform) -> dict[str, Module]:
    """Set -> what the module would make."""
    done = terraform.run("plan", "-out=plan")
    assert done.returncode == 0, done.stderr
    return {name: Module(f"{STACK}-{name}", made) for name, made in terraform.show("plan").items()}


@pytest.fixture(scope="module")
def applied(terraform: Terraform, planned: Mapping[str, Module]) -> dict[str, Module]:
    """Set -> what the module has made."""
    targets = [f"-target=module.{name}" for name in APPLIED]
    done = terraform.run("apply", "-auto-approve", *targets)
    assert done.returncode == 0, done.stderr
    return {name: Module(f"{STACK}-{name}", made) for name, made in terraform.show().items()}


@pytest.fixture(scope="module")
def by_sam(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, str]]]:
    """Set -> label -> the leaves of what template.yaml deploys."""
    templates = sam_templates(SETS, tmp_path_factory.mktemp("sam"))
    return {
        name: {
            label: leaves({key: value for key, value in properties.items() if key != "DeletionPolicy"})
            for label, properties in Deployed(template, SETS[name]).resources.items()
        }
        for name, template in templates.items()
    }


def unexplained(found: Mapping[tuple[str, str], tuple[str | None, str | None]]) -> dict[Any, Any]:
    """The differences that REASONS doesn't have."""
    return {where: both for where, both in found.items() if REASONS.get(where, (0, 0))[:2] != both}


def test_the_module_is_valid_and_formatted(terraform: Terraform) -> None:
    done = terraform.run("validate")
    assert done.returncode == 0, done.stdout + done.stderr
    done = terraform.run("fmt", "-check", "-diff", str(MODULE))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SETS)
def test_the_module_plans_what_the_template_makes(
    name: str, by_sam: Mapping[str, Leaves], planned: Mapping[str, Module]
) -> None:
    found = compare(by_sam[name], module_leaves(planned[name]))
    if name == "function-url":
        # It is in a stack whose text the plan doesn't know.
        assert found.pop(("AWS::Lambda::Permission lambda:InvokeFunction *", "")) == ("there", None)
    assert not unexplained(found), told(unexplained(found))
    # Where CodeDeploy moves the alias, the parts for it are there.
    gradual = SETS[name].get("DeploymentType", "AllAtOnce") != "AllAtOnce"
    assert ((GROUP, "") in found) != gradual


@pytest.mark.parametrize("name", APPLIED)
def test_resources_refer_to_each_other_as_in_the_template(
    name: str, by_sam: Mapping[str, Leaves], planned: Mapping[str, Module], applied: Mapping[str, Module]
) -> None:
    plan, state = module_leaves(planned[name]), module_leaves(applied[name])
    # moto forgets some settings; those the plan has shown.
    for label, made in state.items():
        if label in plan:
            unknown = [place for place, leaf in plan[label].items() if leaf == UNKNOWN]
            kept = {place: leaf for place, leaf in plan[label].items() if leaf != UNKNOWN}
            for place in unknown:
                kept |= {
                    key: leaf for key, leaf in made.items() if key == place or key.startswith(f"{place}.")
                }
            state[label] = kept
    assert UNKNOWN not in {leaf for made in state.values() for leaf in made.values()}
    found = unexplained(compare(by_sam[name], state))
    assert not found, told(found)


def test_every_reason_is_needed(by_sam: Mapping[str, Leaves], planned: Mapping[str, Module]) -> None:
    seen: set[tuple[str, str]] = set()
    for name in SETS:
        seen |= compare(by_sam[name], module_leaves(planned[name])).keys()
    assert REASONS.keys() - seen == set()
