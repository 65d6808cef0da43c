"""Published models: their configs as their repositories have them, with the recipe that follows.

No weights of theirs are here. Three of them whose parts occur nowhere else in the tests are made tiny, of random weights
and with a tokenizer of their kind, and compared with sentence-transformers. docs/models.md names the same models.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sentence_oracle
from command import ROOT
from model_folders import MODULES, POOLING, SENTENCE, change, make_folder, read
from sentence_oracle import assert_alike
from tiny import make_model, write_json
from tiny_modules import add_dense
from tokenizer_families import byte_bpe, precompiled, unigram
from tokenizers import normalizers

from handler.errors import ModelError

FIND = "Represent this sentence for searching relevant passages: "
SMALL = {"hidden_size": 384, "num_attention_heads": 12, "max_position_embeddings": 512}
BASE = {**SMALL, "hidden_size": 768}


class Published(NamedTuple):
    """What a repository says, and what is read from it."""

    config: dict[str, Any]
    pooling: str
    query_prompt: str = ""
    max_length: int = 512
    dense: tuple[int, ...] = ()
    normalize: bool = True
    lowercase: bool = False

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        width: int = self.config["hidden_size"]
        return [width, *self.dense][-1]


BERT = {"model_type": "bert"}
PUBLISHED = {
    "sentence-transformers/all-MiniLM-L6-v2": Published({**BERT, **SMALL}, "mean", max_length=256),
    "sentence-transformers/all-mpnet-base-v2": Published(
        {**BASE, "model_type": "mpnet", "max_position_embeddings": 514}, "mean", max_length=384
    ),
    "MongoDB/mdbr-leaf-ir": Published({**BERT, **SMALL}, "mean", FIND, dense=(768,)),
    "MongoDB/mdbr-leaf-mt": Published({**BERT, **SMALL}, "mean", FIND, dense=(1024,)),
    "Snowflake/snowflake-arctic-embed-xs": Published({**BERT, **SMALL}, "cls", FIND),
    "Snowflake/snowflake-arctic-embed-s": Published({**BERT, **SMALL}, "cls", FIND),
    "Snowflake/snowflake-arctic-embed-m": Published({**BERT, **BASE}, "cls", FIND),
    "Snowflake/snowflake-arctic-embed-m-v1.5": Published({**BERT, **BASE}, "cls", FIND),
    "BAAI/bge-small-en-v1.5": Published({**BERT, **SMALL}, "cls", lowercase=True),
    "thenlper/gte-small": Published({**BERT, **SMALL}, "mean"),
    "intfloat/e5-small-v2": Published({**BERT, **SMALL}, "mean"),
    "intfloat/multilingual-e5-small": Published({**BERT, **SMALL}, "mean"),
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2": Published(
        {**BERT, **SMALL}, "mean", max_length=128, normalize=False
    ),
    "ibm-granite/granite-embedding-small-english-r2": Published(
        {**SMALL, "model_type": "modernbert", "max_position_embeddings": 8192}, "cls", max_length=8192
    ),
}
# Repositories whose code would have to be run, and what is told of them.
OWN_CODE: dict[str, tuple[dict[str, Any], str]] = {
    "nomic-ai/nomic-embed-text-v1.5": ({"model_type": "nomic_bert"}, "says model_type 'nomic_bert': only"),
    "Alibaba-NLP/gte-base-en-v1.5": ({"model_type": "new"}, "says model_type 'new': only BERT's family"),
    "jinaai/jina-embeddings-v2-small-en": (
        {
            "model_type": "bert",
            "auto_map": {"AutoModel": "jinaai/jina-bert-implementation--modeling_bert.JinaBertModel"},
        },
        "asks for the model's own code (jinaai/jina-bert-implementation--modeling_bert.JinaBertModel), which",
    ),
}


def make_published(folder: Path, model: Published) -> Path:
    """Writes the configs of a repository."""
    make_folder(folder)
    write_json(folder / "config.json", model.config)
    modes = {"mean": "mean_tokens", "max": "max_tokens", "cls": "cls_token"}
    write_json(
        folder / POOLING, {f"pooling_mode_{name}": mode == model.pooling for mode, name in modes.items()}
    )
    lengths = {"max_seq_length": model.max_length, "do_lower_case": model.lowercase}
    write_json(folder / "sentence_bert_config.json", lengths)
    write_json(folder / "modules.json", MODULES if model.normalize else MODULES[:2])
    if model.query_prompt:
        write_json(folder / SENTENCE, {"prompts": {"query": model.query_prompt}, "default_prompt_name": None})
    if model.dense:
        add_dense(folder, [model.config["hidden_size"], *model.dense])
    return folder


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_recipe(name: str, tmp_path: Path) -> None:
    model = PUBLISHED[name]
    found = read(make_published(tmp_path / "model", model))
    assert (found.model_type, found.pooling) == (model.config["model_type"], model.pooling)
    assert (found.query_prompt, found.document_prompt) == (model.query_prompt, "")
    assert (found.dim, found.max_length, found.lowercase) == (model.dim, model.max_length, model.lowercase)


@pytest.mark.parametrize("name", OWN_CODE)
def test_code_of_its_own(name: str, tmp_path: Path) -> None:
    config, sentence = OWN_CODE[name]
    folder = make_folder(tmp_path / "model")
    write_json(folder / "config.json", {**SMALL, **config})
    with pytest.raises(ModelError) as refused:
        read(folder)
    assert str(refused.value).startswith(f"{folder}/config.json {sentence}")


def test_the_document_names_them_all() -> None:
    """docs/models.md: each model's dimensions, and whether its repository has a prompt for queries."""
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = {
        cells[0].strip(): cells
        for line in text.splitlines()
        if line.startswith("| `") and len(cells := line.replace("`", "").strip("| ").split(" | ")) == 7
    }
    assert set(rows) == set(PUBLISHED)
    for name, model in PUBLISHED.items():
        assert re.match(r"\d+", rows[name][2]), name
        assert int(rows[name][2].split()[0]) == model.dim, name
        assert (rows[name][5] == "its own") == bool(model.query_prompt), name
    for name in OWN_CODE:
        assert f"`{name}`" in text


