"""Locks the runtime layer by hash: one requirements.txt for each Python and processor.

Resolves requirements.in as pip would on that target, from any machine, and leaves out the distributions that
prune.txt names with `without`. Installs nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from build import HERE, TARGETS, pip_target, read_prune


def main() -> int:
    """Writes <target>/requirements.txt for every target."""
    without = {line.pattern: line.reason for line in read_prune() if line.distribution}
    for target in TARGETS:
        locked = resolve(target)
        stale = without.keys() - locked.keys()
        if stale:
            print(f"error: prune.txt leaves out {min(stale)}, which nothing asks for", file=sys.stderr)
            return 2
        path = HERE / target / "requirements.txt"
        path.parent.mkdir(exist_ok=True)
        lines = [f"# {target}: made by `make lock`; edit ../requirements.in or ../prune.txt instead."]
        for name in sorted(locked.keys() - without.keys()):
            lines.append(f"{locked[name][0]} --hash=sha256:{locked[name][1]}")
        path.write_text("\n".join(lines) + "\n")
        print(f"{target}: {len(lines) - 1} distributions, {len(without)} left out")
    return 0


def resolve(target: str) -> dict[str, tuple[str, str]]:
    """Distribution name -> (name==version, the wheel's SHA-256), as pip resolves them for the target."""
    constraints = HERE.parent.parent / "requirements.txt"
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        # --target is only what --platform demands: a dry run writes nothing there.
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--dry-run",
        ]
        command += ["--ignore-installed", "--report", str(report), "--target", scratch, *pip_target(target)]
        command += ["-r", str(HERE / "requirements.in"), "-c", str(constraints)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"error: pip finds no set of wheels for {target}:\n{done.stderr[-1000:]}")
        installs: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    locked = {}
    for item in installs:
        name = item["metadata"]["name"].lower().replace("_", "-")
        sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
        locked[name] = (f"{name}=={item['metadata']['version']}", sha256)
    return locked


if __name__ == "__main__":
    sys.exit(main())
