"""What a fresh process that imports the function has loaded: nothing of what builds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FORBIDDEN = {
    *("torch", "transformers", "optimum", "onnx", "huggingface_hub", "sentence_transformers", "export"),
    # The first text that is not ASCII imports it.
    "tokenizers",
}
ROOT = Path(__file__).parent.parent
REPORT = "import json, sys, handler.app; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def loaded_packages(artifact: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(artifact)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_the_function_loads_nothing_of_the_build(artifact: Path) -> None:
    packages = loaded_packages(artifact)
    assert {"onnxruntime", "numpy", "handler"} <= packages
    assert not packages & FORBIDDEN


def test_telemetry_is_off_before_onnxruntime_is_imported() -> None:
    script = "import os, sys, handler; assert 'onnxruntime' not in sys.modules; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environ = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
