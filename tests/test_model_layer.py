"""The model layer and the sizes: what is copied, what is refused, and what a build over the limit says."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from pathlib import Path

import pytest

from handler.artifact import DENSE_FILE, Artifact
from handler.encoder import Encoder
from handler.manifest import Manifest
from handler.manifest_fields import FileEntry
from layers import size
from layers.model import copy_artifact


def built(folder: Path) -> Path:
    """What `sam build` leaves, of one byte a resource."""
    for resource in size.RESOURCES:
        (folder / resource / "inner").mkdir(parents=True)
        (folder / resource / "inner" / "tiny").write_bytes(b"x")
    return folder


def test_a_build_over_the_limit_stops_with_its_parts_and_ways_on(
    tmp_path: Path, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = built(tmp_path) / "RuntimeLayer" / "inner" / "large.so"
    with large.open("wb") as file:
        file.truncate(size.LIMIT - len(size.RESOURCES) + 1)
    assert size.main([str(tmp_path)]) == 2
    told = capsys.readouterr().err
    for word in ("RuntimeLayer/large.so", "250.0 MB", "--dtype", "container image", "in all"):
        assert word in told
    large.unlink()
    copy_artifact.copy(Artifact.open(artifact), tmp_path / "ModelLayer" / "artifact")
    assert size.main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "like these fit" in told
    *parts, total = [line.split(maxsplit=4) for line in told.splitlines()[1:-1]]
    assert total[4] == "in all, of 250 unzipped"
    for place in (0, 2):
        assert float(total[place]) == pytest.approx(
            sum(float(part[place]) for part in parts), abs=0.06 * len(parts)
        )


def test_the_room_is_counted_in_what_grows_with_the_documents(artifact: Path) -> None:
    opened = Artifact.open(artifact)
    told = size.room(opened, size.LIMIT)
    # The layers after the pooling are the model's, and no document brings more of them.
    files = {**opened.manifest.files, DENSE_FILE: FileEntry(size.LIMIT, "0" * 64)}
    assert size.room(opened._replace(manifest=opened.manifest._replace(files=files)), size.LIMIT) == told


def test_a_zipped_size_is_that_of_a_zip(own_artifact: Path, tmp_path: Path) -> None:
    for name in ("documents.jsonl", "embeddings.safetensors", "model.onnx", "tokenizer.json"):
        archive = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.write(own_artifact / name, name)
        assert size.zipped_size(own_artifact / name) == pytest.approx(archive.stat().st_size, abs=100)


def test_an_artifact_that_can_not_fit_is_refused_before_the_layers_are_built(artifact: Path) -> None:
    opened = Artifact.open(artifact)
    assert copy_artifact.size_problem(opened) is None
    held = sum(path.stat().st_size for path in artifact.iterdir())
    assert "container image" in str(copy_artifact.size_problem(opened, runtime_bytes=size.LIMIT - held // 2))


def test_the_model_layer_is_the_manifests_files_and_anyone_may_read_them(
    own_artifact: Path, tmp_path: Path
) -> None:
    (own_artifact / "model.onnx").chmod(0o600)
    (own_artifact / "notes.txt").write_text("not the artifact's")
    out = tmp_path / "layer" / "artifact"
    assert copy_artifact.main([str(own_artifact), str(out)]) == 0
    listed = json.loads((own_artifact / "manifest.json").read_text())["files"]
    assert {path.name for path in out.iterdir()} == {"manifest.json", *listed}
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o644}


@pytest.mark.parametrize(
    "name", ["../F/app.py", "../../F/app.py", "/tmp/app.py", "..", "sub/app.py", "app\0.py", ""]
)
def test_a_path_in_the_manifest_leaves_nothing_outside_its_folder(
    own_artifact: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # As in a build: the layer's folder beside the function's, and an artifact that brings its own app.py.
    code = tmp_path / "build" / "F" / "app.py"
    out = tmp_path / "build" / "artifact"
    for path in (code, own_artifact.parent / "F" / "app.py", own_artifact / "sub" / "app.py"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"hostile")
    code.write_bytes(b"ours")
    manifest = json.loads((own_artifact / "manifest.json").read_text())
    manifest["files"][name] = {"bytes": 7, "sha256": hashlib.sha256(b"hostile").hexdigest()}
    (own_artifact / "manifest.json").write_text(json.dumps(manifest))
    assert copy_artifact.main([str(own_artifact), str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "no name of an artifact's file" in error
    assert code.read_bytes() == b"ours"
    assert not out.exists()


def test_of_an_artifact_on_s3_nothing_is_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = built(tmp_path) / "ModelLayer" / "artifact"
    assert copy_artifact.main(["s3://bucket/prefix", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["on-s3.txt"]
    assert size.main([str(tmp_path)]) == 0
    assert "in all" in capsys.readouterr().out


def test_where_a_database_searches_the_encoder_alone_is_shipped(
    own_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = built(tmp_path) / "ModelLayer" / "artifact"
    assert copy_artifact.main(["--encoder-only", str(own_artifact), str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {
        "manifest.json",
        "model.onnx",
        "model.onnx.data",
        "tokenizer.json",
        "wordpieces.json",
    }
    told = capsys.readouterr().out
    assert float(told.removeprefix("encoder: ").split()[0]) == pytest.approx(
        sum(path.stat().st_size for path in out.iterdir()) / 2**20, abs=0.06
    )
    # The copy answers as the artifact does.
    manifest = Manifest.parse((out / "manifest.json").read_bytes(), "manifest.json")
    query = ["storms in Europe"]
    copied = Encoder.open(Artifact(out, manifest)).encode(query)
    assert (copied == Encoder.load(own_artifact).encode(query)).all()
    assert size.main([str(tmp_path)]) == 0
    assert "in all" in capsys.readouterr().out


def test_a_damaged_artifact_is_not_shipped(
    own_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(source: Path) -> str:
        assert copy_artifact.main([str(source), str(tmp_path / "out")]) == 2
        assert not (tmp_path / "out").exists()
        return capsys.readouterr().err

    path = own_artifact / "documents.jsonl"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "documents.jsonl has SHA-256" in refusal(own_artifact)
    path.unlink()
    assert "lacks documents.jsonl" in refusal(own_artifact)
    assert "there is no artifact" in refusal(own_artifact / "nowhere")
