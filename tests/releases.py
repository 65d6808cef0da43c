"""Releases in a FakeS3: artifacts that answer differently, and the pointer that names one of them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from fake_s3 import FakeS3
from texts import TEXTS
from unsigned import unsigned

from handler.errors import ArtifactError
from handler.function import Function
from handler.pointer import Pointer, Release, parse_pointer
from handler.settings import Settings

URI = "s3://bucket/search/current"
POINTER = "search/current"
QUERY = "storms over the coast"
DOCUMENTS = 12


def write_corpus(folder: Path, name: str, first: int = 0) -> Path:
    """Some of the texts, whose ids begin with the name of the release."""
    chosen = [TEXTS[(first + row) % len(TEXTS)] for row in range(DOCUMENTS)]
    lines = [
        json.dumps({"id": f"{name}-{row}", "text": f"{text.text} {name}", "topic": text.topic})
        for row, text in enumerate(chosen)
    ]
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def make_releases(folder: Path, model: Path, cache: Path, names: Iterable[str]) -> dict[str, Path]:
    """An artifact of its own for each name, all of one model."""
    # Imported here: whoever only serves releases needs nothing of the build.
    from exports import conversions_in

    from export.build.options import BuildOptions
    from export.build.pipeline import build
    from export.build.progress import Progress

    made = {}
    texts = folder.with_name(f"{folder.name}-texts")
    texts.mkdir(exist_ok=True)
    with conversions_in(str(cache)):
        for first, name in enumerate(names):
            made[name] = folder / name
            options = BuildOptions(
                corpus=str(write_corpus(texts, name, first)),
                text=["text"],
                id="id",
                metadata=["topic"],
                model=str(model),
                out=made[name],
                thresholds=None,
                threads=1,
            )
            build(options, Progress(quiet=True))
    return made


def spoil(artifact: Path, out: Path, name: str, content: bytes) -> Path:
    """A copy of an artifact with another content of one file, and a manifest that agrees with it."""
    shutil.copytree(artifact, out)
    (out / name).write_bytes(content)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (out / "manifest.json").write_text(json.dumps(unsigned(manifest)))
    return out


def upload(s3: FakeS3, artifact: Path, *, without: str = "", damaged: str = "") -> Release:
    """Puts an artifact's files where `seeklet release` puts them, but for one file, or one file's last byte."""
    manifest = (artifact / "manifest.json").read_bytes()
    release = Release(
        f"releases/{hashlib.sha256(manifest).hexdigest()[:16]}", hashlib.sha256(manifest).hexdigest()
    )
    for path in artifact.iterdir():
        content = path.read_bytes()
        if path.name == damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if path.name != without:
            s3.objects[f"search/{release.folder}/{path.name}"] = content
    return release


def point(s3: FakeS3, release: Release) -> Release:
    """Moves the pointer, as `seeklet release` does."""
    before = s3.objects.get(POINTER)
    try:
        previous = None if before is None else parse_pointer(before, POINTER).current
    except ArtifactError:
        previous = None
    s3.objects[POINTER] = Pointer(release, previous, "2026-11-23T10:00:00Z").to_json()
    return release


def publish(s3: FakeS3, artifact: Path, **damage: str) -> Release:
    """Uploads a release, and moves the pointer to it."""
    return point(s3, upload(s3, artifact, **damage))


def load(**variables: str) -> Function:
    """The function over the pointer."""
    environ = {"ARTIFACT_URI": URI, "REFRESH_SECONDS": "1", "THREADS": "1", **variables}
    return Function.load(Settings.from_env(environ))
