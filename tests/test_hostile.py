"""Hostile artifacts are refused by one sentence with a remedy: no traceback, no hang, no newline in it."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damage import EMBEDDINGS, agree, entry_of, read_manifest, without_wordpieces, write_manifest
from hostile import OF_ANY, WITH_SCAN

from export.build.write_scan import ScanPlan, write_scan
from handler.artifact import DOCUMENTS_FILE, SCAN_FILES
from handler.bound import Scan
from handler.errors import ArtifactError
from handler.manifest import REMEDY
from handler.scores import Embeddings
from handler.searcher import Searcher

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def scanned(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny artifact with a scan, which its corpus is too small for otherwise. Not to be changed."""
    out = tmp_path_factory.mktemp("scanned") / "artifact"
    shutil.copytree(tiny_artifact, out)
    fields = read_manifest(out)
    count, dim = fields["count"], fields["dim"]
    write_scan(Embeddings.load(out, count, dim), out, ScanPlan(min_rows=1))
    for name in SCAN_FILES:
        fields["files"][name] = {"bytes": 0, "sha256": "0" * 64}
    fields["scan_crc32"] = Scan.load(out, count, dim).checksums(out)
    write_manifest(out, fields)
    agree(out)
    return out


@pytest.fixture
def own(scanned: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage; it loads."""
    shutil.copytree(scanned, tmp_path / "own")
    Searcher.load(tmp_path / "own")
    return tmp_path / "own"


def refused(directory: Path) -> str:
    """What loading says."""
    with pytest.raises(ArtifactError) as raised:
        Searcher.load(directory)
    message = str(raised.value)
    assert REMEDY in message
    assert message.splitlines() == [message]
    assert message.isprintable()
    message.encode()
    assert len(message) < 1_000
    return message


@pytest.mark.parametrize("name", OF_ANY)
def test_a_hostile_artifact_is_refused(own: Path, name: str) -> None:
    OF_ANY[name](own)
    refused(own)


@pytest.mark.parametrize("name", WITH_SCAN)
def test_a_hostile_scan_is_refused(own: Path, name: str) -> None:
    WITH_SCAN[name](own)
    refused(own)


def test_no_product_of_thousands_of_axes_is_made(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    multiplied = []

    def counted(shape: tuple[int, ...]) -> int:
        multiplied.append(len(shape))
        return prod(shape)

    prod = math.prod
    monkeypatch.setattr("handler.safetensors.math.prod", counted)
    # Each time twice as many would take four times as long.
    entry_of(EMBEDDINGS, shape=[9_999_999] * 20_000)(own)
    assert "'embeddings' has 20,000 axes, not 8 at most" in refused(own)
    assert max(multiplied, default=0) <= 8


def test_an_artifact_without_checksums_loads(own: Path) -> None:
    fields = read_manifest(own)
    del fields["scan_crc32"]
    write_manifest(own, fields)
    assert Searcher.load(own).search("storm", 3)


def test_checksums_for_a_scan_that_is_not_there(own: Path) -> None:
    fields = read_manifest(own)
    for name in SCAN_FILES:
        del fields["files"][name]
    write_manifest(own, fields)
    assert Searcher.load(own).search("storm", 3)


SMALL = [
    *(
        "manifest.json",
        "tokenizer.json",
        "wordpieces.json",
        "model.onnx",
        "documents.offsets.npy",
        "embeddings.safetensors",
    ),
    *("scan.onnx", "scan.safetensors", "columns.safetensors", "ids.safetensors"),
]


@pytest.mark.parametrize("name", SMALL)
def test_random_damage_is_refused_or_does_no_harm(own: Path, name: str) -> None:
    rng = random.Random(name)
    path = own / name
    if name == "tokenizer.json":
        without_wordpieces(own)
    whole, manifest = path.read_bytes(), (own / "manifest.json").read_bytes()
    refusals: list[str] = []
    for _ in range(80):
        data = bytearray(whole)
        match rng.randrange(4):
            case 0:
                del data[rng.randrange(len(data)) :]
            case 1:
                place = rng.randrange(len(data))
                del data[place : place + rng.randrange(1, 9)]
            case 2:
                for _ in range(rng.randrange(1, 4)):
                    # Most of a file's structure is in its beginning.
                    data[rng.randrange(min(len(data), rng.choice([64, 512, 10**9])))] ^= 1 << rng.randrange(8)
            case 3:
                data[rng.randrange(min(len(data), 512))] = rng.randrange(256)
        (own / "manifest.json").write_bytes(manifest)
        path.write_bytes(data)
        if name != "manifest.json":
            agree(own)
        try:
            Searcher.load(own)
        except ArtifactError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert [message for message in refusals if message.splitlines() != [message]] == []


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"[" * 5_000, b"[]", b"null", b"{}", b'{"id": 1, "text": "a", "metadata": {}}', b"\xff"),
        *(b'{"id": "a", "text": null, "metadata": {}}', b'{"id": "a", "text": "a", "metadata": []}'),
        b'{"id": "a", "text": "a"}',
        b'{"id": "a", "text": "a", "metadata": {"x": NaN}}',
    ],
)
def test_a_damaged_line_is_told_when_it_is_read(own: Path, line: bytes) -> None:
    path = own / DOCUMENTS_FILE
    first, rest = path.read_bytes().split(b"\n", 1)
    if len(line) > len(first):
        # A deep line needs room: the offsets move with it.
        offsets = np.load(own / "documents.offsets.npy")
        offsets[1:] += np.uint64(len(line) - len(first))
        np.save(own / "documents.offsets.npy", offsets)
    path.write_bytes(line.ljust(len(first)) + b"\n" + rest)
    agree(own)
    searcher = Searcher.load(own)
    with pytest.raises(ArtifactError, match=r"documents.jsonl, line 1 is damaged: run"):
        searcher.local.documents[0]
    assert searcher.local.documents[1].id == "t1"


def import_app(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import handler.app"],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "name",
    [
        *(
            "garbage as model.onnx",
            "model.onnx empty",
            "a deep manifest",
            "a deep tokenizer",
            "a vast max_length",
        ),
        *(
            "1e999 as dim",
            "documents.offsets.npy empty",
            "an unknown operator",
            "half a pair in the query's prompt",
        ),
        *("garbage as scan.onnx", "scan.onnx empty", "a scan of another input", "a scan of another shape"),
        *("vast offsets", "an npy header that isn't closed"),
        *("a pipe as manifest.json", "a pipe as tokenizer.json"),
    ],
)
def test_the_process_ends_with_one_line(own: Path, name: str) -> None:
    if name.startswith("a pipe"):
        path = own / name.split()[-1]
        path.unlink()
        os.mkfifo(path)
        if path.name != "manifest.json":
            agree(own)
    else:
        {**OF_ANY, **WITH_SCAN}[name](own)
    done = import_app(own)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("seeklet: ")
    assert done.stderr.count("\n") == 1
    assert REMEDY in done.stderr
