"""Prints the parameter overrides that samconfig.toml has for an environment, on one line."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    """Prints those of the environment arguments[0]; returns 0, or 2 where there is no such environment."""
    (environment,) = arguments
    config = tomllib.loads(
        (Path(__file__).resolve().parent.parent / "samconfig.toml").read_text(encoding="utf-8")
    )
    if environment not in config:
        print(f"error: samconfig.toml has no [{environment}.deploy.parameters]", file=sys.stderr)
        return 2
    print(*config[environment].get("deploy", {}).get("parameters", {}).get("parameter_overrides", []))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
