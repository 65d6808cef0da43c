"""`seeklet info`: what the manifest says, for people and for programs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from command import refusal, run_in_terminal, run_seeklet
from unsigned import unsigned

from handler.artifact import Artifact


def test_json_where_it_is_piped(artifact: Path) -> None:
    done = run_seeklet("info", artifact)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = json.loads(done.stdout)
    manifest = json.loads((artifact / "manifest.json").read_text())
    del manifest["manifest_crc32"]
    assert shown == manifest | {"bytes": sum(entry["bytes"] for entry in manifest["files"].values())}
    assert run_seeklet("info", environ={"ARTIFACT_DIR": str(artifact)}).stdout == done.stdout


def test_in_a_terminal(tiny_artifact: Path) -> None:
    artifact = tiny_artifact
    status, shown = run_in_terminal("info", artifact, columns=200)
    assert status == 0
    manifest = Artifact.open(artifact).manifest
    total = sum(entry.bytes for entry in manifest.files.values())
    assert shown.startswith(f"{artifact}: {manifest.count:,} documents, {total / 1e3:.1f} kB\n")
    assert manifest.verify is not None
    for words in (
        f"{manifest.model_id} ({manifest.revision})",
        f"SHA-256 {manifest.weights_sha256}",
        f"{manifest.pooling} pooling, {manifest.max_length} tokens at most, {manifest.dim} dimensions",
        "query none, document none",
        f"cosine mean {manifest.verify['cosine_mean']}, ",
        f"onnxruntime {manifest.versions['onnxruntime']}",
        f"embeddings  {manifest.dtype}\n",
    ):
        assert words in shown
    parts = re.findall(r"^ +([\d.]+) (B|kB|MB) +(\d+)% +(#*) +(\S+)$", shown, re.MULTILINE)
    assert {part[-1] for part in parts} == set(manifest.files)
    for size, unit, percent, bar, name in parts:
        bytes_ = manifest.files[name].bytes
        assert abs(float(size) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit] - bytes_) <= max(0.05 * bytes_, 0)
        assert int(percent) == round(100 * bytes_ / total)
        assert len(bar) <= 20
    assert len(parts[0][3]) == 20
    assert json.loads(run_in_terminal("info", artifact, "--json")[1])["count"] == manifest.count


def test_prompts_and_names_are_made_harmless(tiny_artifact: Path, tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    shutil.copytree(tiny_artifact, folder)
    fields = json.loads((folder / "manifest.json").read_text())
    fields |= {"model_id": "a\x1b[2Jb", "query_prompt": "query: ", "verify": None}
    (folder / "manifest.json").write_text(json.dumps(unsigned(fields)))
    status, shown = run_in_terminal("info", folder)
    assert status == 0
    assert "\x1b" not in shown
    assert "a␛[2Jb" in shown
    assert "query 'query: ', document none" in shown
    assert "not measured (--no-verify)" in shown


def test_something_else(tmp_path: Path) -> None:
    assert refusal(run_seeklet("info", tmp_path)).startswith(f"{tmp_path} has no manifest.json")
    assert refusal(run_seeklet("info", tmp_path / "x")).startswith(
        f"there is no artifact folder {tmp_path}/x"
    )
