"""Prints the parameter overrides that samconfig.toml has for an environment, as words for a shell, on one line."""

from __future__ import annotations

import shlex
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SAMCONFIG = Path(__file__).resolve().parent.parent / "samconfig.toml"


def main(arguments: Sequence[str]) -> int:
    """Prints those of the environment arguments[0]; returns 0, or 2 where there is no such environment."""
    (environment,) = arguments
    config = tomllib.loads(SAMCONFIG.read_text(encoding="utf-8"))
    if environment not in config:
        print(f"error: samconfig.toml has no [{environment}.deploy.parameters]", file=sys.stderr)
        return 2
    overrides = config[environment].get("deploy", {}).get("parameters", {}).get("parameter_overrides", [])
    print(shlex.join(words(overrides)))
    return 0


def words(overrides: Any) -> list[str]:
    """Returns the words that SAM reads as it reads these: a list, one string of several, or a table."""
    if isinstance(overrides, str):
        return [overrides] if overrides else []
    if isinstance(overrides, dict):
        return [f"{name}={_quoted(value)}" for name, value in overrides.items()]
    return [word for member in overrides for word in words(member)]


def _quoted(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return '"' + text.replace('"', '\\"') + '"'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
