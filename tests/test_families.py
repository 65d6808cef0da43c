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

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import make_model, write_json
from tokenizers import Tokenizer, normalizers

from export.build.pipeline import BuildOptions, build
from export.build.progress import Progress
from export.model.convert import convert
from export.model.source_model import SourceModel, find_model
from export.model.to_onnx import lowercase_first
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.searcher import Searcher

MEAN_COSINE = 0.999
LEAST_COSINE = 0.997


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


def fp32(model: SourceModel, sample: list[str], max_length: int) -> Any:
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(str(model.transformer_dir), device="cpu")
    # sentence-transformers alone would go beyond RoBERTa's last position, and fail.
    loaded.max_seq_length = max_length
    return (
        loaded.encode_query(sample, normalize_embeddings=True),
        loaded.encode_document(sample, normalize_embeddings=True),
    )


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    both: NDArray[np.float32] = (a * b).sum(axis=1)
    return both


def export(model: SourceModel, sample: list[str], out: Path, **options: Any) -> Encoder:
    corpus = out.parent / f"{out.name}.txt"
    corpus.write_text("\n".join(sample), encoding="utf-8")
    build(
        BuildOptions(
            corpus=str(corpus), text=["text"], model=str(model.transformer_dir), out=out, threads=2, **options
        ),
        Progress(quiet=True),
    )
    return Encoder.load(out)


@pytest.mark.parametrize("name", FAMILIES)
def test_as_sentence_transformers(
    name: str, models: dict[str, SourceModel], sample: list[str], tmp_path: Path
) -> None:
    encoder = export(models[name], sample, tmp_path / "out")
    manifest = Artifact.open(tmp_path / "out").manifest
    expected_queries, expected_documents = fp32(models[name], sample, manifest.max_length)
    queries = encoder.encode(sample, manifest.query_prompt)
    documents = encoder.encode(sample, manifest.document_prompt)
    for ours, expected in ((queries, expected_queries), (documents, expected_documents)):
        assert cosines(ours, expected).mean() >= MEAN_COSINE
        assert cosines(ours, expected).min() >= LEAST_COSINE
    assert manifest.pooling == FAMILIES[name].pooling
    whole = Tokenizer.from_file(str(models[name].transformer_dir / "tokenizer.json"))
    lengths = [len(whole.encode(manifest.document_prompt + text).ids) for text in sample]
    assert manifest.truncated == sum(length > manifest.max_length for length in lengths) >= 2
    # Each text as a query: the searcher puts the query's prompt before it, and the documents had their own.
    searcher = Searcher.load(tmp_path / "out")
    scores = expected_queries @ expected_documents.T
    for row, text in enumerate(sample[:10]):
        hit = searcher.search(text, 1)[0]
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
    ],
)
def test_the_bounds_tell_a_wrong_recipe(
    name: str, wrong: dict[str, Any], models: dict[str, SourceModel], sample: list[str], tmp_path: Path
) -> None:
    encoder = export(models[name], sample, tmp_path / "out", **wrong)
    prompt = Artifact.open(tmp_path / "out").manifest.document_prompt
    _, expected = fp32(models[name], sample, models[name].max_length)
    assert cosines(encoder.encode(sample, prompt), expected).min() < LEAST_COSINE


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_the_bounds_tell_wrong_positions(
    name: str, models: dict[str, SourceModel], sample: list[str], tmp_path: Path
) -> None:
    encoder = export(models[name], sample, tmp_path / "out")
    _, expected = fp32(models[name], sample, models[name].max_length)
    backwards = [" ".join(reversed(text.split())) for text in sample]
    assert cosines(encoder.encode(backwards), expected).min() < LEAST_COSINE


def test_the_last_position_is_used_and_no_more(models: dict[str, SourceModel]) -> None:
    lengths = {name: model.max_length for name, model in models.items()}
    # Of 96 positions, the padding's and those before it are not for texts: its id is 0, MPNet's always 1.
    assert lengths == {"bert": 24, "distilbert": 24, "electra": 96, "mpnet": 94, "roberta": 95}


def test_lower_case_before_the_tokenizers_own(tiny_model: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    tokenizer.normalizer = normalizers.Replace("storm", "rain")
    assert tokenizer.encode("STORM").tokens == ["[CLS]", "[UNK]", "[SEP]"]
    lowercase_first(tokenizer)
    assert tokenizer.encode("STORM").tokens == ["[CLS]", "rain", "[SEP]"]
    tokenizer.normalizer = None
    lowercase_first(tokenizer)
    assert tokenizer.encode("STORM").tokens == ["[CLS]", "storm", "[SEP]"]
