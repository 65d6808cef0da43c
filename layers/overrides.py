"""The parameter overrides that samconfig.toml has for an environment, argv[1], on one line."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main() -> int:
    """Prints them; 2 where there is no such environment."""
    config = tomllib.loads(
        (Path(__file__).resolve().parent.parent / "samconfig.toml").read_text(encoding="utf-8")
    )
    if sys.argv[1] not in config:
        print(f"error: samconfig.toml has no [{sys.argv[1]}.deploy.parameters]", file=sys.stderr)
        return 2
    print(*config[sys.argv[1]].get("deploy", {}).get("parameters", {}).get("parameter_overrides", []))
    return 0


if __name__ == "__main__":
    sys.exit(main())
