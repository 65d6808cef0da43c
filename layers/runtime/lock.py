"""Locks the runtime layer by hash: writes a requirements.txt for each Python and processor.

It resolves requirements.in as pip would on that target, on any machine, and leaves out the distributions that
prune.txt names with `without`. It installs nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from layers.runtime.prune import read_prune
from layers.runtime.targets import RUNTIME, TARGETS, BuildError, lock_of, pip_install, pip_target

EXPORT_REQUIREMENTS = RUNTIME.parent.parent / "requirements.txt"


def main() -> int:
    """Writes <target>/requirements.txt for every target."""
    try:
        without = {line.pattern: line.reason for line in read_prune() if line.distribution}
        for target in TARGETS:
            locked = resolve(target)
            stale = without.keys() - locked.keys()
            if stale:
                raise BuildError(
                    f"prune.txt leaves out {min(stale)}, which nothing asks for: delete the line"
                )
            path = lock_of(target)
            path.parent.mkdir(exist_ok=True)
            lines = [f"# {target}: made by `make lock`; edit ../requirements.in or ../prune.txt instead."]
            for name in sorted(locked.keys() - without.keys()):
                lines.append(f"{locked[name][0]} --hash=sha256:{locked[name][1]}")
            path.write_text("\n".join(lines) + "\n")
            print(f"{target}: {len(lines) - 1} distributions, {len(without)} left out")
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def read_pins(path: Path) -> dict[str, str]:
    """Reads a file of pins: normalised distribution name -> version. It ignores hashes."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {normal_name(name): version for name, version in found}


def normal_name(name: str) -> str:
    """Returns a distribution's name as indexes compare it: typing_extensions and Typing.Extensions are one."""
    return re.sub(r"[._-]+", "-", name).lower()


def write_constraints(path: Path) -> None:
    """Writes the versions that the export uses as constraints for pip."""
    # Without hashes: if one constraint has a hash, pip asks for a hash of everything.
    pins = read_pins(EXPORT_REQUIREMENTS)
    path.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))


def resolve(target: str) -> dict[str, tuple[str, str]]:
    """Resolves for a target as pip does: distribution name -> (name==version, the wheel's SHA-256)."""
    with tempfile.TemporaryDirectory() as scratch:
        report, constraints = Path(scratch) / "report.json", Path(scratch) / "constraints.txt"
        write_constraints(constraints)
        # --platform needs --target; a dry run writes nothing there.
        command = [*pip_install(), "--dry-run", "--ignore-installed", "--report", str(report)]
        command += ["--target", scratch, *pip_target(target)]
        command += ["-r", str(RUNTIME / "requirements.in"), "-c", str(constraints)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise BuildError(f"pip finds no set of wheels for {target}:\n{done.stderr[-1000:]}")
        installs: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    locked = {}
    for item in installs:
        name = normal_name(item["metadata"]["name"])
        sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
        locked[name] = (f"{name}=={item['metadata']['version']}", sha256)
    return locked


if __name__ == "__main__":
    sys.exit(main())
