"""One source of parameters: template.yaml. What is made from it is current, and refuses what the template refuses."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudformation import TEMPLATE, Stack
from lambda_tools import ROOT

from dev.parameters import made, python, terraform
from dev.template import Rule, Writer, read_parameters, read_rules
from seeklet_cdk.context import from_context
from seeklet_cdk.fields import check, texts
from seeklet_cdk.parameters import Parameters

PARAMETERS = read_parameters(TEMPLATE)
FIELDS = {parameter.name: parameter.field for parameter in PARAMETERS}
# Values that a rule tells apart, for every parameter that a rule names.
RULED = {
    "Access": ["none", "iam", "jwt", "api-key"],
    "Endpoint": ["http-api", "function-url"],
    "ApiKey": ["", "secret"],
    "ApiKeys": ["", "web=secret-of-web"],
    "Metrics": ["off", "emf"],
    "LogLevel": ["DEBUG", "INFO", "WARN", "ERROR"],
    "Dashboard": ["off", "on"],
    "AlarmIndexAgeSeconds": ["0", "1"],
    "Analytics": ["off", "on"],
    "AnalyticsSalt": ["", "0123456789abcdef"],
    "JwtIssuer": ["", "https://issuer.example"],
    "JwtAudience": ["", "client"],
    "SnapStart": ["off", "on"],
    "ProvisionedConcurrency": ["0", "1"],
    "EphemeralStorage": ["512", "1024"],
    "Indexes": ["", "news=s3://bucket"],
    "IndexArns": ["", "arn:aws:s3:::bucket/*"],
    "ArtifactUri": ["", "s3://bucket/search"],
    "IndexUri": ["", "postgresql://a@h/d"],
    "IndexAuth": ["password", "iam"],
    "IndexDatabaseUser": ["", "db-ABC/a"],
    "VpcSubnetIds": ["", "subnet-0a1b2c3d"],
    "VpcSecurityGroupIds": ["", "sg-0a1b2c3d"],
}


def test_what_is_made_from_the_template_is_current() -> None:
    for path, text in made():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `make parameters`"
    command = [sys.executable, "-m", "dev.parameters", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_names_are_snake_case() -> None:
    assert FIELDS["AlarmDurationMs"] == "alarm_duration_ms"
    assert FIELDS["Mcp"] == "mcp"
    assert [field.name for field in dataclasses.fields(Parameters)] == [*FIELDS.values()]
    assert Parameters() == Parameters(**{p.field: p.default for p in PARAMETERS})  # type: ignore[arg-type]


def test_the_deployment_document_has_every_parameter_with_its_default() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[A-Z][^|]*) \| ([^|]*?) ?\|", text, re.MULTILINE)
    shown: dict[str, str] = {}
    for names, defaults in rows:
        listed = re.findall(r"`(\w+)`", names)
        # One row may have two parameters, with their defaults or none.
        values = defaults.split(", ") if len(listed) > 1 and defaults else [defaults] * len(listed)
        shown |= dict(zip(listed, values, strict=True))
    words = {"ArtifactBucketOwner": "this account"}
    for parameter in PARAMETERS:
        default = (
            parameter.default if not isinstance(parameter.default, tuple) else ",".join(parameter.default)
        )
        assert shown[parameter.name].strip("`") == words.get(parameter.name, str(default)), parameter.name


def combined() -> Iterator[dict[str, str]]:
    """Every combination of where the corpus is, of what is watched, and of the others: no rule has two of them."""
    corpus = ("ArtifactUri", "Indexes", "IndexArns", "IndexUri", "IndexAuth", "IndexDatabaseUser")
    network = ("VpcSubnetIds", "VpcSecurityGroupIds")
    watching = ("Metrics", "LogLevel", "Dashboard", "AlarmIndexAgeSeconds", "Analytics", "AnalyticsSalt")
    others = [name for name in RULED if name not in (*corpus, *network, *watching)]
    for names in (corpus, network, watching, others):
        for values in itertools.product(*(RULED[name] for name in names)):
            yield dict(zip(names, values, strict=True))


def test_the_rules_refuse_what_the_template_refuses() -> None:
    named = set(re.findall(r"'Ref': '(\w+)'", str(TEMPLATE["Rules"])))
    assert named == set(RULED)
    refused = combinations = 0
    for given in combined():
        combinations += 1
        refusals = Stack(**given).refusals()
        context = {FIELDS[name]: value for name, value in given.items()}
        if refusals:
            refused += 1
            with pytest.raises(ValueError, match=re.escape(refusals[0])):
                from_context(context)
        else:
            from_context(context)
    assert 0 < refused < combinations


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"memory_size": 511}, "memory_size must be at least 512, not 511"),
        ({"memory_size": 10241}, "memory_size must be at most 10240, not 10241"),
        ({"memory_size": True}, "memory_size must be a whole number, not True"),
        ({"provisioned_concurrency": -1}, "provisioned_concurrency must be at least 0, not -1"),
        (
            {"runtime": "python3.9"},
            "runtime must be one of python3.12, python3.13, python3.14, not 'python3.9'",
        ),
        ({"warm_every_minutes": 1}, "warm_every_minutes must be one of 0, 2, 5, 10, 15, not 1"),
        ({"artifact_uri": "s3://bucket/"}, "artifact_uri must be s3://bucket or s3://bucket/prefix, without"),
        ({"jwt_audience": "a,,b"}, "jwt_audience must be client ids with commas between them"),
        ({"cors_origins": "*"}, r"cors_origins must be a tuple of strings, not '\*'"),
        ({"api_key": 1}, "api_key must be a string$"),
    ],
)
def test_a_parameter_is_checked_as_in_the_template(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Parameters(**values)


def test_a_key_is_not_shown_and_a_token_is_not_checked() -> None:
    assert "secret" not in repr(Parameters(access="api-key", api_key="secret"))
    token = "s3://${Token[TOKEN.12]}/search"
    assert Parameters(artifact_uri=token).artifact_uri == token


def test_context_is_read_in_the_fields_types() -> None:
    read = from_context({"memory_size": "1024", "cors_origins": "https://a.example,https://b.example"})
    assert (read.memory_size, read.cors_origins) == (1024, ("https://a.example", "https://b.example"))
    # CDK's own keys.
    assert from_context({"aws:cdk:x": 1, "@aws-cdk/core:y": True, "cli-telemetry": False}) == Parameters()
    for wrong, problem in (
        ({"acess": "iam"}, "there is no parameter acess"),
        ({"timeout": "1s"}, "whole number"),
    ):
        with pytest.raises(ValueError, match=problem):
            from_context(wrong)


def test_a_list_is_checked_member_by_member() -> None:
    spec = {
        "Type": "CommaDelimitedList",
        "Default": "",
        "AllowedPattern": "^subnet-[0-9a-f]+$",
        "Description": "d",
    }
    (subnets,) = read_parameters({"Parameters": {"SubnetIds": spec}})
    assert (subnets.field, subnets.default) == ("subnet_ids", ())
    made_for_it = terraform([subnets], [])
    assert (
        'alltrue([for item in var.subnet_ids : can(regex("^(?:^subnet-[0-9a-f]+$)$", item))])' in made_for_it
    )
    assert 'subnet_ids: tuple[str, ...] = texts((), pattern="^subnet-[0-9a-f]+$")' in python([subnets], [])

    @dataclasses.dataclass
    class Lists:
        subnet_ids: tuple[str, ...] = texts((), pattern="^subnet-[0-9a-f]+$")

    check(Lists(("subnet-1", "subnet-2f")), [])
    with pytest.raises(ValueError, match="subnet_ids must be what matches"):
        check(Lists(("subnet-1", "vpc-1")), [])


@pytest.mark.skipif(shutil.which("terraform") is None, reason="needs terraform on PATH")
def test_terraform_takes_no_reference_that_it_would_not_resolve(tmp_path: Path) -> None:
    """The function would take the reference itself for the key."""
    shutil.copy(ROOT / "deploy" / "terraform" / "variables.tf", tmp_path)
    reference = "{{resolve:secretsmanager:seeklet:SecretString:key}}"
    for values, refused in (
        ({"access": "api-key", "api_key": "a-key"}, ""),
        ({"access": "api-key", "api_key": reference}, "api_key must hold the secret itself"),
        ({"access": "api-key", "api_keys": reference}, "api_keys must hold the secret itself"),
        ({"access": "api-key", "api_keys": f"web={reference}"}, "api_keys must hold the secret itself"),
        ({"index_uri": f"postgresql://a:{reference}@h/d"}, "index_uri must hold the secret itself"),
        ({"analytics": "on", "analytics_salt": reference}, "analytics_salt must hold the secret itself"),
    ):
        given = [f"-var={name}={value}" for name, value in values.items()]
        environ = {**os.environ, "CHECKPOINT_DISABLE": "1"}
        done = subprocess.run(
            ["terraform", "plan", "-no-color", *given],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, refused in done.stderr) == (int(bool(refused)), True), done.stderr
    assert "double braces" not in (ROOT / "docs" / "terraform.md").read_text().split("<!-- end -->")[0]


def test_rules_are_written_in_both_languages() -> None:
    names = {"A": "a", "B": "b"}
    in_python = Writer("and", "or", "not ", "{item} in {list}", names)
    in_terraform = Writer("&&", "||", "!", "contains({list}, {item})", names)
    is_x, is_y = {"Fn::Equals": [{"Ref": "A"}, 'x"']}, {"Fn::Equals": [{"Ref": "B"}, 1]}
    for expression, ours, theirs in (
        (is_x, r'a == "x\""', r'a == "x\""'),
        ({"Fn::Not": [is_y]}, "b != 1", "b != 1"),
        ({"Fn::Or": [is_y, is_y]}, "(b == 1) or (b == 1)", "(b == 1) || (b == 1)"),
        ({"Fn::Not": [{"Fn::And": [is_y, is_y]}]}, "not ((b == 1) and (b == 1))", "!((b == 1) && (b == 1))"),
        ({"Fn::Contains": [["x", "y"], {"Ref": "A"}]}, 'a in ["x", "y"]', 'contains(["x", "y"], a)'),
    ):
        assert (in_python.write(expression), in_terraform.write(expression)) == (ours, theirs)
    with pytest.raises(ValueError, match=r"teach it to dev/template\.py"):
        in_python.write({"Fn::EachMemberIn": [[], []]})
    assert read_rules({"Rules": {"R": {"Assertions": [{"Assert": is_x, "AssertDescription": "d"}]}}}) == [
        Rule(None, is_x, "d")
    ]
