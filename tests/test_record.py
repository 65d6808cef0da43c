"""What a results file keeps of a benchmark: the figures of each section, and how they were made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.record import Results, mean_of, save, spread


def test_a_result_says_how_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    save(path, "a", {"x": 1})
    save(path, "b", {"x": spread([3.0, 1.0, 2.0])})
    save(path, "a", {"y": 2}, packages=["pytest", "no-such-package"], versions={"fastapi": "0.1"})
    read = Results.read(path)
    assert read.figures("a") == {"y": 2}
    assert read.figures("b") == {"x": {"median": 2.0, "quartiles": [1.5, 2.5], "samples": [3.0, 1.0, 2.0]}}
    made = json.loads(path.read_text())["a"]["made"]
    assert re.fullmatch(r"[0-9a-f]{12}( \+ changes)?|unknown", made["commit"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", made["date"])
    assert made["processor"]["name"]
    assert made["python"].startswith("CPython 3.")
    assert {"numpy", "onnxruntime", "pytest", "fastapi"} <= made["versions"].keys()
    assert "no-such-package" not in made["versions"]


def test_figures_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save(tmp_path / "results.json", "a", {"x": float("nan")})


def test_the_error_of_a_mean_by_hand() -> None:
    # Variance 1/3 with n - 1 = 3 under it, over 4 queries: the root of 1/12.
    assert mean_of([1.0, 1.0, 0.0, 0.0]) == pytest.approx({"mean": 0.5, "error": (1 / 12) ** 0.5})
