"""template.yaml as values: its parameters, and the rules that some of them must keep together.

It knows the functions that rules may use, and stops at others. What the template makes of the parameters is not its
business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

PATH = Path(__file__).parent.parent / "template.yaml"


class CloudFormation(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's short forms: `!Ref X` becomes {"Ref": "X"}."""


def short_form(loader: Any, suffix: str, node: Any) -> Any:
    """Returns one intrinsic function, written out."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


CloudFormation.add_multi_constructor("!", short_form)


def load_template(path: Path = PATH) -> dict[str, Any]:
    """Reads a template, its intrinsic functions written out."""
    template: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), CloudFormation)
    return template


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `default` is an int, a str, or for lists a tuple of str."""

    name: str
    default: int | str | tuple[str, ...]
    description: str
    allowed: tuple[int | str, ...] = ()
    pattern: str = ""
    constraint: str = ""  # what the pattern means, in words
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False

    @property
    def field(self) -> str:
        """The name in Python and Terraform: MemorySize is memory_size."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """Where `condition` holds, `assertion` must; both are CloudFormation's expressions, and None always holds."""

    condition: Mapping[str, Any] | None
    assertion: Mapping[str, Any]
    description: str


def read_parameters(template: Mapping[str, Any]) -> list[Parameter]:
    """Returns the parameters in the template's order."""
    return [_parameter(name, spec) for name, spec in template["Parameters"].items()]


def _parameter(name: str, spec: Mapping[str, Any]) -> Parameter:
    default: int | str | tuple[str, ...] = spec["Default"]
    if spec["Type"] == "CommaDelimitedList" or spec["Type"].startswith("List<"):
        default = tuple(part for part in str(default).split(",") if part)
    else:
        default = int(spec["Default"]) if spec["Type"] == "Number" else str(spec["Default"])
    return Parameter(
        name,
        default,
        spec["Description"],
        allowed=tuple(spec.get("AllowedValues", ())),
        pattern=spec.get("AllowedPattern", ""),
        constraint=spec.get("ConstraintDescription", ""),
        minimum=spec.get("MinValue"),
        maximum=spec.get("MaxValue"),
        secret=spec.get("NoEcho", False),
    )


def read_rules(template: Mapping[str, Any]) -> list[Rule]:
    """Returns every assertion with its rule's condition."""
    return [
        Rule(rule.get("RuleCondition"), assertion["Assert"], assertion["AssertDescription"])
        for rule in template.get("Rules", {}).values()
        for assertion in rule["Assertions"]
    ]


class Writer:
    """Writes a rule's expression in another language.

    both, either, negation  the language's words for and, or, not
    contains                a format with {list} and {item}
    names                   parameter -> how the language names its value
    """

    def __init__(
        self, both: str, either: str, negation: str, contains: str, names: Mapping[str, str]
    ) -> None:
        self._both, self._either, self._negation = both, either, negation
        self._contains, self._names = contains, names

    def write(self, expression: Any) -> str:
        """Returns the expression as text; raises ValueError for a function that is not known."""
        if isinstance(expression, str):
            return quote(expression)
        if isinstance(expression, int):
            return str(expression)
        if isinstance(expression, Sequence):
            return f"[{', '.join(map(self.write, expression))}]"
        ((function, operand),) = expression.items()
        match function:
            case "Ref":
                return self._names[operand]
            case "Fn::Equals":
                return f"{self.write(operand[0])} == {self.write(operand[1])}"
            case "Fn::Not":
                return self._opposite(operand[0])
            case "Fn::And":
                return f" {self._both} ".join(f"({self.write(part)})" for part in operand)
            case "Fn::Or":
                return f" {self._either} ".join(f"({self.write(part)})" for part in operand)
            case "Fn::Contains":
                return self._contains.format(list=self.write(operand[0]), item=self.write(operand[1]))
        raise ValueError(f"a rule of template.yaml uses {function}: teach it to dev/template.py")

    def _opposite(self, expression: Any) -> str:
        if isinstance(expression, Mapping) and "Fn::Equals" in expression:
            left, right = expression["Fn::Equals"]
            return f"{self.write(left)} != {self.write(right)}"
        return f"{self._negation}({self.write(expression)})"


def quote(text: str) -> str:
    """Returns a string in double quotes, as Python and Terraform both read it; no $ { or % { may be in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
