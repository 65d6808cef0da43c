"""BERT's family, exported and compared with sentence-transformers in fp32: each member with a recipe of its own.

The models are tiny and random, so a right recipe gives cosines above 0.998 in int8, and a wrong one is far off:
that the bounds tell them apart is tested too.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sentence_oracle
from sentence_oracle import Vectors, assert_alike, cosines
from tiny import make_model, write_json
from tokenizers import Tokenizer, normalizers

from export.model.convert import convert
from export.model.source_model import SourceModel, find_model
from export.model.to_onnx import lowercase_first
from handler.artifact import Artifact
from handler.searcher import Searcher

MEAN_COSINE = 0.999
LEAST_COSINE = 0.997
FP32_COSINE = 0.99999


@dataclass(frozen=True)
class Family:
    """One model: its shape and its recipe."""

    model_type: str
    pooling: str
    hidden: int
    heads: int
    normalize: bool = True
    prompts: dict[str, str] = field(default_factory=dict)
    max_length: int | None = None  # None: all the positions that there are


FAMILIES = {
    "bert": Family("bert", "mean", 32, 2, max_length=24),
    "roberta": Family("roberta", "cls", 48, 4, prompts={"query": "find this: "}),
    "distilbert": Family("distilbert", "max", 64, 4, normalize=False, max_length=24),
    "mpnet": Family("mpnet", "mean", 64, 4, prompts={"query": "storm or not? ", "document": "news "}),
    "electra": Family("electra", "mean", 32, 4),
    "modernbert": Family("modernbert", "cls", 32, 2, prompts={"query": "find this: "}),
}


@pytest.fixture(scope="module")
def models(tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SourceModel]]:
    """All of them, converted two at a time."""
    folder = tmp_path_factory.mktemp("families")
    for name, family in FAMILIES.items():
        make_model(
            folder / name,
            model_type=family.model_type,
            pooling=family.pooling,
            hidden=family.hidden,
            heads=family.heads,
            normalize=family.normalize,
            prompts=family.prompts,
        )
        write_json(
            folder / name / "sentence_bert_config.json",
            {"max_seq_length": family.max_length, "do_lower_case": False},
        )
        if family.max_length is None:
            (folder / name / "tokenizer_config.json").write_text(
                (folder / name / "tokenizer_config.json").read_text().replace('"model_max_length": 24, ', "")
            )
    found = {name: find_model(str(folder / name), None, None) for name in FAMILIES}
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as executor:
        patch.setenv("SEEKLET_CACHE", str(tiny_cache))
        list(executor.map(convert, found.values()))
        yield found


@pytest.fixture(scope="module")
def sample(texts: list[str]) -> list[str]:
    """The corpus, and texts beyond every model's length."""
    return [*texts, " ".join(texts), " ".join(reversed(texts)), "x"]


def export(model: SourceModel, sample: list[str], out: Path, **options: Any) -> Artifact:
    return sentence_oracle.export(model.transformer_dir, sample, out, **options)


def right(model: SourceModel, sample: list[str]) -> Vectors:
    return sentence_oracle.expected(model.transformer_dir, sample, max_length=model.max_length)


@pytest.mark.parametrize("name", FAMILIES)
def test_as_sentence_transformers(
    name: str, models: dict[str, SourceModel], sample: list[str], tmp_path: Path
) -> None:
    artifact = export(models[name], sample, tmp_path / "out")
    manifest = artifact.manifest
    expected = right(models[name], sample)
    assert_alike(sentence_oracle.fp32(models[name].transformer_dir, sample), expected, FP32_COSINE)
    found = sentence_oracle.answered(artifact, sample)
    assert_alike(found, expected, LEAST_COSINE)
    for ours, theirs in zip(found, expected, strict=True):
        assert cosines(ours, theirs).mean() >= MEAN_COSINE
    assert manifest.graph == ("unfused" if name == "modernbert" else "fused")
    assert manifest.pooling == FAMILIES[name].pooling
    whole = Tokenizer.from_file(str(models[name].transformer_dir / "tokenizer.json"))
    lengths = [len(whole.encode(manifest.document_prompt + text).ids) for text in sample]
    assert manifest.truncated == sum(length > manifest.max_length for length in lengths) >= 2
    # Each text as a query: the searcher puts the query's prompt before it, and the documents had their own.
    searcher = Searcher.load(tmp_path / "out")
    scores = expected.queries @ expected.documents.T
    for row, text in enumerate(sample[:10]):
        hit = searcher.search(text, 1, "semantic")[0]
        assert scores[row, hit.index] >= scores[row].max() - 0.01
        assert hit.score == pytest.approx(scores[row, hit.index], abs=0.01)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("bert", {"pooling": "cls"}),
        ("bert", {"pooling": "max"}),
        ("bert", {"document_prompt": "a "}),
        ("bert", {"max_length": 12}),
        ("roberta", {"pooling": "mean"}),
        ("distilbert", {"pooling": "mean"}),
        ("mpnet", {"document_prompt": ""}),
        ("electra", {"pooling": "max"}),
        ("modernbert", {"pooling": "mean"}),
    ],
)
def test_the_bounds_tell_a_wrong_recipe(
    name: str, wrong: dict[str, Any], models: dict[str, SourceModel], sample: list[str], tmp_path: Path
) -> None:
    found = sentence_oracle.answered(export(models[name], sample, tmp_path / "out", **wrong), sample)
    assert cosines(found.documents, right(models[name], sample).documents).min() < LEAST_COSINE


@pytest.mark.parametrize("name", ["bert", "roberta", "modernbert"])
def test_the_bounds_tell_wrong_positions(
    name: str, models: dict[str, SourceModel], sample: list[str], tmp_path: Path
) -> None:
    backwards = [" ".join(reversed(text.split())) for text in sample]
    found = sentence_oracle.answered(export(models[name], backwards, tmp_path / "out"), backwards)
    assert cosines(found.documents, right(models[name], sample).documents).min() < LEAST_COSINE


def test_the_last_position_is_used_and_no_more(models: dict[str, SourceModel]) -> None:
    lengths = {name: model.max_length for name, model in models.items()}
    # Of 96 positions, the padding's and those before it are not for texts: its id is 0, MPNet's always 1.
    assert lengths == {
        "bert": 24,
        "distilbert": 24,
        "electra": 96,
        "modernbert": 96,
        "mpnet": 94,
        "roberta": 95,
    }


def test_lower_case_before_the_tokenizers_own(tiny_model: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    tokenizer.normalizer = normalizers.Replace("storm", "rain")
    assert tokenizer.encode("STORM").tokens == ["[CLS]", "[UNK]", "[SEP]"]
    lowercase_first(tokenizer)
    assert tokenizer.encode("STORM").tokens == ["[CLS]", "rain", "[SEP]"]
    tokenizer.normalizer = None
    lowercase_first(tokenizer)
    assert tokenizer.encode("STORM").tokens == ["[CLS]", "storm", "[SEP]"]
