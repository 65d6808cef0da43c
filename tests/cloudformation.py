"""template.yaml as a value, and as what CloudFormation makes of it for given parameters.

Knows the intrinsic functions that this template's rules and conditions use; the others stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dev.template import load_template

NO_VALUE = {"Ref": "AWS::NoValue"}


TEMPLATE: dict[str, Any] = load_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTION: dict[str, Any] = RESOURCES["SearchFunction"]["Properties"]


def text_of(value: Any, **names: str) -> Any:
    """What Sub, Select and Split make of a value; `names` are what a Sub's ${...} stand for, besides its own."""
    if isinstance(value, list):
        return [text_of(item, **names) for item in value]
    if not isinstance(value, dict):
        return value
    ((function, operand),) = value.items()
    match function:
        case "Fn::Sub":
            text, own = operand if isinstance(operand, list) else (operand, {})
            known = {**names, **{name: text_of(inner, **names) for name, inner in own.items()}}
            return re.sub(r"\$\{([\w:]+)\}", lambda found: known[found[1]], text)
        case "Fn::Select":
            return text_of(operand[1], **names)[operand[0]]
        case "Fn::Split":
            return text_of(operand[1], **names).split(operand[0])
    raise AssertionError(f"{function} is not known here")


class Stack:
    """The template with its parameters' values: which resources there are, and which rules refuse them.

    parameters  name -> value; the others have their defaults
    resources   name -> properties, of the resources whose condition holds; `Fn::If` and `Ref` of a parameter resolved
    """

    def __init__(self, **parameters: str) -> None:
        declared: dict[str, Any] = TEMPLATE["Parameters"]
        unknown = parameters.keys() - declared.keys()
        assert not unknown, unknown
        for name, value in parameters.items():
            assert re.fullmatch(declared[name].get("AllowedPattern", ".*"), value), (name, value)
            allowed = declared[name].get("AllowedValues")
            assert allowed is None or value in map(str, allowed), (name, value)
        self._values = {name: str(parameters.get(name, spec["Default"])) for name, spec in declared.items()}
        self.resources: dict[str, Any] = {
            name: self._resolve(resource["Properties"])
            for name, resource in RESOURCES.items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true."""
        return self._is_true(TEMPLATE["Conditions"][condition])

    def refusals(self) -> list[str]:
        """The descriptions of the assertions that fail: CloudFormation then makes no stack."""
        return [
            assertion["AssertDescription"]
            for rule in TEMPLATE["Rules"].values()
            if "RuleCondition" not in rule or self._is_true(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._is_true(assertion["Assert"])
        ]

    def typed(self, kind: str) -> dict[str, Any]:
        """The resources of a type, such as AWS::ApiGatewayV2::Route."""
        return {name: value for name, value in self.resources.items() if RESOURCES[name]["Type"] == kind}

    def _is_true(self, expression: Mapping[str, Any]) -> bool:
        ((function, operand),) = expression.items()
        match function:
            case "Fn::Equals":
                left, right = (self._resolve(side) for side in operand)
                return str(left) == str(right)
            case "Fn::Not":
                return not self._is_true(operand[0])
            case "Fn::And":
                return all(map(self._is_true, operand))
            case "Fn::Or":
                return any(map(self._is_true, operand))
            case "Condition":
                return self.holds(operand)
        raise AssertionError(f"{function} is not known here")

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            return self._resolve(yes if self.holds(condition) else no)
        if "Ref" in value and value["Ref"] in self._values:
            return self._values[value["Ref"]]
        resolved = {key: self._resolve(inner) for key, inner in value.items()}
        return {key: inner for key, inner in resolved.items() if inner != NO_VALUE}
