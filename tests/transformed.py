"""template.yaml after SAM's transform, for sets of parameters; .venv-sam does it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambda_tools import ROOT, environ, sam_tool


def sam_templates(sets: Mapping[str, Mapping[str, str]], folder: Path) -> dict[str, Any]:
    """Set -> the template that CloudFormation would work with; `folder` is for files on the way."""
    given, made = folder / "sets.json", folder / "templates.json"
    given.write_text(json.dumps(sets))
    command = [sam_tool("python"), "tests/transform_tools.py", "template.yaml", str(given), str(made)]
    done = subprocess.run(command, cwd=ROOT, env=environ(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    templates: dict[str, Any] = json.loads(made.read_text())
    return templates
