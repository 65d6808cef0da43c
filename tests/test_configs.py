"""The recipe that the configs of a model folder give, in old layouts and new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from model_folders import BERT, MEAN, POOLING, SENTENCE, change, make_folder, read
from tiny import write_json

from handler.errors import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "my-model")


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        (MEAN, "mean"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True}, "cls"),
        ({"pooling_mode": ["max"]}, "max"),
    ],
)
def test_poolings(folder: Path, config: dict[str, Any], pooling: str) -> None:
    write_json(folder / POOLING, config)
    assert read(folder).pooling == pooling


@pytest.mark.parametrize(
    ("prompts", "default", "query", "document"),
    [
        ({"query": "Q: ", "document": "D: ", "passage": "P: "}, None, "Q: ", "D: "),
        ({"query": "query: ", "passage": "passage: "}, None, "query: ", "passage: "),
        ({"query": "q ", "corpus": "c "}, None, "q ", "c "),
        ({"query": "q "}, None, "q ", ""),
        ({"query": "", "document": "", "x": "X "}, "x", "", ""),
        ({"x": "X "}, "x", "X ", "X "),
        ({"x": "X "}, "query", "", ""),
        ({"query": None}, None, "", ""),
        (None, None, "", ""),
        ({}, None, "", ""),
    ],
)
def test_prompts(
    folder: Path, prompts: dict[str, str] | None, default: str | None, query: str, document: str
) -> None:
    write_json(folder / SENTENCE, {"prompts": prompts, "default_prompt_name": default})
    model = read(folder)
    assert (model.query_prompt, model.document_prompt) == (query, document)


@pytest.mark.parametrize(
    ("settings", "tokenizer", "length"),
    [
        ({"max_seq_length": 100}, None, 100),
        ({"max_seq_length": 1000}, None, 128),
        ({"max_seq_length": None}, None, 128),
        ({"max_seq_length": None}, {"model_max_length": 64}, 64),
        ({"max_seq_length": None}, {"model_max_length": 1e30}, 128),
        ({"max_seq_length": None}, {}, 128),
        ({}, {"model_max_length": 64}, 64),
        ({"max_seq_length": 100}, {"model_max_length": 64}, 100),
    ],
)
def test_lengths(
    folder: Path, settings: dict[str, Any], tokenizer: dict[str, Any] | None, length: int
) -> None:
    write_json(folder / "sentence_bert_config.json", settings)
    if tokenizer is not None:
        write_json(folder / "tokenizer_config.json", tokenizer)
    assert read(folder).max_length == length


@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "camembert"])
@pytest.mark.parametrize(("padding", "lost"), [({"pad_token_id": 1}, 2), ({"pad_token_id": 0}, 1), ({}, 2)])
def test_positions_before_the_first(
    folder: Path, model_type: str, padding: dict[str, int], lost: int
) -> None:
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": None})
    write_json(folder / "config.json", {**BERT, **padding, "model_type": model_type})
    assert read(folder).max_length == 128 - lost


def test_a_padding_that_is_no_number(folder: Path) -> None:
    write_json(folder / "config.json", {**BERT, "pad_token_id": "x", "model_type": "roberta"})
    with pytest.raises(ModelError, match="pad_token_id is 'x', not a whole number"):
        read(folder)


@pytest.mark.parametrize("modalities", [[1], "text", {"text": [1]}])
def test_modalities_that_are_no_table(folder: Path, modalities: Any) -> None:
    change(folder, "sentence_bert_config.json", modality_config=modalities)
    with pytest.raises(ModelError, match="a modality_config that isn't a table of tables"):
        read(folder)


@pytest.mark.parametrize(
    "options",
    [
        {"model_args": {"torch_dtype": "float16", "add_pooling_layer": False, "trust_remote_code": True}},
        {"model_kwargs": {"dtype": "float32", "attn_implementation": "eager"}, "config_kwargs": {}},
        {"processor_kwargs": {"padding_side": "left"}, "processing_kwargs": {"text": {}}},
        {"processing_kwargs": None, "tokenizer_name_or_path": None},
    ],
)
def test_options_that_change_no_vector(folder: Path, options: dict[str, Any]) -> None:
    before = read(folder)
    change(folder, "sentence_bert_config.json", **options)
    assert read(folder) == before


def test_mpnets_padding_is_always_1(folder: Path) -> None:
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": None})
    write_json(folder / "config.json", {**BERT, "pad_token_id": 0, "model_type": "mpnet"})
    assert read(folder).max_length == 126


def test_distilberts_own_names(folder: Path) -> None:
    config = {"model_type": "distilbert", "dim": 48, "n_heads": 6, "max_position_embeddings": 128}
    write_json(folder / "config.json", config)
    model = read(folder)
    assert (model.dim, model.num_attention_heads, model.max_length) == (48, 6, 100)


@pytest.mark.parametrize("name", ["sentence_roberta_config.json", "sentence_xlm-roberta_config.json"])
def test_older_names(folder: Path, name: str) -> None:
    (folder / "sentence_bert_config.json").rename(folder / name)
    change(folder, name, do_lower_case=True)
    assert read(folder).lowercase
