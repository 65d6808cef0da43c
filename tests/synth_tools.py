"""Run by .venv-cdk's Python, for tests/test_cdk.py: deploy/cdk/app.py for sets of context, in one process.

synth_tools.py SETS BUILD OUT    SETS: {set: {name: value}}, BUILD: what `make build` makes, OUT/SET: what CDK makes
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sets, build, out = map(Path, sys.argv[1:])
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "deploy" / "cdk"))
    from app import main

    for name, values in json.loads(sets.read_text()).items():
        context = [f"{field}={value}" for field, value in values.items()]
        if main([*context, f"build={build}", "stack=seeklet-test", "--out", str(out / name)]):
            sys.exit(f"{name}: refused")
