"""What Terraform plans or has made, as CloudFormation would say it: comparable with tests/deployed.py's resources.

A value that a plan doesn't know yet is UNKNOWN: it comes from another resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from deployed import DISTINCT, SINGLE, STACK, in_order, leaves, set_at
from terraform_table import PARTS, TABLE

# Label -> place -> leaf.
Leaves = Mapping[str, Mapping[str, str]]
UNKNOWN = "(known after apply)"
REGION, ACCOUNT = "us-east-1", "123456789012"
ALIAS, FUNCTION = "${AWS::Lambda::Alias}", "${AWS::Lambda::Function}"
# AWS::IAM::Policy beside the role, as in template.yaml; the others stand in the role.
BESIDE = "tracing"
# Type -> the attribute by which others name it, and the reference that tests/deployed.py writes for it.
IDENTITIES = {
    "aws_lambda_alias": ("arn", ALIAS),
    "aws_lambda_function": ("arn", "${AWS::Lambda::Function.Arn}"),
    "aws_apigatewayv2_api": ("id", "${AWS::ApiGatewayV2::Api}"),
    "aws_apigatewayv2_integration": ("id", "${AWS::ApiGatewayV2::Integration}"),
    "aws_apigatewayv2_authorizer": ("id", "${AWS::ApiGatewayV2::Authorizer}"),
    "aws_cloudwatch_event_rule": ("arn", "${AWS::Events::Rule.Arn}"),
    "aws_lambda_layer_version": ("arn", "${AWS::Lambda::LayerVersion %s}"),
    "aws_iam_role": ("arn", "${AWS::IAM::Role %s.Arn}"),
    "aws_cloudwatch_metric_alarm": ("alarm_name", "${AWS::CloudWatch::Alarm %s}"),
}


class Module:
    """The resources of one instance of the module, whose variable `name` is `name`.

    resources   label -> properties, as Deployed has them
    """

    def __init__(self, name: str, resources: Sequence[Mapping[str, Any]]) -> None:
        self._name = name
        self._by_type: dict[str, list[Mapping[str, Any]]] = {}
        for resource in resources:
            if resource["mode"] == "managed":
                self._by_type.setdefault(resource["type"], []).append(resource["values"])
        assert set(self._by_type) <= {*TABLE, *PARTS}
        self._identities = self._known_identities()
        self.resources = {
            f"{kind} {DISTINCT[kind](properties)}" if kind in DISTINCT else kind: properties
            for kind, properties in ((kind, self._plain(properties)) for kind, properties in self._made())
        }

    def _all(self, kind: str) -> list[Mapping[str, Any]]:
        return self._by_type.get(kind, [])

    def _known_identities(self) -> dict[str, str]:
        found = {}
        for kind, (attribute, reference) in IDENTITIES.items():
            for values in self._all(kind):
                service = re.search(r"\w+\.amazonaws\.com", values.get("assume_role_policy", ""))
                distinct = (
                    service[0] if service else values.get("metric_name") or values.get("description") or ""
                )
                if attribute in values:
                    found[values[attribute]] = reference.replace("%s", distinct)
        # An alias's ARN begins with the function's.
        return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))

    def _made(self) -> list[tuple[str, dict[str, Any]]]:
        made = [
            (kind, self._completed(ours, values, self._mapped(values, names)))
            for ours, (kind, names) in TABLE.items()
            for values in self._all(ours)
        ]
        if any(values["publish"] for values in self._all("aws_lambda_function")):
            made.append(("AWS::Lambda::Version", {"FunctionName": FUNCTION}))
        for policy in self._policies():
            if policy["PolicyName"] == BESIDE:
                role = "${AWS::IAM::Role lambda.amazonaws.com}"
                made.append(("AWS::IAM::Policy", {**policy, "Roles": [role]}))
        for values in self._all("aws_cloudformation_stack"):
            body = json.loads(values["template_body"]) if "template_body" in values else {"Resources": {}}
            made += [(part["Type"], part["Properties"]) for part in body["Resources"].values()]
        return made

    def _mapped(self, values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for place, attribute in names.items():
            value: Any = values
            for step in attribute.split("."):
                if isinstance(value, list):
                    value = value[int(step)] if value else None
                elif isinstance(value, Mapping):
                    value = value.get(step, UNKNOWN)
            if value not in (None, "", []):
                set_at(properties, place, value)
        return properties

    def _completed(self, kind: str, values: Mapping[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
        """What isn't one to one: references by names, documents in JSON, and parts that are resources of their own."""
        match kind:
            case "aws_lambda_function":
                properties["Code"] = {"S3Bucket": "built", "S3Key": PurePath(values["filename"]).stem}
                for logging in values["logging_config"]:
                    properties["LoggingConfig"]["LogGroup"] = self._referred(logging["log_group"])
                if values["reserved_concurrent_executions"] == -1:
                    del properties["ReservedConcurrentExecutions"]
            case "aws_lambda_layer_version":
                properties["Content"] = {"S3Bucket": "built", "S3Key": PurePath(values["filename"]).stem}
            case "aws_lambda_alias":
                properties["FunctionName"] = self._referred(values["function_name"])
                properties["FunctionVersion"] = "${AWS::Lambda::Version.Version}"
                for part in self._all("aws_lambda_provisioned_concurrency_config"):
                    count = part["provisioned_concurrent_executions"]
                    set_at(properties, "ProvisionedConcurrencyConfig.ProvisionedConcurrentExecutions", count)
                if self._all("terraform_data"):
                    group = "AWS::CodeDeploy::DeploymentGroup"
                    update = {
                        "ApplicationName": "${AWS::CodeDeploy::Application}",
                        "DeploymentGroupName": f"${{{group}}}",
                    }
                    properties["UpdatePolicy"] = {"CodeDeployLambdaAliasUpdate": update}
            case "aws_lambda_permission":
                assert (values["function_name"], values["qualifier"]) == (self._name, "live")
                properties["FunctionName"] = ALIAS
            case "aws_lambda_function_url":
                assert (values["function_name"], properties.pop("Qualifier")) == (self._name, "live")
                properties["TargetFunctionArn"] = ALIAS
            case "aws_iam_role":
                self._complete_role(values, properties)
            case "aws_cloudwatch_event_rule":
                properties["Targets"] = [
                    {
                        "Id": part["target_id"],
                        "Arn": part.get("arn", UNKNOWN),
                        "RetryPolicy": {
                            "MaximumEventAgeInSeconds": part["retry_policy"][0][
                                "maximum_event_age_in_seconds"
                            ],
                            "MaximumRetryAttempts": part["retry_policy"][0]["maximum_retry_attempts"],
                        },
                    }
                    for part in self._all("aws_cloudwatch_event_target")
                ]
            case "aws_cloudwatch_metric_alarm":
                properties["Dimensions"] = [
                    {"Name": name, "Value": self._referred(value)}
                    for name, value in sorted(values["dimensions"].items())
                ]
            case "aws_cloudwatch_dashboard":
                # The provider writes it without spaces, so it is compared as what it says.
                body = self._referred(values["dashboard_body"]).replace(REGION, "${AWS::Region}")
                properties["DashboardBody"] = json.loads(body)
                properties["DashboardName"] = properties["DashboardName"].replace(REGION, "${AWS::Region}")
            case "aws_codedeploy_deployment_group":
                properties["ApplicationName"] = "${AWS::CodeDeploy::Application}"
                alarms = values["alarm_configuration"][0]["alarms"] if values["alarm_configuration"] else []
                set_at(properties, "AlarmConfiguration.Alarms", [{"Name": name} for name in alarms])
        return properties

    def _complete_role(self, values: Mapping[str, Any], properties: dict[str, Any]) -> None:
        properties["AssumeRolePolicyDocument"] = json.loads(values["assume_role_policy"])
        if "codedeploy" in values["assume_role_policy"]:
            attached = self._all("aws_iam_role_policy_attachment")
            properties["ManagedPolicyArns"] = [part["policy_arn"] for part in attached]
        else:
            policies = self._policies()
            properties["Policies"] = [policy for policy in policies if policy["PolicyName"] != BESIDE]

    def _policies(self) -> list[dict[str, Any]]:
        found = {
            part["name"]: json.loads(self._referred(part["policy"]))
            for part in self._all("aws_iam_role_policy")
        }
        # template.yaml's order.
        order = sorted(found, key=["logs", "artifact", "indexes", "database", "network", BESIDE].index)
        return [{"PolicyName": name, "PolicyDocument": found[name]} for name in order]

    def _referred(self, text: str) -> str:
        """The text with references in the place of this module's log group and function, which it names."""
        text = text.replace(f"/aws/lambda/{self._name}", "${AWS::Logs::LogGroup}")
        return text.replace(self._name, FUNCTION)

    def _plain(self, value: Any, key: str = "") -> Any:
        """Leaves as strings, with references in the place of identities."""
        if isinstance(value, Mapping):
            return {name: self._plain(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            if key in SINGLE and len(value) == 1:
                return self._plain(value[0])
            return in_order([self._plain(item) for item in value], key)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        for identity, reference in self._identities.items():
            text = text.replace(identity, reference)
        account = rf"arn:aws:([a-z0-9-]+):{REGION}:{ACCOUNT}:"
        text = re.sub(account, r"arn:${AWS::Partition}:\1:${AWS::Region}:${AWS::AccountId}:", text)
        text = anywhere(text)
        return text.replace(ACCOUNT, "${AWS::AccountId}").replace(self._name, STACK)


def anywhere(arn: str) -> str:
    """An ARN in the partition of AWS's own, as if it were written for any partition."""
    return re.sub(r"^arn:aws:(s3|iam):", r"arn:${AWS::Partition}:\1:", arn)


def compare(by_sam: Leaves, by_module: Leaves) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """(label, place) -> the template's leaf and the module's, where they differ; what is unknown may be any reference."""
    found: dict[tuple[str, str], tuple[str | None, str | None]] = {}
    for label in by_sam.keys() | by_module.keys():
        if label not in by_sam or label not in by_module:
            found[label, ""] = ("there", None) if label in by_sam else (None, "there")
            continue
        # A parameter may hold whole ARNs, which the module's plan shows as its own.
        left = {
            place: anywhere(leaf) if leaf.startswith("arn:aws:s3:") else leaf
            for place, leaf in by_sam[label].items()
        }
        right = dict(by_module[label])
        for place in [place for place, leaf in right.items() if leaf == UNKNOWN]:
            referring = [key for key in left if key == place or key.startswith(f"{place}.")]
            if referring and all("${" in left[key] for key in referring):
                del right[place]
                left = {key: leaf for key, leaf in left.items() if key not in referring}
        for place in left.keys() | right.keys():
            if left.get(place) != right.get(place):
                found[label, place] = (left.get(place), right.get(place))
    return found


def module_leaves(module: Module) -> dict[str, dict[str, str]]:
    """Label -> the leaves of a resource by their places."""
    return {label: leaves(properties) for label, properties in module.resources.items()}
