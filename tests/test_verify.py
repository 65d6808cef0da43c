"""The gate: its figures against numpy's, and that it notices a model that is off."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import Export, stored_values
from numpy.typing import NDArray
from safetensors.numpy import save_file
from unsigned import unsigned

from export.build.gate import DOCUMENTS, Compared, Thresholds, check_stored, measure, overlap, verify_artifact
from export.build.options import BuildOptions
from export.build.pipeline import build
from export.build.progress import Progress
from export.build.sample import sample_rows
from export.model.convert import convert
from export.model.fp32 import Fp32Encoder
from export.model.source_model import find_model
from handler.artifact import Artifact, file_sha256
from handler.encoder import Encoder
from handler.errors import ArtifactError, ModelError, VerifyError
from handler.scores import Embeddings
from handler.session import open_session
from handler.tokenizer import BoundedTokenizer, load_tokenizer

pytestmark = pytest.mark.usefixtures("use_tiny_cache")

FIDELITY = {"cosine_mean": 0.99, "cosine_least": 0.95, "overlap": 0.9}
FIGURES = {**FIDELITY, "stored_least": 0.99}


def test_figures_at_the_threshold_pass() -> None:
    Thresholds(0.99, 0.95, 0.9).check(FIGURES)


@pytest.mark.parametrize(
    ("thresholds", "sentence"),
    [
        (Thresholds(0.991, 0, 0), "cosine mean is 0.99, the least allowed is 0.991: lower"),
        (Thresholds(0, 0.96, 0), "cosine least is 0.95, the least allowed is 0.96: lower"),
        (Thresholds(0, 0, 1), "overlap is 0.9, the least allowed is 1: lower"),
        (Thresholds(1, 0, 1), "cosine mean is 0.99, the least allowed is 1; overlap is 0.9, the least"),
    ],
)
def test_whatever_falls_short_is_told(thresholds: Thresholds, sentence: str) -> None:
    with pytest.raises(VerifyError) as refused:
        thresholds.check(FIGURES)
    assert str(refused.value).startswith(f"the int8 model is too far from fp32: {sentence}")


class Worn:
    """An encoder's session, its answers pushed off by `size` times their own, a text of the same length always the same way."""

    def __init__(self, session: Any, size: float) -> None:
        self.session = session
        self.size = size

    def run(self, names: Any, feed: dict[str, NDArray[np.int64]]) -> list[NDArray[np.float32]]:
        (values,) = self.session.run(names, feed)
        push = (
            np.random.default_rng(len(values[0])).standard_normal(values.shape[-1]).astype(np.float32)
            * self.size
        )
        return [values + push * np.abs(values).mean()]


def test_overlap_by_hand_and_with_equal_texts() -> None:
    chooser = np.random.default_rng(5)
    theirs = chooser.random((30, 50)).astype(np.float32)
    ours = theirs + chooser.normal(0, 0.05, theirs.shape).astype(np.float32)
    both = [
        len(set(np.argsort(-a)[:10]) & set(np.argsort(-b)[:10])) / 10
        for a, b in zip(ours, theirs, strict=True)
    ]
    assert overlap(ours, theirs) == pytest.approx(np.mean(both))
    assert overlap(theirs[:, :7], ours[:, :7]) == 1
    # Each text stands there five times. Rounding alone decides which of them comes first.
    noise = chooser.normal(0, 1e-8, (2, 30, 50)).astype(np.float32)
    repeated = np.repeat(theirs[:, :10], 5, axis=1)
    assert overlap(repeated + noise[0], repeated + noise[1]) == 1
    # Their best ones are two texts, five times each; ours has one of the two.
    one, other = np.zeros((1, 50), np.float32), np.zeros((1, 50), np.float32)
    one[0, :5], one[0, 5:10], other[0, :5], other[0, 10:15] = 1, 0.9, 1, 0.9
    assert overlap(one, other) == 0.5


@pytest.mark.parametrize("name", FIGURES)
def test_nan_falls_short_of_every_threshold(name: str) -> None:
    with pytest.raises(VerifyError, match=f"{name.replace('_', ' ')} is nan, the least allowed is"):
        Thresholds(0, 0, 0, 0).check({**FIGURES, name: math.nan})


def test_stored_vectors_that_fall_short_are_told() -> None:
    with pytest.raises(VerifyError) as refused:
        Thresholds().check({**FIGURES, "stored_least": 0.9899})
    assert str(refused.value) == (
        "the stored vectors aren't those of the documents: stored least is 0.9899, the least allowed is 0.99: "
        "run the export again with --force"
    )


Measure = Callable[..., dict[str, Any]]


@pytest.fixture
def measured(tiny_model: Path, tiny_artifact: Path) -> Measure:
    """The figures of the tiny artifact, with a model that is off by `size`, or with other stored rows."""
    artifact = Artifact.open(tiny_artifact)
    manifest = artifact.manifest
    tokenizer = load_tokenizer(tiny_artifact / "tokenizer.json", manifest.max_length)
    fp32 = Fp32Encoder(convert(find_model(str(tiny_model), None, None)).fp32, tokenizer, "mean")

    def measure_worn(size: float = 0, stored: Embeddings | None = None) -> dict[str, Any]:
        session = Worn(open_session(tiny_artifact / "model.onnx"), size)
        bounded = BoundedTokenizer(tokenizer, manifest.max_length)
        int8 = Encoder(session, bounded, pooling="mean", dim=manifest.dim)
        return measure(
            tiny_artifact,
            stored or Embeddings.load(tiny_artifact, manifest.count, manifest.dim),
            Compared(int8, fp32, ""),
            Compared(int8, fp32, ""),
        )

    return measure_worn


