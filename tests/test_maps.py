"""The map that the handler reads from an artifact."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from exports import Export, write_texts
from safetensors.numpy import load_file, save_file
from texts import TEXTS

from export.build.write_map import project, to_points
from handler.artifact import MAP_FILE, Artifact
from handler.errors import ArtifactError, OptionError
from handler.manifest import Manifest
from handler.maps import Map, sample
from handler.scores import Embeddings


def test_an_export_draws_a_map(tiny_artifact: Path) -> None:
    artifact = Artifact.open(tiny_artifact)
    manifest = artifact.manifest
    embeddings = Embeddings.load(tiny_artifact, manifest.rows, manifest.dim)
    places, explained = project(embeddings)
    assert manifest.map == {"method": "pca", "explained": explained}
    assert MAP_FILE in manifest.files
    loaded = Map.open(artifact)
    assert loaded is not None
    assert loaded.count == len(TEXTS)
    np.testing.assert_array_equal(loaded.points(), to_points(places))
    np.testing.assert_array_equal(loaded.points(), load_file(tiny_artifact / MAP_FILE)["points"])


def test_passages_give_a_place_for_each_document(export: Export, tmp_path: Path) -> None:
    texts = [" ".join(f"{text.text}." for text in TEXTS[row : row + 4]) for row in range(20)]
    corpus = write_texts(tmp_path / "long.txt", texts)
    manifest = export(corpus, tmp_path / "out", passages=True).manifest
    assert manifest.rows > manifest.count == 20
    loaded = Map.open(Artifact.open(tmp_path / "out"))
    assert loaded is not None
    assert loaded.points().shape == (manifest.count, 2)


def test_an_artifact_without_a_map(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    manifest = export(corpus_file, tmp_path / "out", map="none").manifest
    assert manifest.map is None
    assert MAP_FILE not in manifest.files
    assert Map.open(Artifact.open(tmp_path / "out")) is None
    # The manifest of an artifact that was made before there were maps.
    fields = {name: value for name, value in manifest.fields().items() if name != "map"}
    assert Manifest.parse(json.dumps(fields).encode(), "old") == manifest


def test_another_map_is_drawn_without_embedding(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "out", map="none")
    again = export(corpus_file, tmp_path / "out")
    assert (again.up_to_date, again.embedded) == (False, 0)
    assert again.manifest.map is not None


def test_an_unknown_method_is_refused_before_the_corpus_is_read(
    export: Export, bad_corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="--map is 'tsne': choose one of pca, umap, none"):
        export(bad_corpus, tmp_path / "out", map="tsne")
    assert not (tmp_path / "out").exists()


def test_opening_reads_nothing(tmp_path: Path, tiny_artifact: Path) -> None:
    manifest = Artifact.open(tiny_artifact).manifest
    loaded = Map.open(Artifact(tmp_path, manifest))
    assert loaded is not None
    with pytest.raises(ArtifactError, match=r"map\.safetensors can't be read"):
        loaded.points()


@pytest.mark.parametrize(
    "tensors",
    [
        {"points": np.zeros((3, 2), np.uint16)},
        {"points": np.zeros((len(TEXTS), 2), np.int32)},
        {"places": np.zeros((len(TEXTS), 2), np.uint16)},
    ],
    ids=["fewer", "another type", "another name"],
)
def test_a_map_that_disagrees_is_refused(
    tmp_path: Path, tiny_artifact: Path, tensors: dict[str, np.ndarray]
) -> None:
    save_file(tensors, tmp_path / MAP_FILE)
    loaded = Map.open(Artifact(tmp_path, Artifact.open(tiny_artifact).manifest))
    assert loaded is not None
    with pytest.raises(
        ArtifactError, match=f"not the points of {len(TEXTS)} documents: run `seeklet export`"
    ):
        loaded.points()


def test_a_manifest_with_a_map_lists_its_file(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    manifest = export(corpus_file, tmp_path / "out", map="none").manifest
    wrong = manifest._replace(map={"method": "pca"})
    (tmp_path / "out" / "manifest.json").write_bytes(wrong.to_json())
    with pytest.raises(ArtifactError, match=r"lists no map\.safetensors"):
        Artifact.open(tmp_path / "out")


@pytest.mark.parametrize(("count", "most"), [(10, 3), (1000, 999), (123_457, 1000)])
def test_a_sample_is_even(count: int, most: int) -> None:
    chosen = sample(count, most)
    assert chosen is not None
    assert chosen.tolist() == [place * count // most for place in range(most)]
    assert np.ptp(np.diff(chosen.astype(np.int64))) <= 1


def test_all_are_taken_where_they_fit() -> None:
    assert sample(10, 10) is None
    assert sample(0, 10) is None
