"""What a CloudFormation template deploys for given parameters, in a form in which two templates can be compared.

Logical ids become labels, such as `AWS::ApiGatewayV2::Route GET /`; intrinsic functions become text, such as
`${AWS::Lambda::Alias}`; every leaf becomes a string, and lists of strings are sorted where their order means nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

NO_VALUE = object()
STACK = "seeklet-test"
# A list of mappings whose order means nothing.
UNORDERED = {"Alarms"}
# In a policy, one of these may stand without its list.
SINGLE = {"Action", "Resource", "Service"}
# Of types of which a template has several: what tells two apart.
DISTINCT: dict[str, Callable[[Any], str]] = {
    "AWS::ApiGatewayV2::Route": lambda resource: str(resource["RouteKey"]),
    "AWS::Lambda::Permission": lambda resource: f"{resource['Action']} {resource['Principal']}",
    "AWS::Lambda::LayerVersion": lambda resource: str(resource["Description"]),
    "AWS::CloudWatch::Alarm": lambda resource: str(resource["MetricName"]),
    "AWS::IAM::Role": lambda resource: str(
        _unwrapped(resource["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"])
    ),
}


def in_order(items: list[Any], key: str) -> list[Any]:
    """Items as they are compared: sorted, unless their order means something. Of layers the later one wins."""
    texts = all(isinstance(item, str) for item in items) and key != "Layers"
    return sorted(items, key=str) if texts or key in UNORDERED else items


def _unwrapped(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


class Deployed:
    """The resources and outputs of a template for given parameters.

    resources   label -> properties, with DeletionPolicy and UpdatePolicy beside them
    outputs     name -> value
    """

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, str]) -> None:
        declared = template.get("Parameters", {})
        self._values: dict[str, Any] = {
            name: _listed(spec["Type"], values.get(name, spec.get("Default", "")))
            for name, spec in declared.items()
        }
        self._conditions = template.get("Conditions", {})
        present = {
            name: resource
            for name, resource in template["Resources"].items()
            if "Condition" not in resource or self._holds({"Condition": resource["Condition"]})
        }
        self._labels = {name: _label(resource) for name, resource in present.items()}
        assert len({*self._labels.values()}) == len(present), sorted(self._labels.values())
        for name, resource in present.items():
            if resource["Type"] == "AWS::CloudWatch::Dashboard":
                body = json.loads(self._plain(resource["Properties"]["DashboardBody"]))
                present[name] = {**resource, "Properties": {**resource["Properties"], "DashboardBody": body}}
        self.resources = {
            self._labels[name]: {
                **self._plain(resource["Properties"]),
                "DeletionPolicy": resource.get("DeletionPolicy", "Delete"),
                "UpdatePolicy": self._plain(resource.get("UpdatePolicy", {})),
            }
            for name, resource in present.items()
        }
        self.outputs = {
            name: self._plain(output["Value"]) for name, output in template.get("Outputs", {}).items()
        }

    def _holds(self, expression: Mapping[str, Any]) -> bool:
        ((function, operand),) = expression.items()
        match function:
            case "Condition":
                return self._holds(self._conditions[operand])
            case "Fn::Equals":
                return bool(self._plain(operand[0]) == self._plain(operand[1]))
            case "Fn::Not":
                return not self._holds(operand[0])
            case "Fn::And":
                return all(map(self._holds, operand))
            case "Fn::Or":
                return any(map(self._holds, operand))
        raise AssertionError(f"{function} is not known here")

    def _plain(self, value: Any, key: str = "") -> Any:
        if isinstance(value, list):
            items = [item for item in (self._plain(item) for item in value) if item is not NO_VALUE]
            return _unwrapped(in_order(items, key)) if key in SINGLE else in_order(items, key)
        if isinstance(value, Mapping):
            ((name, operand),) = value.items() if len(value) == 1 else ((None, None),)
            if name == "Ref" or (isinstance(name, str) and name.startswith("Fn::")):
                return self._function(name, operand, key)
            pairs = {name: self._plain(inner, name) for name, inner in value.items()}
            return {name: inner for name, inner in pairs.items() if inner is not NO_VALUE}
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _function(self, name: str, operand: Any, key: str) -> Any:
        match name:
            case "Ref":
                return self._named(operand)
            case "Fn::GetAtt":
                place, attribute = operand if isinstance(operand, list) else operand.split(".", 1)
                return f"${{{self._labels[place]}.{attribute}}}"
            case "Fn::If":
                return self._plain(operand[1 if self._holds({"Condition": operand[0]}) else 2], key)
            case "Fn::Join":
                parts = [self._plain(part) for part in operand[1]]
                return str(operand[0]).join(parts)
            case "Fn::Split":
                parts = self._plain(operand[1]).split(operand[0])
                return _unwrapped(in_order(parts, key)) if key in SINGLE else parts
            case "Fn::Select":
                return self._plain(operand[1])[int(operand[0])]
            case "Fn::Sub":
                text, more = operand if isinstance(operand, list) else (operand, {})
                known = {name: self._plain(value) for name, value in more.items()}
                made = re.sub(r"\$\{([^}]+)\}", lambda found: self._in_text(found[1], known), text)
                # The alias's ARN, which `Ref` gives too.
                return made.replace("${AWS::Lambda::Function.Arn}:live", "${AWS::Lambda::Alias}")
        raise AssertionError(f"{name} is not known here")

    def _in_text(self, name: str, known: Mapping[str, str]) -> str:
        if name in known:
            return known[name]
        place, _, attribute = name.partition(".")
        return str(self._function("Fn::GetAtt", [place, attribute], "") if attribute else self._named(name))

    def _named(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name == "AWS::StackName":
            return STACK
        if name in self._values:
            return self._values[name]
        return f"${{{self._labels.get(name, name)}}}"


def _listed(kind: str, value: object) -> Any:
    return sorted(str(value).split(",")) if kind == "CommaDelimitedList" else str(value)


def _label(resource: Mapping[str, Any]) -> str:
    kind = str(resource["Type"])
    return f"{kind} {DISTINCT[kind](resource['Properties'])}" if kind in DISTINCT else kind


def leaves(value: Any, place: str = "") -> dict[str, str]:
    """Every leaf of a value by its place: {"a": [{"b": "c"}]} is {"a.0.b": "c"}."""
    if isinstance(value, str):
        return {place: value}
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    found: dict[str, str] = {}
    for key, inner in pairs:
        found |= leaves(inner, f"{place}.{key}" if place else str(key))
    return found


def set_at(value: dict[str, Any], place: str, leaf: Any) -> None:
    """Sets what is inside: place "a.b" of {} gives {"a": {"b": leaf}}."""
    first, _, rest = place.partition(".")
    if rest:
        set_at(value.setdefault(first, {}), rest, leaf)
    else:
        value[first] = leaf


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[tuple[str, str], tuple[Any, Any]]:
    """(label, place) -> both leaves, None where one lacks it; a resource that one lacks has the place ""."""
    found: dict[tuple[str, str], tuple[Any, Any]] = {}
    for label in sorted(one.keys() | other.keys()):
        if label not in one or label not in other:
            found[label, ""] = ("there" if label in one else None, "there" if label in other else None)
            continue
        left, right = leaves(one[label]), leaves(other[label])
        for place in sorted(left.keys() | right.keys()):
            if left.get(place) != right.get(place):
                found[label, place] = (left.get(place), right.get(place))
    return found


def told(found: Mapping[tuple[str, str], tuple[Any, Any]]) -> str:
    """Differences as lines; pytest would leave out most of a large mapping."""
    return "\n".join(
        f"{' '.join(where)}: {one!r}, {other!r}" for where, (one, other) in sorted(found.items())
    )
