"""Run by .venv-sam's Python, for tests/test_deploy.py: what needs samtranslator or boto3.

deploy_tools.py bucket NAME                 makes it
deploy_tools.py fetch BUCKET KEY OUT        downloads it
deploy_tools.py translate PACKAGED OUT      SAM's transform, which moto doesn't know
deploy_tools.py describe STACK              the function and its layers, as JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def translate(packaged: Path, out: Path) -> None:
    """Writes the template that CloudFormation would work with, and OUT.moto.json: what moto can do of it."""
    from samcli.yamlhelper import yaml_parse
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    translated = Translator({}, Parser()).translate(yaml_parse(packaged.read_text()), {})
    text = json.dumps(translated)
    out.write_text(text)
    # moto's stacks have no aliases, and lose a function's layers when they change.
    alias, function = json.dumps({"Ref": "SearchFunctionAliaslive"}), json.dumps({"Ref": "SearchFunction"})
    assert alias in text
    reduced = json.loads(text.replace(alias, function))
    del reduced["Resources"]["SearchFunction"]["Properties"]["Layers"]
    # And it takes AWS::NoValue in a list for an item.
    role = reduced["Resources"]["SearchRole"]["Properties"]
    role["Policies"] = [policy for policy in role["Policies"] if "Fn::If" not in policy]
    out.with_suffix(".moto.json").write_text(json.dumps(reduced))


def describe(stack: str) -> None:
    """Prints the deployed function's configuration, its versions and its alias."""
    import boto3

    resources = boto3.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    # What moto doesn't know it lists without one of the names.
    named = {item.get("LogicalResourceId"): item.get("PhysicalResourceId") for item in resources}
    client = boto3.client("lambda")
    name = named["SearchFunction"]
    layers = {
        layer["LayerName"]: [
            client.get_layer_version(LayerName=layer["LayerName"], VersionNumber=version["Version"])[
                "Content"
            ]
            for version in client.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]
        ]
        for layer in client.list_layers()["Layers"]
    }
    report: dict[str, Any] = {
        "resources": {name: identifier for name, identifier in named.items() if name and identifier},
        "layers": layers,
        "configuration": client.get_function_configuration(FunctionName=name),
        "policy": json.loads(client.get_policy(FunctionName=name)["Policy"]),
        "role": boto3.client("iam").get_role_policy(RoleName=named["SearchRole"], PolicyName="logs")[
            "PolicyDocument"
        ],
        "log groups": {
            group["logGroupName"]: group["retentionInDays"]
            for group in boto3.client("logs").describe_log_groups()["logGroups"]
        },
    }
    print(json.dumps(report, default=str))


def make_bucket(name: str) -> None:
    """Makes the bucket that `sam package` uploads to."""
    import boto3

    boto3.client("s3").create_bucket(Bucket=name)


def fetch(bucket: str, key: str, out: str) -> None:
    """Downloads what `sam package` uploaded."""
    import boto3

    boto3.client("s3").download_file(bucket, key, out)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    match command:
        case "bucket":
            make_bucket(*arguments)
        case "fetch":
            fetch(*arguments)
        case "translate":
            translate(*map(Path, arguments))
        case "describe":
            describe(*arguments)
