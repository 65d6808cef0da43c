"""`make licences`: every package of the function and of the export has a licence from the list in licences.toml.

A licence is what a package's own metadata say: an SPDX expression, or an older form that the list spells out. It doesn't
read licence texts, and knows what is bundled within a wheel only by the names of shared libraries (`*.libs`).
"""

from __future__ import annotations

import argparse
import functools
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.supply.packages import ROOT, Package, export_packages, function_packages, main_environment

LIST = Path(__file__).parent / "licences.toml"
PAGE = ROOT / "docs" / "licences.md"


@dataclass(frozen=True, slots=True)
class Policy:
    """licences.toml: see there. `allowed` and `export` map a licence to the reason."""

    allowed: dict[str, str]
    export: dict[str, str]
    bundled: Mapping[str, Mapping[str, str]]
    spelled: Mapping[str, str]
    said: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls, path: Path = LIST) -> Policy:
        """Reads the list."""
        return cls(**tomllib.loads(path.read_text(encoding="utf-8")))


class UnknownLicenceError(Exception):
    """Raised where a package's metadata don't say its licence; the message says what they say."""


def main() -> int:
    """Checks all packages, and compares or writes the page; returns 0, or 1 where something isn't as it should be."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.supply.licences", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--layer", type=Path, required=True, metavar="DIR", help="a built layer's python/")
    parser.add_argument("--target", required=True)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args()
    policy = Policy.load()
    function = function_packages(options.layer, options.target)
    export = export_packages(main_environment())
    problems = [
        *check(function, policy, policy.allowed),
        *check(export, policy, policy.allowed | policy.export),
        *check_bundled(options.layer, policy),
        *outdated([*function, *export], options.layer, policy),
    ]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        return 1
    text = page(function, options.layer, policy)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != text:
        print(f"error: docs/{PAGE.name} is out of date: run `make licences-page`", file=sys.stderr)
        return 1
    print(
        f"{len(function)} packages of the function and {len(export)} of the export: all licences are allowed"
    )
    return 0


def licence_of(package: Package, policy: Policy) -> str:
    """Returns a package's licence as an SPDX expression; raises UnknownLicenceError where nobody says it."""
    classifiers = [text for text in package.classifiers if text.startswith("License ::")]
    texts = [
        package.metadata.get("License-Expression", ""),
        package.metadata.get("License", ""),
        *classifiers,
    ]
    said = policy.said.get(package.name)
    if said and said["metadata"] in texts:
        return said["licence"]
    for text in texts:
        expression = policy.spelled.get(text, text)
        if expression and is_spdx(expression):
            return expression
    raise UnknownLicenceError(
        f"{package.name} {package.version} says no licence that is known ({', '.join(map(short, filter(None, texts))) or 'nothing'}): "
        f"read its licence file, and write it into {LIST.relative_to(ROOT)}"
    )


def check(packages: Iterable[Package], policy: Policy, allowed: Mapping[str, str]) -> list[str]:
    """Returns what is wrong with the packages' licences."""
    problems = []
    for package in packages:
        try:
            licence = licence_of(package, policy)
        except UnknownLicenceError as error:
            problems.append(str(error))
            continue
        if not is_allowed(licence, allowed):
            problems.append(
                f"{package.name} {package.version} has the licence {licence}, which isn't allowed here: do without it, "
                f"or write into {LIST.relative_to(ROOT)} why it may stay"
            )
    return problems


def check_bundled(layer: Path, policy: Policy) -> list[str]:
    """Returns the shared libraries within wheels that the list doesn't name."""
    return [
        f"{path.relative_to(layer)} is bundled, and not in {LIST.relative_to(ROOT)}: which licence has it?"
        for path in bundled(layer)
        if not any(path.name.startswith(name) for name in policy.bundled)
    ]


def outdated(packages: Sequence[Package], layer: Path, policy: Policy) -> list[str]:
    """Returns the entries of the list that nothing needs any more."""
    texts = {package.name: {*package.metadata.values(), *package.classifiers} for package in packages}
    unused = [
        f"[said.{name}]" for name, said in policy.said.items() if said["metadata"] not in texts.get(name, ())
    ]
    unused += [
        f"[bundled.{name}]"
        for name in policy.bundled
        if not any(path.name.startswith(name) for path in bundled(layer))
    ]
    return [f"{entry} of {LIST.relative_to(ROOT)} is out of date: delete or mend it" for entry in unused]


def bundled(layer: Path) -> list[Path]:
    """Returns the shared libraries that wheels bring along, beside their own."""
    return sorted(layer.glob("*.libs/*"))


@functools.cache
def spdx() -> Any:
    """The parser of expressions, with the names of SPDX. It is imported here: only .venv-supply has it."""
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


def is_spdx(text: str) -> bool:
    """Says whether a text is an expression of names that SPDX knows."""
    from license_expression import ExpressionError

    try:
        spdx().parse(text, validate=True, strict=True)
    except ExpressionError:
        return False
    return True


def is_allowed(expression: str, allowed: Mapping[str, str]) -> bool:
    """Says whether one may choose allowed licences alone: of OR one is enough, of AND all are needed."""

    def holds(node: Any) -> bool:
        if isinstance(node, spdx().AND):
            return all(map(holds, node.args))
        if isinstance(node, spdx().OR):
            return any(map(holds, node.args))
        return node.render() in allowed

    return holds(spdx().parse(expression, validate=True, strict=True))


def short(text: str) -> str:
    """Returns the beginning of a text, on one line."""
    return repr(" ".join(text.split())[:60])


def page(function: Sequence[Package], layer: Path, policy: Policy) -> str:
    """Returns docs/licences.md: what the function's layer holds, and which licences are allowed, with the reasons."""
    names = [
        f"| {package.name} | {licence_of(package, policy)} | {'PostgreSQL |' if package.optional else '|'}"
        for package in function
    ]
    libraries = [
        f"| `{name}` in `{path.parent.name}` | {entry['licence']} | {entry['reason']} |"
        for name, entry in policy.bundled.items()
        for path in bundled(layer)
        if path.name.startswith(name)
    ]
    return f"""# Licences

<!-- Made by `make licences-page` from the packages' own metadata and dev/supply/licences.toml. -->

seeklet is under Apache-2.0. These packages are in the function's runtime layer, with the licence files of their wheels. "PostgreSQL"
marks what only `make build ENGINE=postgresql` adds.

| package | licence | only for |
|---|---|---|
{chr(10).join(names)}

Some wheels bring shared libraries of others:

| library | licence | |
|---|---|---|
{chr(10).join(libraries)}

## What is allowed

`make licences` reads what the packages of the layer and of the export say of themselves, and fails where a licence isn't in
one of these tables. A package under GPL or AGPL is refused.

| licence | why it may be in the function and in the export |
|---|---|
{chr(10).join(f"| {name} | {reason} |" for name, reason in policy.allowed.items())}

| licence | why it may be in the export |
|---|---|
{chr(10).join(f"| {name} | {reason} |" for name, reason in policy.export.items())}

The artifact has the model's licence and the corpus's. No tool can know those.
"""


if __name__ == "__main__":
    sys.exit(main())
