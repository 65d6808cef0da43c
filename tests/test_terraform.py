"""The Terraform module against template.yaml: what it plans for the same parameters, and what moto has of it.

A plan doesn't know yet what comes from another resource; those places are looked at after an apply of two sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from deployed import STACK, Deployed, leaves, told
from parameter_sets import SETS
from terraform_runs import MODULE, Terraform, terraform_with_moto
from terraform_state import UNKNOWN, Leaves, Module, compare, module_leaves
from transformed import sam_templates

pytestmark = pytest.mark.cdk

APPLIED = ("watched", "function-url")
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
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """The module for every set."""
    with terraform_with_moto(tmp_path_factory.mktemp("terraform"), SETS) as ready:
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
