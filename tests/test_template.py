"""template.yaml and samconfig.toml: what they promise each other, and SAM's own checks."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import tomllib
from typing import Any

import pytest
from cloudformation import FUNCTION, RESOURCES, TEMPLATE, Stack
from lambda_tools import EVENTS, PLAIN_EVENTS, ROOT, RUNTIME, environ, sam_tool

from handler.errors import SettingsError
from handler.events import is_ping
from handler.settings import Settings
from layers.runtime.targets import MALLOC


def names_used(value: Any) -> set[str]:
    """Every name that a part of the template refers to: Ref, GetAtt, Sub, Condition, If."""
    if isinstance(value, list):
        return set().union(*map(names_used, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    used = set()
    for key, inner in value.items():
        if key in {"Ref", "Condition", "Fn::GetAtt"} and isinstance(inner, str):
            used.add(inner.split(".")[0])
        if key == "Fn::If":
            used.add(inner[0])
        if key == "Fn::Sub":
            text = inner if isinstance(inner, str) else inner[0]
            used |= set(re.findall(r"\$\{(\w+)", text))
        used |= names_used(inner)
    return used


def test_every_parameter_and_condition_is_used_and_described() -> None:
    used = names_used({name: TEMPLATE[name] for name in ("Resources", "Outputs", "Conditions", "Rules")})
    assert set(TEMPLATE["Parameters"]) <= used
    assert set(TEMPLATE["Conditions"]) <= used
    assert all(parameter["Description"] for parameter in TEMPLATE["Parameters"].values())


def test_the_console_shows_every_parameter_in_a_group() -> None:
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(TEMPLATE["Parameters"])


def test_the_handler_is_there_under_its_package() -> None:
    module, entry = FUNCTION["Handler"].rsplit(".", 1)
    path = ROOT / f"{module.replace('.', '/')}.py"
    assert re.search(rf"^ *(def {entry}\(|{entry} = )", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert FUNCTION["CodeUri"].rstrip("/") == module.split(".")[0]


def test_every_variable_that_is_set_is_read() -> None:
    settings = (ROOT / "handler" / "settings.py").read_text(encoding="utf-8")
    # The last ones are read by ONNX Runtime and by glibc.
    read = set(re.findall(r'"([A-Z][A-Z_0-9]+)"', settings)) | {"ORT_DISABLE_TELEMETRY", *MALLOC}
    # API_KEY unread would leave Access=api-key open to everyone.
    variables = Stack(Access="api-key", ApiKey="secret").resources["SearchFunction"]["Environment"][
        "Variables"
    ]
    assert "API_KEY" in variables
    assert set(variables) <= read


def test_every_way_to_deploy_sets_malloc_alike() -> None:
    for parameters in ({}, {"Access": "api-key", "ApiKey": "secret"}):
        variables = Stack(**parameters).resources["SearchFunction"]["Environment"]["Variables"]
        assert MALLOC.items() <= variables.items()
    for file in ("Dockerfile", "deploy/terraform/main.tf", "deploy/cdk/seeklet_cdk/search.py"):
        text = (ROOT / file).read_text(encoding="utf-8")
        assert dict(re.findall(r'(MALLOC_\w+)"?[ :=]+"?(\d+)', text)) == MALLOC, file


def test_every_runtime_and_processor_has_a_lock_and_a_makefile_target() -> None:
    parameters = TEMPLATE["Parameters"]
    for runtime, arch in itertools.product(
        parameters["Runtime"]["AllowedValues"], parameters["Architecture"]["AllowedValues"]
    ):
        assert (RUNTIME / f"{runtime}-{arch}" / "requirements.txt").is_file()
    for name in ("SearchFunction", "RuntimeLayer", "ModelLayer"):
        assert RESOURCES[name]["Metadata"]["BuildMethod"] == "makefile"
        folder = "model" if name == "ModelLayer" else "runtime"
        makefile = (ROOT / "layers" / folder / "Makefile").read_text(encoding="utf-8")
        assert f"\nbuild-{name}:" in makefile


def test_layers_are_built_for_the_functions_processor() -> None:
    for name in ("RuntimeLayer", "ModelLayer"):
        assert RESOURCES[name]["Metadata"]["BuildArchitecture"] == {"Ref": "Architecture"}
    assert FUNCTION["Architectures"] == [{"Ref": "Architecture"}]
    assert RESOURCES["RuntimeLayer"]["Metadata"]["WorkingDirectory"] == {
        "Fn::Sub": "layers/runtime/${Runtime}-${Architecture}"
    }


def test_snapstart_excludes_what_lambda_excludes() -> None:
    rule = TEMPLATE["Rules"]["SnapStartOrProvisioned"]
    excluded = {assertion["Assert"]["Fn::Equals"][0]["Ref"] for assertion in rule["Assertions"]}
    assert excluded == {"ProvisionedConcurrency", "EphemeralStorage"}
    for name in excluded:
        default = TEMPLATE["Parameters"][name]["Default"]
        assert {"Fn::Equals": [{"Ref": name}, default]} in [a["Assert"] for a in rule["Assertions"]]


def test_alarms_watch_the_alias_and_stop_a_deployment() -> None:
    alarms = {
        name
        for name, resource in RESOURCES.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        and resource["Properties"]["Namespace"] == "AWS/Lambda"
    }
    assert {alarm["Ref"] for alarm in FUNCTION["DeploymentPreference"]["Alarms"]} == alarms
    metrics = set()
    for name in alarms:
        properties = RESOURCES[name]["Properties"]
        metrics.add(properties["MetricName"])
        resource = {dimension["Name"]: dimension["Value"] for dimension in properties["Dimensions"]}[
            "Resource"
        ]
        assert resource == {"Fn::Sub": f"${{SearchFunction}}:{FUNCTION['AutoPublishAlias']}"}
    assert metrics == {"Errors", "Throttles", "Duration"}


def test_it_is_kept_warm_on_its_alias_where_that_is_asked_for() -> None:
    assert not {"WarmRule", "WarmPermission"} & Stack().resources.keys()
    assert not Stack().typed("AWS::Events::Rule")
    stack = Stack(WarmEveryMinutes="5")
    rule = stack.resources["WarmRule"]
    assert rule["ScheduleExpression"] == {"Fn::Sub": "rate(${WarmEveryMinutes} minutes)"}
    # EventBridge wants `rate(1 minute)`, without an s.
    assert 1 not in TEMPLATE["Parameters"]["WarmEveryMinutes"]["AllowedValues"]
    (target,) = rule["Targets"]
    alias = {"Ref": "SearchFunction.Alias"}
    assert target["Arn"] == alias
    # The event must be EventBridge's own: the function knows a ping by it.
    assert not {"Input", "InputPath", "InputTransformer"} & target.keys()
    assert is_ping(json.loads((ROOT / "events" / "scheduled.json").read_text()))
    assert stack.resources["WarmPermission"] == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": alias,
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": "WarmRule.Arn"},
    }


def test_the_first_resource_is_the_http_api() -> None:
    # Otherwise `sam local start-api` finds none.
    assert RESOURCES[next(iter(RESOURCES))]["Type"] == "AWS::ApiGatewayV2::Api"


@pytest.mark.parametrize(
    "value",
    ["no-cache", "public, max-age=60", "x", "x" * 200, " no-cache", "no-cache ", " ", "größe", "x" * 201],
)
def test_a_header_is_refused_before_it_is_deployed_where_the_function_would_refuse_it(value: str) -> None:
    taken = re.search(TEMPLATE["Parameters"]["CacheControl"]["AllowedPattern"], value) is not None
    try:
        Settings.from_env({"CACHE_CONTROL": value})
    except SettingsError:
        assert not taken
    else:
        assert taken


def test_samconfig_sets_what_the_template_knows() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    for environment in ("default", "prod"):
        deploy = config[environment]["deploy"]["parameters"]
        assert {"stack_name", "resolve_s3", "capabilities"} <= set(deploy)
        for override in deploy["parameter_overrides"]:
            name, value = override.split("=", 1)
            allowed = TEMPLATE["Parameters"][name].get("AllowedValues")
            assert allowed is None or value in map(str, allowed), override
        # SAM's cache doesn't see the artifact change.
        assert config[environment]["build"]["parameters"]["cached"] is False


def test_every_event_that_is_named_exists() -> None:
    known = {f"events/{path.name}" for path in [*EVENTS, *PLAIN_EVENTS]}
    for path in [
        *(ROOT / "mk").glob("*.mk"),
        *(ROOT / ".github" / "workflows").glob("*.yml"),
        ROOT / "docs" / "deploy.md",
        ROOT / "layers" / "README.md",
    ]:
        named = set(re.findall(r"events/[\w-]+\.json", path.read_text(encoding="utf-8")))
        assert named <= known, path


@pytest.mark.aws
@pytest.mark.parametrize(
    "command", [["sam", "validate", "--lint"], ["cfn-lint", "template.yaml"]], ids=" ".join
)
def test_linters_are_silent(command: list[str]) -> None:
    done = subprocess.run(
        [sam_tool(command[0]), *command[1:]], cwd=ROOT, env=environ(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() in {"", f"{ROOT / 'template.yaml'} is a valid SAM Template"}


def test_a_database_in_a_vpc() -> None:
    """The function gets its network and the rights for it, and with IAM the right to connect as one user."""
    uri = "postgresql://reader@db.example.org/search"
    network = {"VpcSubnetIds": "subnet-0a,subnet-0b", "VpcSecurityGroupIds": "sg-0c"}
    plain = Stack(IndexUri=uri)
    assert plain.refusals() == []
    assert "VpcConfig" not in plain.resources["SearchFunction"]
    assert policies(plain) == ["logs"]
    inside = Stack(IndexUri=uri, **network)
    assert set(inside.resources["SearchFunction"]["VpcConfig"]) == {"SubnetIds", "SecurityGroupIds"}
    assert policies(inside) == ["logs", "network"]
    variables = inside.resources["SearchFunction"]["Environment"]["Variables"]
    assert (variables["INDEX_URI"], variables["INDEX_NAME"], variables["INDEX_AUTH"]) == (
        uri,
        "seeklet",
        "password",
    )
    user = "db-ABC1/reader"
    by_role = Stack(IndexUri=uri, IndexAuth="iam", IndexDatabaseUser=user, **network)
    assert by_role.refusals() == []
    assert policies(by_role) == ["logs", "database", "network"]
    for bad in (
        {"VpcSubnetIds": "subnet-0a"},
        {"VpcSecurityGroupIds": "sg-0c"},
        {"IndexAuth": "iam", "IndexUri": uri},
        # The model layer has the encoder, and these leave the layer out.
        {"IndexUri": uri, "ArtifactUri": "s3://bucket/search"},
        {"IndexUri": uri, "Indexes": "news=s3://bucket/news", "IndexArns": "arn:aws:s3:::bucket/news/*"},
    ):
        assert Stack(**bad).refusals()
    parameters = TEMPLATE["Parameters"]
    for name, good, wrong in (
        (
            "IndexUri",
            "postgresql://a:{{resolve:secretsmanager:db:SecretString:password}}@h/d",
            "mysql://a@h/d",
        ),
        ("VpcSubnetIds", "subnet-0a1b,subnet-2c", "subnet-0a, subnet-2c"),
        ("IndexDatabaseUser", user, "arn:aws:rds-db:eu-west-1:1:dbuser:db-A/b"),
    ):
        assert re.search(parameters[name]["AllowedPattern"], good)
        assert not re.search(parameters[name]["AllowedPattern"], wrong)
    assert parameters["IndexUri"]["NoEcho"] is True


def policies(stack: Stack) -> list[str]:
    return [policy["PolicyName"] for policy in stack.resources["SearchRole"]["Policies"]]
