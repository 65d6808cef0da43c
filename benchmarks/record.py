"""Keeps the benchmarks' figures, each with how it was made and the spread of its samples.

benchmarks/results/<processor>.json holds sections; each is {"made": ..., "figures": ...}. A section is replaced whole,
so its figures are of one run. This module measures nothing, and draws nothing (report.py does).
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
QUICK_RESULTS = ROOT / "build" / "bench" / "quick.json"
# Folders on which a figure depends. Documents and results may change while benchmarks run.
MEASURED = ("handler", "export", "layers", "benchmarks", ":!benchmarks/results")
OURS = ("numpy", "onnxruntime", "tokenizers")
# The instructions that decide which int8 kernels run.
INSTRUCTIONS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
DIGITS = 6


def default_file() -> Path:
    """Returns this machine's file, named after its processor."""
    name: str = processor()["name"]
    return RESULTS / (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".json")


@dataclass(frozen=True, slots=True)
class Results:
    """The content of a results file: its sections by name, each with "made" and "figures"."""

    sections: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Results:
        """Reads the file; raises SystemExit where there is none."""
        try:
            return cls(json.loads(path.read_text()))
        except FileNotFoundError:
            raise SystemExit(f"error: there is no {path}: run `make bench` first") from None

    def figures(self, section: str) -> dict[str, Any]:
        """Returns a section's figures; none where it wasn't measured."""
        found: dict[str, Any] = self.sections.get(section, {}).get("figures", {})
        return found

    def each(self, kind: str) -> dict[str, dict[str, Any]]:
        """Returns the figures of all sections "kind: name", by their name."""
        kind = f"{kind}: "
        return {
            name.removeprefix(kind): self.figures(name) for name in self.sections if name.startswith(kind)
        }


def save(
    path: Path,
    section: str,
    figures: Mapping[str, Any],
    *,
    packages: Sequence[str] = (),
    versions: Mapping[str, str] | None = None,
) -> None:
    """Replaces one section of the file and leaves the others.

    Args:
        path: the results file.
        section: its name, such as "latency" or "search: 20000 rows, 1 thread".
        figures: the figures that were measured.
        packages: distributions of this environment that were measured beside our own.
        versions: other versions to keep, such as those of another interpreter's packages.
    """
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    made_here = made([*OURS, *packages])
    made_here["versions"] |= versions or {}
    kept[section] = {"made": made_here, "figures": figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(sorted(kept.items())), indent=1, allow_nan=False)
    # A list of samples goes on one line.
    text = re.sub(r"\[[-+.e\d,\s]+\]", lambda found: re.sub(r"\s+", " ", found[0]), text)
    path.write_text(text + "\n")


def made(packages: Iterable[str]) -> dict[str, Any]:
    """Returns commit, date, processor, interpreter and the packages' versions; a package that is missing is left out."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": dict(sorted(found.items())),
    }


def commit() -> str:
    """Returns the commit that is measured, with "+ changes" where the measured files differ from it; "unknown" without git."""
    try:
        head, changes = (
            subprocess.run(
                ["git", *command], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (
                ["rev-parse", "--short=12", "HEAD"],
                ["status", "--porcelain", "--", *MEASURED],
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} + changes" if changes else head


def processor() -> dict[str, Any]:
    """Returns the processor's name and, where the system tells them, family, model, cores and int8 instructions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text() if info.exists() else ""
    fields: dict[str, str] = dict(re.findall(r"^(.+?)\s*: (.*)$", lines.split("\n\n")[0], re.MULTILINE))
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    name = fields.get("model name") or platform.processor() or platform.machine()
    found: dict[str, Any] = {"name": name}
    found |= {
        name: int(fields[key])
        for name, key in (("family", "cpu family"), ("model", "model"))
        if key in fields
    }
    found["architecture"] = platform.machine()
    found["cores"] = lines.count("processor\t") or None
    found["instructions"] = [name for name in INSTRUCTIONS if name in flags]
    return found


def spread(samples: Sequence[float]) -> dict[str, Any]:
    """Returns a figure of several samples: median, quartiles, and the samples in their order."""
    low, middle, high = (_short(float(value)) for value in np.percentile(samples, (25, 50, 75)))
    return {
        "median": middle,
        "quartiles": [low, high],
        "samples": [_short(float(value)) for value in samples],
    }


def mean_of(values: Sequence[float]) -> dict[str, float]:
    """Returns a mean and its standard error."""
    return {
        "mean": float(np.mean(values)),
        "error": float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0,
    }


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
