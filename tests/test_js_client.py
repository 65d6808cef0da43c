"""clients/js: its own tests in Node, a real service asked by it, and its types. Without Node they are skipped."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from node import CLIENT, node

from seeklet import __version__


def test_its_own_tests() -> None:
    # A file at a time: Node 20 and 22 read the name of a folder differently.
    files = sorted((CLIENT / "test").glob("*.test.js"))
    summary = node("--test", "--test-reporter=tap", *files)
    passed = re.search(r"^# pass (\d+)$", summary, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= 11
    assert "# fail 0" in summary


def test_the_package() -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    assert package["version"] == __version__
    assert "dependencies" not in package
    assert {"type": "module", "name": "seeklet"}.items() <= package.items()
    for export in package["exports"].values():
        assert all((CLIENT / path).is_file() for path in export.values())
    # All that it imports is beside it.
    for path in CLIENT.glob("*.js"):
        assert all(name.startswith("./") for name in re.findall(r'from "([^"]+)"', path.read_text()))


def test_the_types(tmp_path: Path) -> None:
    """TypeScript's compiler isn't pinned by the project: where there is none, types are checked by no one."""
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("needs TypeScript's tsc: npm install --global typescript")
    shutil.copytree(CLIENT, tmp_path / "node_modules" / "seeklet", ignore=shutil.ignore_patterns("test"))
    shutil.copy(CLIENT / "test" / "types.ts", tmp_path)
    options = {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "nodenext",
        "moduleResolution": "nodenext",
        "lib": ["es2022", "dom"],
        "types": [],
    }
    value: dict[str, Any] = {"compilerOptions": options, "files": ["types.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(value))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    done = subprocess.run([compiler, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
