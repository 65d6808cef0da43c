"""Where benchmarks keep their figures: benchmarks/results/<machine>.json, a section each.

Does not measure and does not draw: see report.py.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def cpu() -> str:
    """The processor's name, as the system has it."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.*)", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def default_file() -> Path:
    """This machine's file, named after its processor."""
    return RESULTS / (re.sub(r"[^a-z0-9]+", "-", cpu().lower()).strip("-") + ".json")


def save(path: Path, section: str, figures: Mapping[str, Any], *, update: bool = False) -> None:
    """Replaces one section of the file, or with `update` only the entries named, and leaves the others."""
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    kept["machine"] = {"cpu": cpu(), "system": platform.system(), "architecture": platform.machine()}
    kept[section] = {**kept.get(section, {}), **figures} if update else figures
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