def test_a_model_that_is_off_is_noticed(measured: Measure, texts: list[str]) -> None:
    good, worse, bad = measured(0), measured(0.5), measured(3)
    assert (good["documents"], good["queries"]) == (len(texts), len(texts))
    assert good["cosine_mean"] >= 0.999
    for name in FIDELITY:
        assert 1 >= good[name] > worse[name] > bad[name]
    assert good["stored_least"] >= 0.9999
    Thresholds().check(good)
    with pytest.raises(VerifyError, match=r"cosine mean .*; cosine least .*; overlap "):
        Thresholds(stored_least=-1).check(bad)


def swapped(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows[[1, 0, *range(2, len(rows))]]


def halved(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half of one row's entries lost."""
    rows[7, ::2] = 0
    return rows


def not_a_number(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    rows[7, 3] = np.nan
    return rows


def lost(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    rows[7] = 0
    return rows


@pytest.mark.parametrize("damage", [swapped, halved, not_a_number, lost])
def test_damaged_stored_vectors_are_noticed(
    measured: Measure, tiny_artifact: Path, damage: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> None:
    rows = stored_values(tiny_artifact)
    figures = measured(stored=Embeddings(damage(rows)))
    assert not figures["stored_least"] >= 0.99
    with pytest.raises(VerifyError, match="the stored vectors aren't those of the documents"):
        Thresholds(0, 0, 0).check(figures)


def store(artifact: Path, rows: NDArray[np.float32]) -> None:
    """Puts other vectors into an artifact, with the hash that they have."""
    path = artifact / "embeddings.safetensors"
    save_file({"embeddings": rows}, path)
    manifest, digest = json.loads((artifact / "manifest.json").read_bytes()), file_sha256(path)
    manifest["files"][path.name] = {"bytes": path.stat().st_size, "sha256": digest}
    (artifact / "manifest.json").write_text(json.dumps(unsigned(manifest)))


def test_verify_finds_swapped_vectors_whose_hash_is_right(
    tiny_model: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    out = tmp_path / "swapped"
    shutil.copytree(tiny_artifact, out)
    store(out, swapped(stored_values(out)))
    figures = verify_artifact(out, str(tiny_model), None, threads=1)
    with pytest.raises(VerifyError, match="the stored vectors aren't those of the documents"):
        Thresholds().check(figures)


@pytest.mark.parametrize(("damage", "length"), [(np.nan, "nan"), (2, "2"), (0, "0")])
def test_verify_reads_every_stored_vector(
    fresh: Path, tiny_model: Path, tmp_path: Path, damage: float, length: str
) -> None:
    """Also one that the sample leaves out, and one whose cosine is right and whose length isn't."""
    out = tmp_path / "damaged"
    shutil.copytree(fresh, out)
    rows = stored_values(out)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    (left_out, *_) = np.setdiff1d(np.arange(len(rows)), sample_rows(len(rows), DOCUMENTS))
    rows[left_out] *= np.float32(damage)
    store(out, rows)
    with pytest.raises(VerifyError, match=f"the vector of row {left_out} .* has the length {length}, not 1"):
        verify_artifact(out, str(tiny_model), None, threads=1)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_rounded_vectors_pass(
    export: Export, corpus_file: Path, texts: list[str], tmp_path: Path, dtype: str
) -> None:
    figures = export(corpus_file, tmp_path / "out", dtype=dtype, thresholds=Thresholds()).manifest.verify
    assert figures is not None
    assert figures["stored_least"] >= 0.9999
    check_stored(Embeddings.load(tmp_path / "out", len(texts), 32))


def test_an_export_from_python_is_verified() -> None:
    options = BuildOptions(corpus="corpus.csv", text=["text"], out=Path("out"))
    assert options.thresholds == Thresholds()


def test_an_artifact_is_verified_as_it_was_when_it_was_made(tiny_model: Path, tiny_artifact: Path) -> None:
    figures = verify_artifact(tiny_artifact, str(tiny_model), None, threads=2)
    assert figures == Artifact.open(tiny_artifact).manifest.verify


def test_a_folders_model_must_be_named(tiny_artifact: Path) -> None:
    with pytest.raises(ModelError, match=r"from the folder tiny-bert: say where it is with --model"):
        verify_artifact(tiny_artifact, None, None, threads=1)


def test_another_model_is_refused(tiny_artifact: Path) -> None:
    from export.model.places import default_folder

    with pytest.raises(ModelError, match=r"has SHA-256 53aa51172d.*, expected "):
        verify_artifact(tiny_artifact, str(default_folder()), None, threads=1)


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no manifest\.json"):
        verify_artifact(tmp_path, None, None, threads=1)


@pytest.mark.parametrize("pooling", ["max", "cls"])
def test_another_pooling_is_measured_by_its_own(
    tiny_model: Path, corpus_file: Path, tmp_path: Path, pooling: str
) -> None:
    options = BuildOptions(
        corpus=str(corpus_file),
        text=["text"],
        model=str(tiny_model),
        pooling=pooling,
        query_prompt="storm ",
        document_prompt="a ",
        out=tmp_path / "out",
        thresholds=Thresholds(cosine_mean=0.999),
    )
    figures = build(options, Progress(quiet=True)).manifest.verify
    assert figures is not None
    assert figures == verify_artifact(tmp_path / "out", str(tiny_model), None, threads=1)
