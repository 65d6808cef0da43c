"""`make audit`: asks OSV whether a version in one of our locks has a known vulnerability, by pip-audit.

Three ends are told apart: nothing is known (0), something is known (1), and nobody could be asked (3), which must not pass for
the first. `accepted` in audit.toml has vulnerabilities that don't reach us, each with the reason.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.supply.packages import ROOT, locks, normal, read_lock

ACCEPTED = Path(__file__).parent / "audit.toml"
# Statuses of the command.
FOUND, UNASKED = 1, 3
# Seconds: for one answer, and for all of them.
ANSWER, ALL = 15, 900


def main() -> int:
    """Audits every lock, or the named ones; returns the status."""
    parser = argparse.ArgumentParser(prog="python -m dev.supply.audit", description=__doc__.split("\n\n")[0])
    parser.add_argument("locks", type=Path, nargs="*", metavar="LOCK")
    parser.add_argument("--service", metavar="URL", help="another service with OSV's interface")
    parser.add_argument(
        "--seconds", type=int, default=ALL, metavar="N", help="the most for all (%(default)s)"
    )
    options = parser.parse_args()
    paths = options.locks or locks()
    accepted: dict[str, str] = tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))["accepted"]
    with tempfile.TemporaryDirectory() as scratch:
        pins = write_pins(paths, Path(scratch) / "pins.txt")
        answer = ask(Path(scratch), accepted, options.service, options.seconds)
    if isinstance(answer, str):
        print(
            f"error: no vulnerability could be looked up: {answer}. Try again with a network", file=sys.stderr
        )
        return UNASKED
    found, unknown = judge(answer, pins)
    for line in found:
        print(f"error: {line}", file=sys.stderr)
    for line in unknown:
        print(f"error: not looked up: {line}", file=sys.stderr)
    if found:
        return FOUND
    if unknown:
        return UNASKED
    print(f"{len(answer)} versions of {len(paths)} locks: no known vulnerability, {len(accepted)} accepted")
    return 0


def write_pins(paths: Iterable[Path], out: Path) -> Mapping[str, Sequence[str]]:
    """Writes each version of the locks once; returns "name==version" -> the locks that have it.

    pip-audit takes one version of a name in a file, so further ones go into further files beside it.
    """
    found: dict[str, list[str]] = {}
    for path in paths:
        for name, (version, _) in read_lock(path).items():
            shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            # PyPI knows no local versions, such as 2.9.0+cpu.
            found.setdefault(f"{name}=={version.partition('+')[0]}", []).append(str(shown))
    files: list[dict[str, str]] = []
    for pin in sorted(found):
        name = pin.partition("==")[0]
        place = next((one for one in files if name not in one), None)
        if place is None:
            files.append(place := {})
        place[name] = pin
    for number, pins in enumerate(files):
        out.with_name(f"{out.stem}-{number}.txt").write_text(
            "\n".join(pins.values()) + "\n", encoding="utf-8"
        )
    return found


def ask(
    folder: Path, accepted: Iterable[str], service: str | None, seconds: int
) -> list[dict[str, Any]] | str:
    """Returns pip-audit's answer about each version in the folder's files, or why there is none."""
    answers: list[dict[str, Any]] = []
    for pins in sorted(folder.glob("pins-*.txt")):
        out = pins.with_suffix(".json")
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
        ]
        command += ["--vulnerability-service", "osv", "--timeout", str(ANSWER)]
        command += ["--osv-url", service] if service else []
        command += ["--format", "json", "--output", str(out), "--requirement", str(pins)]
        command += [part for name in accepted for part in ("--ignore-vuln", name)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return f"there was no answer within {seconds} seconds"
        # It ends with 1 where it finds something, and also where it fails: only the file tells.
        if not out.exists():
            lines = done.stderr.strip().splitlines()
            return lines[-1][:300] if lines else f"pip-audit ended with status {done.returncode}"
        answers += json.loads(out.read_text(encoding="utf-8"))["dependencies"]
    return answers


def judge(
    answers: Iterable[Mapping[str, Any]], pins: Mapping[str, Sequence[str]]
) -> tuple[list[str], list[str]]:
    """Returns a line for each vulnerability, and one for each version that was not looked up."""
    found, unknown, seen = [], [], set()
    for answer in answers:
        if "skip_reason" in answer:
            unknown.append(f"{answer['name']}: {answer['skip_reason']}")
            seen |= {pin for pin in pins if pin.startswith(f"{normal(answer['name'])}==")}
            continue
        pin = f"{normal(answer['name'])}=={answer['version']}"
        seen.add(pin)
        for one in answer["vulns"]:
            remedy = ", ".join(one["fix_versions"]) or "no version yet"
            names = ", ".join([one["id"], *one["aliases"]])
            found.append(f"{pin} of {', '.join(pins.get(pin, ()))}: {names}, mended by {remedy}")
    return found, unknown + sorted(f"{pin}: no answer" for pin in pins.keys() - seen)


if __name__ == "__main__":
    sys.exit(main())