class Tiny(NamedTuple):
    """A model of random weights that has a published one's parts, and the prompts that the user gives."""

    make: Callable[[Path], Path]
    prompts: dict[str, str]


def make_leaf(folder: Path) -> Path:
    make_model(folder, prompts={"query": FIND})
    # The tiny tokenizer makes forty tokens of the prompt, and a text needs room beside them.
    change(folder, "sentence_bert_config.json", max_seq_length=64)
    change(folder, "tokenizer_config.json", model_max_length=64)
    return add_dense(folder, [32, 64])


def make_multilingual_e5(folder: Path) -> Path:
    """BERT over XLM-RoBERTa's tokenizer."""
    normalizer = normalizers.Sequence([precompiled(), normalizers.Replace("  ", " ")])
    return make_model(folder, tokenizer=unigram(normalizer))


def make_granite(folder: Path) -> Path:
    tokenizer = byte_bpe(normalizers.NFC())
    return make_model(folder, model_type="modernbert", pooling="cls", tokenizer=tokenizer)


TINY = {
    "mdbr-leaf-ir": Tiny(make_leaf, {}),
    "multilingual-e5-small": Tiny(make_multilingual_e5, {"query": "query: ", "document": "passage: "}),
    "granite-embedding-small-english-r2": Tiny(make_granite, {}),
}


@pytest.mark.parametrize("name", TINY)
def test_tiny_ones_are_sentence_transformers(
    name: str, texts: list[str], tmp_path: Path, use_tiny_cache: None
) -> None:
    make, prompts = TINY[name]
    folder = make(tmp_path / "model")
    # sentence-transformers' own names, where the repository has no prompts.
    right = sentence_oracle.expected(folder, texts, prompts=prompts or None)
    options = {f"{side}_prompt": prompt for side, prompt in prompts.items()}
    assert_alike(sentence_oracle.fp32(folder, texts, **options), right, 0.99999)
    artifact = sentence_oracle.export(folder, texts, tmp_path / "out", **options)
    assert_alike(sentence_oracle.answered(artifact, texts), right, 0.99)
