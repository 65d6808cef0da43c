"""What an export is spared by the one before, and that everything that decides the artifact counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import Export, files, flip_bit, made_up, stored_values, write_texts
from texts import TEXTS
from unsigned import unsigned

from export.build.gate import Thresholds
from export.build.recipe import RECIPE_VERSION
from export.model.convert import convert
from export.model.source_model import find_model
from handler.artifact import KEYWORDS_FILE, MAP_FILE, REQUIRED_FILES, TOKENS_FILE, Artifact
from handler.encoder import Encoder
from handler.errors import ArtifactError

pytestmark = pytest.mark.usefixtures("use_tiny_cache")


def test_unchanged_inputs_need_nothing(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    first = export(corpus_file, tmp_path / "out")
    assert (first.up_to_date, first.embedded) == (False, len(TEXTS))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    again = export(corpus_file, tmp_path / "out", threads=1)
    assert (again.up_to_date, again.embedded, again.manifest) == (True, 0, first.manifest)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_new_version_of_the_recipe_embeds_everything_again(
    export: Export, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(corpus_file, tmp_path / "out")
    for module in ("inputs", "sides"):
        monkeypatch.setattr(f"export.build.{module}.RECIPE_VERSION", RECIPE_VERSION + 1, raising=False)
    again = export(corpus_file, tmp_path / "out")
    assert (again.up_to_date, again.embedded) == (False, len(TEXTS))


@pytest.mark.parametrize(
    "options",
    [
        {"text": ["topic"]},
        {"id": "id"},
        {"metadata": ["topic"]},
        {"pooling": "cls"},
        {"max_length": 12},
        {"query_prompt": "q: "},
        {"document_prompt": "d: "},
        {"dtype": "float16"},
        {"keywords": False},
        {"language": "de"},
        {"share": 0.25},
        {"map": "none"},
        {"thresholds": Thresholds()},
        {"format": "jsonl"},
    ],
)
def test_every_option_counts(
    export: Export, corpus_file: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    export(corpus_file, tmp_path / "out")
    changed = export(corpus_file, tmp_path / "out", **options)
    assert not changed.up_to_date
    before = files(tmp_path / "out")
    export(corpus_file, tmp_path / "elsewhere", **options)
    assert before == files(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("tokenizer_config.json", {"strip_accents": True}),
        ("sentence_bert_config.json", {"max_seq_length": 12}),
        ("config_sentence_transformers.json", {"prompts": {"query": "storm "}}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}),
    ],
)
def test_every_config_of_the_model_counts(
    export: Export,
    corpus_file: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fields: dict[str, Any],
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    # Its weights and graph stay the same: no new conversion for this test.
    converted = convert(find_model(str(tiny_model), None, None))
    monkeypatch.setattr("export.build.sides.convert", lambda model: converted)
    export(corpus_file, tmp_path / "out", model=str(model))
    assert export(corpus_file, tmp_path / "out", model=str(model)).up_to_date
    path = model / name
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**before, **fields}))
    assert not export(corpus_file, tmp_path / "out", model=str(model)).up_to_date


def test_force(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "out")
    before = files(tmp_path / "out")
    again = export(corpus_file, tmp_path / "out", force=True)
    assert (again.up_to_date, again.embedded) == (False, len(TEXTS))
    assert files(tmp_path / "out") == before


def test_a_changed_corpus_embeds_the_new_texts_alone(export: Export, tmp_path: Path) -> None:
    texts = made_up(600)
    texts[5] = " ".join(texts)  # far too long
    corpus = write_texts(tmp_path / "corpus.txt", texts)
    first = export(corpus, tmp_path / "out")
    assert (first.embedded, first.manifest.truncated) == (600, 1 + count_long(texts, tmp_path) - 1)
    changed = [*texts[300:], "a storm of cheese", *texts[:290], texts[3]]
    write_texts(corpus, changed)
    second = export(corpus, tmp_path / "out")
    assert second.embedded == 1
    assert (second.manifest.count, second.manifest.truncated) == (592, count_long(changed, tmp_path))
    alone = export(corpus, tmp_path / "alone")
    assert alone.embedded == 591
    assert files(tmp_path / "out") == files(tmp_path / "alone")


def count_long(texts: Sequence[str], folder: Path) -> int:
    return int(Encoder.load(folder / "out").encode_counted(texts).truncated.sum())


def test_equal_texts_are_embedded_once(export: Export, tmp_path: Path) -> None:
    texts = made_up(3)
    corpus = write_texts(tmp_path / "corpus.txt", texts * 200)
    summary = export(corpus, tmp_path / "out")
    assert (summary.embedded, summary.manifest.count) == (3, 600)
    rows = stored_values(tmp_path / "out")
    assert rows.tobytes() == np.tile(rows[:3], (200, 1)).tobytes()
    np.testing.assert_allclose(rows[:3], Encoder.load(tmp_path / "out").encode(texts), atol=1 / 254)


def test_vectors_of_another_recipe_are_not_reused(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "out")
    assert export(corpus_file, tmp_path / "out", query_prompt="q ").embedded == 0
    assert export(corpus_file, tmp_path / "out", query_prompt="q ", document_prompt="d ").embedded == len(
        TEXTS
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_vectors_are_reused_where_they_give_the_same_bytes(
    export: Export, corpus_file: Path, tmp_path: Path, dtype: str
) -> None:
    export(corpus_file, tmp_path / "out", dtype=dtype)
    before = (tmp_path / "out" / "embeddings.safetensors").read_bytes()
    for turn in range(3):
        assert export(corpus_file, tmp_path / "out", dtype=dtype, share=turn / 4).embedded == 0
        assert (tmp_path / "out" / "embeddings.safetensors").read_bytes() == before
    for other in ("float32", "float16", "int8"):
        copy = tmp_path / other
        shutil.copytree(tmp_path / "out", copy)
        # float32 can be stored as anything; from float16 and int8 there is no way to another type's bytes.
        expected = 0 if dtype in ("float32", other) else len(TEXTS)
        assert export(corpus_file, copy, dtype=other).embedded == expected
        export(corpus_file, tmp_path / f"{other} alone", dtype=other)
        assert files(copy) == files(tmp_path / f"{other} alone")


def test_an_artifact_of_format_1_gives_its_vectors(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(corpus_file, out, dtype="float32", keywords=False)
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["keywords"]
    (out / "manifest.json").write_text(json.dumps(unsigned({**manifest, "format_version": 1})))
    with pytest.raises(ArtifactError) as refused:
        Artifact.open(out)
    assert str(refused.value) == (
        f"{out / 'manifest.json'} says format_version 1, this code reads 2: "
        "run `seeklet export` again with the same options, which takes over its vectors"
    )
    again = export(corpus_file, out)
    assert (again.up_to_date, again.embedded, again.manifest.format_version) == (False, 0, 2)
    export(corpus_file, tmp_path / "alone")
    assert files(out) == files(tmp_path / "alone")


# What vectors are taken over from, and how many texts are embedded where it is damaged.
SOURCES = {
    "embeddings.safetensors": len(TEXTS),
    "documents.jsonl": len(TEXTS),
    "documents.tokens.npy": len(TEXTS),
}


@pytest.mark.parametrize("name", [*REQUIRED_FILES, TOKENS_FILE, KEYWORDS_FILE, MAP_FILE])
def test_damage_is_mended(export: Export, corpus_file: Path, tmp_path: Path, name: str) -> None:
    """Unchanged inputs and sizes: only the hash tells."""
    out = tmp_path / "out"
    export(corpus_file, out)
    expected = files(out)
    flip_bit(out / name, -3)
    again = export(corpus_file, out)
    assert (again.up_to_date, again.embedded) == (False, SOURCES.get(name, 0))
    assert files(out) == expected
    assert export(corpus_file, out).up_to_date


def test_a_damaged_scan_is_mended(export: Export, long_corpus: Path, fresh: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(long_corpus, out)
    flip_bit(out / "scan.bin", 1000)
    assert export(long_corpus, out).embedded == 0
    assert files(out) == files(fresh)


@pytest.mark.parametrize("name", SOURCES)
def test_vectors_of_a_damaged_artifact_are_not_reused(
    export: Export, corpus_file: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    export(corpus_file, out)
    flip_bit(out / name, -3)
    assert export(corpus_file, out, metadata=["topic"]).embedded == len(TEXTS)


def test_another_name_may_be_another_format(export: Export, tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_text("text,more\nstorm,cheese\n")
    first = export(tmp_path / "corpus.csv", tmp_path / "out")
    (tmp_path / "corpus.csv").rename(tmp_path / "corpus.txt")
    second = export(tmp_path / "corpus.txt", tmp_path / "out")
    assert (first.manifest.count, second.manifest.count) == (1, 2)
