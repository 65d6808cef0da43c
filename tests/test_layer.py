"""The runtime layer as it is built: whole in isolation, pruned, within its budget, and the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lambda_tools import EVENTS, ROOT, build_function, python313, run_build, runtime_layer, target

from layers.runtime.build import size_of
from layers.size import RUNTIME_BUDGET

# Answers every event and the documentation, then tells what was loaded from where.
PROBE = """
import json, pathlib, sys
layer, function, events = sys.argv[1:]
sys.path[:0] = [function, layer]
from handler.app import handler
statuses, answers = {}, {}
for path in sorted(pathlib.Path(events).glob("*.json")):
    answer = answers[path.name] = handler(json.loads(path.read_text()), None)
    if "statusCode" in answer:
        statuses[path.name] = answer["statusCode"]
event = json.loads((pathlib.Path(events) / "health.json").read_text())
for path in ("/docs", "/openapi.json", "/nowhere"):
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    statuses[path] = handler(event, None)["statusCode"]
files = {name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(json.dumps({"statuses": statuses, "answers": answers, "files": files}))
"""


@pytest.fixture(scope="module")
def layer() -> Path:
    """The pruned tree for this machine's processor."""
    python313()
    return runtime_layer() / "python"


@pytest.fixture(scope="module")
def probe(layer: Path, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the function does with the pruned tree alone: isolated, no site-packages."""
    function = build_function(tmp_path_factory.mktemp("function"))
    done = subprocess.run(
        [python313(), "-I", "-S", "-c", PROBE, str(layer), str(function), str(ROOT / "events")],
        env={"ARTIFACT_DIR": str(artifact)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # Libraries that complain at every cold start fill the log: one did when a file too many was pruned.
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    report["function"] = str(function)
    return report


def test_the_pruned_tree_answers_every_event(probe: dict[str, Any]) -> None:
    expected = {path.name: 422 if path.name.startswith("bad-request") else 200 for path in EVENTS}
    assert {name: probe["statuses"][name] for name in expected} == expected
    assert [probe["statuses"][path] for path in ("/docs", "/openapi.json", "/nowhere")] == [200, 200, 404]
    assert probe["answers"]["scheduled.json"]["status"] == "warm"
    assert len(probe["answers"]["direct.json"]["results"]) == 5


def test_without_its_documentation_it_is_lighter_and_answers_all_else(
    layer: Path, artifact: Path, tmp_path: Path
) -> None:
    run_build("--target", target(), "--out", str(tmp_path), "--docs", "off")
    bare = tmp_path / "python"
    gone = {path.name for path in layer.iterdir()} - {path.name for path in bare.iterdir()}
    assert {"fastapi", "pydantic", "pydantic_core", "starlette", "mangum"} <= gone
    function = build_function(tmp_path / "function")
    done = subprocess.run(
        [python313(), "-I", "-S", "-c", PROBE, str(bare), str(function), str(ROOT / "events")],
        env={"ARTIFACT_DIR": str(artifact)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    statuses = json.loads(done.stdout)["statuses"]
    expected = {path.name: 422 if path.name.startswith("bad-request") else 200 for path in EVENTS}
    assert {name: statuses[name] for name in expected} == expected
    assert [statuses[path] for path in ("/docs", "/openapi.json")] == [404, 404]


def test_nothing_comes_from_elsewhere_and_all_of_it_is_bytecode(probe: dict[str, Any], layer: Path) -> None:
    names = {"handler", *(path.name.split(".")[0] for path in layer.iterdir())}
    for name, file in probe["files"].items():
        if name.split(".")[0] in names:
            assert file.startswith((str(layer), probe["function"])), name
            assert file.endswith((".pyc", ".so")) or name.split(".")[0] == "handler", name


def test_no_tests_tools_or_paths_of_this_machine(layer: Path) -> None:
    for path in layer.rglob("*"):
        assert path.name not in {"tests", "testing", "bin", "RECORD", "__pycache__"}, path
        assert path.suffix not in {".pyi", ".h", ".a", ".py"}, path
        if path.suffix == ".pyc":
            assert str(ROOT).encode() not in path.read_bytes(), path


def test_licences_are_kept(layer: Path) -> None:
    texts = [
        path for path in layer.rglob("*") if re.match(r"(?i)licen[sc]e|copying", path.name) and path.is_file()
    ]
    for package in ("numpy", "fastapi", "onnxruntime", "pydantic"):
        assert any(path.relative_to(layer).parts[0].startswith(package) for path in texts), package


def test_files_are_readable_by_lambdas_user(layer: Path) -> None:
    for path in layer.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o755 if path.is_dir() or path.suffix == ".so" else 0o644), path


def test_the_layer_keeps_to_its_budget(layer: Path) -> None:
    assert size_of(layer) <= RUNTIME_BUDGET


@pytest.mark.aws
@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_the_same_lock_gives_the_same_bytes(arch: str, tmp_path: Path) -> None:
    python313()
    run_build("--target", target(arch), "--out", str(tmp_path / "elsewhere"))
    assert digests(tmp_path / "elsewhere" / "python") == digests(runtime_layer(arch) / "python")


def digests(tree: Path) -> dict[str, tuple[int, float, str]]:
    """Path -> mode, time and SHA-256: all that a zip of the tree is made of."""
    return {
        str(path.relative_to(tree)): (
            path.stat().st_mode,
            path.stat().st_mtime,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in tree.rglob("*")
        if path.is_file()
    }


def test_the_functions_own_bytecode_is_used_whatever_the_files_times(tmp_path: Path) -> None:
    function = build_function(tmp_path)
    python313()
    # All others are in one file (tests/test_bundled.py).
    compiled = list(function.rglob("*.cpython-313.pyc"))
    assert {path.name.partition(".")[0] for path in compiled} == {
        "__init__",
        "app",
        "bundled",
        "later",
        "light_typing",
        "named",
    }
    assert {path.parent for path in compiled} == {function / "handler" / "__pycache__"}
    # PEP 552: bit 0 is hash-based, bit 1 would check the source.
    assert {struct.unpack_from("<I", path.read_bytes(), 4)[0] for path in compiled} == {0b01}
