"""`make parameters`: hands the parameters of template.yaml on to the CDK construct, the Terraform module and their docs.

template.yaml is where a parameter is added or changed. This writes parameters.py of the construct and variables.tf of
the module whole, the dashboard's body for both, and the tables in docs/cdk.md and docs/terraform.md between their two comments. What a parameter does
is written by hand: in the construct, and in the module's other files.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dev.template import Parameter, Rule, Writer, load_template, quote, read_parameters, read_rules

ROOT = Path(__file__).parent.parent
HEAD = "Made from template.yaml by `make parameters`, which would overwrite changes here."
TABLE = re.compile(r"(?<=<!-- parameters -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main() -> int:
    """Writes each file that isn't as it should be; returns 0, or with --check 1 where one isn't."""
    parser = argparse.ArgumentParser(prog="python -m dev.parameters", description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stale = [(path, text) for path, text in made() if not path.is_file() or path.read_text("utf-8") != text]
    for path, text in stale:
        print(f"{path.relative_to(ROOT)}: {'is not what template.yaml says' if options.check else 'written'}")
        if not options.check:
            path.write_text(text, encoding="utf-8")
    return int(options.check and bool(stale))


def made() -> Iterator[tuple[Path, str]]:
    """Yields each file with the text that it should have."""
    template = load_template()
    parameters, rules = read_parameters(template), read_rules(template)
    in_terraform = [without_references(parameter) for parameter in parameters]
    yield ROOT / "deploy" / "cdk" / "seeklet_cdk" / "parameters.py", python(parameters, rules)
    yield ROOT / "deploy" / "terraform" / "variables.tf", terraform(in_terraform, rules)
    body = dashboard(template)
    yield ROOT / "deploy" / "cdk" / "seeklet_cdk" / "dashboard.json", f"{body}\n"
    # Terraform's names have no colons.
    yield ROOT / "deploy" / "terraform" / "dashboard.json.tftpl", body.replace("AWS::Region", "Region") + "\n"
    documents: list[tuple[str, Sequence[Parameter], Callable[[object], str]]] = [
        ("cdk", parameters, python_value),
        ("terraform", in_terraform, hcl_value),
    ]
    for name, listed, value in documents:
        path = ROOT / "docs" / f"{name}.md"
        before, after = TABLE.split(path.read_text(encoding="utf-8"))
        yield path, before + table(listed, value) + after


def without_references(parameter: Parameter) -> Parameter:
    """Leaves out of the description what only CloudFormation does: it resolves a reference in double braces."""
    return replace(parameter, description=re.sub(r" [^.]*double braces[^.]*\.", "", parameter.description))


def dashboard(template: Mapping[str, Any]) -> str:
    """Returns the dashboard's body, with ${...} for what is known only when it is deployed."""
    body: str = template["Resources"]["MetricsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return body


def table(parameters: Sequence[Parameter], value: Callable[[object], str]) -> str:
    """Returns the parameters as a table of Markdown, their defaults in a language's own form."""
    rows = [
        f"| `{parameter.field}` | `{value(parameter.default)}` | {parameter.description} |"
        for parameter in parameters
    ]
    return "\n".join(["| name | default | |", "|---|---|---|", *rows, ""])


# --- Python


def python(parameters: Sequence[Parameter], rules: Sequence[Rule]) -> str:
    """Returns the dataclass of the construct's parameters."""
    names = {parameter.name: f"self.{parameter.field}" for parameter in parameters}
    writer = Writer("and", "or", "not ", "{item} in {list}", names)
    lines = [
        f'"""{HEAD}"""',
        "",
        "from __future__ import annotations",
        "",
        "from dataclasses import dataclass",
        "from typing import Literal",
        "",
        "from seeklet_cdk.fields import check, number, text, texts",
        "",
        "",
        "@dataclass(frozen=True, kw_only=True)",
        "class Parameters:",
        '    """What template.yaml takes, by the same names in snake_case; raises ValueError as its checks and rules do."""',
    ]
    for parameter in parameters:
        lines += ["", *_python_field(parameter)]
    lines += [
        "",
        "    def __post_init__(self) -> None:",
        "        check(self, self._rules())",
        "",
        "    def _rules(self) -> list[tuple[bool, str]]:",
        "        return [",
    ]
    for rule in rules:
        holds = writer.write(rule.assertion)
        if rule.condition is not None:
            holds = f"{writer.write({'Fn::Not': [rule.condition]})} or {holds}"
        lines.append(f"            ({holds}, {quote(rule.description)}),")
    return formatted("\n".join([*lines, "        ]", ""]))


def formatted(code: str) -> str:
    """Returns Python as ruff formats it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "parameters.py", "-"]
    return subprocess.run(command, cwd=ROOT, input=code, capture_output=True, text=True, check=True).stdout


def _python_field(parameter: Parameter) -> list[str]:
    options: list[tuple[str, object]] = [
        ("pattern", parameter.pattern),
        ("constraint", parameter.constraint),
        ("minimum", parameter.minimum),
        ("maximum", parameter.maximum),
        ("secret", parameter.secret),
    ]
    maker, kind = "text", "str"
    if isinstance(parameter.default, tuple):
        maker, kind = "texts", "tuple[str, ...]"
    elif isinstance(parameter.default, int):
        maker, kind = "number", "int"
    if parameter.allowed:
        kind = f"Literal[{', '.join(map(python_value, parameter.allowed))}]"
    checks = [f"{name}={python_value(value)}" for name, value in options if is_set(value)]
    return [
        f"    {parameter.field}: {kind} = {maker}({', '.join([python_value(parameter.default), *checks])})",
        f'    """{parameter.description}"""',
    ]


def is_set(value: object) -> bool:
    """Whether a parameter has this check: 0 is a limit too."""
    return value is not None and value is not False and value != ""


def python_value(value: object) -> str:
    """Returns a value as Python writes it, strings in double quotes."""
    if isinstance(value, tuple):
        return f"({', '.join(map(python_value, value))}{',' if len(value) == 1 else ''})"
    return quote(value) if isinstance(value, str) else str(value)


# --- Terraform


def terraform(parameters: Sequence[Parameter], rules: Sequence[Rule]) -> str:
    """Returns the module's variables, formatted as `terraform fmt` would."""
    blocks = [f"# {HEAD}"]
    names = {parameter.name: f"var.{parameter.field}" for parameter in parameters}
    writer = Writer("&&", "||", "!", "contains({list}, {item})", names)
    for parameter in parameters:
        own = _hcl_check(parameter)
        checks = [own] if own else []
        if parameter.secret:
            checks.append(_hcl_secret(parameter.field))
        for rule in rules:
            if _about(rule) == parameter.name:
                holds = writer.write(rule.assertion)
                if rule.condition is not None:
                    holds = f"{writer.write({'Fn::Not': [rule.condition]})} || {holds}"
                checks.append((holds, rule.description))
        blocks.append(_hcl_variable(parameter, checks))
    return "\n\n".join(blocks) + "\n"


def _about(rule: Rule) -> str:
    """The parameter whose variable has a rule: the first that it names. Terraform wants the variable in its own check."""
    named = re.search(r"'Ref': '(\w+)'", str(rule.condition or rule.assertion))
    if named is None:
        raise ValueError(f"the rule {rule.description!r} of template.yaml names no parameter")
    return named[1]


def _hcl_variable(parameter: Parameter, checks: Sequence[tuple[str, str]]) -> str:
    kind = {tuple: "list(string)", int: "number", str: "string"}[type(parameter.default)]
    attributes = [
        ("type", kind),
        ("default", hcl_value(parameter.default)),
        ("nullable", "false"),
        ("description", hcl_value(parameter.description)),
    ]
    if parameter.secret:
        attributes.append(("sensitive", "true"))
    width = max(len(name) for name, _ in attributes)
    lines = [f'variable "{parameter.field}" {{']
    lines += [f"  {name:<{width}} = {value}" for name, value in attributes]
    for condition, message in checks:
        lines += ["", "  validation {", f"    condition     = {condition}"]
        lines += [f"    error_message = {hcl_value(message + '.')}", "  }"]
    return "\n".join([*lines, "}"])


def _hcl_secret(field: str) -> tuple[str, str]:
    """The function would take the reference itself for the secret, and anybody may know a reference."""
    refused = (
        f"{field} must hold the secret itself: only CloudFormation resolves a reference in double braces"
    )
    return f'!strcontains(var.{field}, "{{{{resolve:")', refused


def _hcl_check(parameter: Parameter) -> tuple[str, str] | None:
    name = f"var.{parameter.field}"
    if parameter.allowed:
        values = hcl_value(parameter.allowed)
        return f"contains({values}, {name})", f"{parameter.field} is one of {values[1:-1]}".replace('"', "")
    if parameter.pattern:
        # The whole value must match, as in CloudFormation.
        pattern = hcl_value(f"^(?:{parameter.pattern})$")
        meaning = parameter.constraint or f"what matches {parameter.pattern}"
        matches = f"can(regex({pattern}, {name}))"
        if isinstance(parameter.default, tuple):
            matches = f"alltrue([for item in {name} : can(regex({pattern}, item))])"
        return matches, f"{parameter.field} must be {meaning}"
    limits = [(">=", parameter.minimum, "at least"), ("<=", parameter.maximum, "at most")]
    given = [(sign, limit, words) for sign, limit, words in limits if limit is not None]
    if not given:
        return None
    condition = " && ".join(f"{name} {sign} {limit}" for sign, limit, _ in given)
    meaning = " and ".join(f"{words} {limit}" for _, limit, words in given)
    return f"floor({name}) == {name} && {condition}", f"{parameter.field} is a whole number, {meaning}"


def hcl_value(value: object) -> str:
    """Returns a value as Terraform writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(hcl_value, value))}]"
    return quote(value).replace("${", "$${").replace("%{", "%%{") if isinstance(value, str) else str(value)


if __name__ == "__main__":
    sys.exit(main())
