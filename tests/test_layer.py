"""The layers: locked for every target, whole in isolation, pruned, reproducible, and refused when too large."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import stat
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lambda_tools import (
    EVENTS,
    ROOT,
    RUNTIME,
    build_function,
    load_script,
    python313,
    run_build,
    runtime_layer,
    target,
)

build = load_script(RUNTIME / "build.py")
size = load_script(ROOT / "layers" / "size.py")
copy_artifact = load_script(ROOT / "layers" / "model" / "copy_artifact.py")

PIN = re.compile(r"([a-z0-9-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")

# Answers every event and the documentation, then tells what was loaded from where.
PROBE = """
import json, pathlib, sys
layer, function, events = sys.argv[1:]
sys.path[:0] = [function, layer]
from handler.app import handler
statuses = {}
for path in sorted(pathlib.Path(events).glob("*.json")):
    statuses[path.name] = handler(json.loads(path.read_text()), None)["statusCode"]
event = json.loads((pathlib.Path(events) / "health.json").read_text())
for path in ("/docs", "/openapi.json", "/nowhere"):
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    statuses[path] = handler(event, None)["statusCode"]
files = {name: module.__file__ for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(json.dumps({"statuses": statuses, "files": files}))
"""


def lock(name: str) -> dict[str, str]:
    """Distribution -> version of a target's lock."""
    lines = (RUNTIME / name / "requirements.txt").read_text().splitlines()
    pins = [PIN.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(pins), f"{name}: a line has no hash"
    return {pin[1]: pin[2] for pin in pins if pin}


@pytest.mark.parametrize("name", build.TARGETS)
def test_every_target_is_locked_as_the_export_is(name: str) -> None:
    pinned = re.findall(r"^([A-Za-z0-9_-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    versions = {package.lower().replace("_", "-"): version for package, version in pinned}
    locked = lock(name)
    assert {"numpy", "onnxruntime", "tokenizers", "fastapi", "mangum"} <= locked.keys()
    assert locked == {package: versions[package] for package in locked}
    assert not locked.keys() & {line.pattern for line in build.read_prune() if line.distribution}


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
    assert build.size_of(layer) <= size.RUNTIME_BUDGET


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
    compiled = list(function.rglob("*.cpython-313.pyc"))
    assert len(compiled) == len(list((ROOT / "handler").glob("*.py")))
    # PEP 552: bit 0 is hash-based, bit 1 would check the source.
    assert {struct.unpack_from("<I", path.read_bytes(), 4)[0] for path in compiled} == {0b01}


# --- strip, against the loader's own view of the file


def segments(library: bytes) -> list[tuple[int, ...]]:
    """The program headers: type, flags, offset, address, physical address, bytes in file, in memory, alignment."""
    (start,) = struct.unpack_from("<Q", library, 32)
    step, count = struct.unpack_from("<HH", library, 54)
    return [struct.unpack_from("<IIQQQQQQ", library, start + step * row) for row in range(count)]


def test_stripping_keeps_every_segment() -> None:
    for name in ("numpy._core._multiarray_umath", "tokenizers.tokenizers"):
        before = Path(str(importlib.import_module(name).__file__)).read_bytes()
        after = build.strip(before)
        assert len(after) < len(before)
        for old, new in zip(segments(before), segments(after), strict=True):
            # All but the offset stands; that keeps its place in a page, as mmap needs it.
            assert (old[:2], old[3:]) == (new[:2], new[3:])
            assert (old[2] - new[2]) % max(old[7], 1) == 0
            held = after[new[2] : new[2] + new[5]]
            wanted = bytearray(before[old[2] : old[2] + old[5]])
            if old[2] == 0 and old[0] == build.PT_LOAD:
                # The first holds the headers themselves, which were rewritten.
                headers = struct.unpack_from("<Q", after, 32)[0] + 56 * len(segments(after))
                held, wanted = held[headers:], wanted[headers:]
            if old[0] != 6:  # PT_PHDR: the rewritten program headers
                assert held == bytes(wanted)
        assert build.strip(after) == after


# --- refusals


def test_a_prune_line_needs_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prune.txt").write_text("# comment\n\nnumpy/f2py  # compiles Fortran\nnumpy/random\n")
    monkeypatch.setattr(build, "HERE", tmp_path)
    with pytest.raises(build.BuildError, match="line 4"):
        list(build.read_prune())


def test_a_stale_prune_line_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prune.txt").write_text("without left-pad  # gone\ngone/*  # once a package\n")
    monkeypatch.setattr(build, "HERE", tmp_path)
    with pytest.raises(build.BuildError, match=re.escape("gone/* matches nothing")):
        build.prune(tmp_path)


def test_a_wheel_of_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (RUNTIME / target() / "requirements.txt").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("annotated-doc==")]
    (tmp_path / target()).mkdir()
    (tmp_path / target() / "requirements.txt").write_text(re.sub(r"[0-9a-f]{64}", "0" * 64, line) + "\n")
    monkeypatch.setattr(build, "HERE", tmp_path)
    with pytest.raises(build.BuildError, match="can't install"):
        build.install(target(), tmp_path / "out")


def test_a_build_over_the_limit_stops_with_its_parts_and_ways_on(
    tmp_path: Path, artifact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for resource in size.RESOURCES:
        (tmp_path / resource / "inner").mkdir(parents=True)
        (tmp_path / resource / "inner" / "tiny").write_bytes(b"x")
    large = tmp_path / "RuntimeLayer" / "inner" / "large.so"
    with large.open("wb") as file:
        file.truncate(size.LIMIT - len(size.RESOURCES) + 1)
    monkeypatch.setattr(sys, "argv", ["size.py", str(tmp_path)])
    assert size.main() == 2
    told = capsys.readouterr().err
    for word in ("RuntimeLayer/large.so", "250.0 MB", "--dtype", "container image", "in all"):
        assert word in told
    (tmp_path / "ModelLayer" / "artifact").mkdir()
    (tmp_path / "ModelLayer" / "artifact" / "manifest.json").symlink_to(artifact / "manifest.json")
    large.unlink()
    assert size.main() == 0
    assert "like these fit" in capsys.readouterr().out


def test_an_artifact_that_can_not_fit_is_refused_before_the_layers_are_built(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert copy_artifact.check(artifact) is None
    assert copy_artifact.check_size(artifact) is None
    monkeypatch.setattr(copy_artifact, "RUNTIME_BUDGET", size.LIMIT - 1_000_000)
    refusal = copy_artifact.check_size(artifact)
    assert refusal
    assert "artifact/model.onnx" in refusal
    assert "ways on" in refusal


def test_the_model_layer_is_the_manifests_files_and_anyone_may_read_them(
    own_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_artifact / "model.onnx").chmod(0o600)
    (own_artifact / "notes.txt").write_text("not the artifact's")
    out = tmp_path / "layer" / "artifact"
    monkeypatch.setattr(sys, "argv", ["copy_artifact.py", str(own_artifact), str(out)])
    assert copy_artifact.main() == 0
    listed = json.loads((own_artifact / "manifest.json").read_text())["files"]
    assert {path.name for path in out.iterdir()} == {"manifest.json", *listed}
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o644}


def test_of_an_artifact_on_s3_nothing_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ModelLayer" / "artifact"
    monkeypatch.setattr(sys, "argv", ["copy_artifact.py", "s3://bucket/prefix", str(out)])
    assert copy_artifact.main() == 0
    assert [path.name for path in out.iterdir()] == ["on-s3.txt"]
    for resource in ("SearchFunction", "RuntimeLayer"):
        (tmp_path / resource / "inner").mkdir(parents=True)
        (tmp_path / resource / "inner" / "tiny").write_bytes(b"x")
    monkeypatch.setattr(sys, "argv", ["size.py", str(tmp_path)])
    assert size.main() == 0
    assert "in all" in capsys.readouterr().out


def test_a_damaged_artifact_is_not_shipped(own_artifact: Path) -> None:
    path = own_artifact / "documents.jsonl"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "documents.jsonl is not what its manifest says" in str(copy_artifact.check(own_artifact))
    path.unlink()
    assert "lacks documents.jsonl" in str(copy_artifact.check(own_artifact))
    assert "is not an artifact" in str(copy_artifact.check(own_artifact / "nowhere"))
