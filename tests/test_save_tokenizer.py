"""The tokenizer of a conversion: those that can't be reproduced are refused, before the graph is made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from model_folders import change
from tokenizers import AddedToken, Tokenizer

from export.model.source_model import find_model
from export.model.to_onnx import save_tokenizer
from handler.errors import ModelError

LONG = "storm " * 30 + "rain"
CUT_AT_THE_BEGINNING = {"direction": "Left", "max_length": 24, "strategy": "LongestFirst", "stride": 0}


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def save(folder: Path) -> Tokenizer:
    save_tokenizer(find_model(str(folder), None, None), folder, folder / "made.json")
    return Tokenizer.from_file(str(folder / "made.json"))


def as_transformers(folder: Path, text: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)(text, truncation=True, max_length=24)["input_ids"]


def test_neither_truncation_nor_padding_is_kept(folder: Path) -> None:
    change(folder, "tokenizer.json", truncation={**CUT_AT_THE_BEGINNING, "direction": "Right"})
    made = save(folder)
    assert made.truncation is made.padding is None
    made.enable_truncation(24)
    assert made.encode(LONG).ids == as_transformers(folder, LONG)


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ("tokenizer_config.json", {"truncation_side": "left"}),
        ("tokenizer.json", {"truncation": CUT_AT_THE_BEGINNING}),
    ],
)
def test_a_cut_at_the_beginning(folder: Path, file: str, fields: dict[str, Any]) -> None:
    """sentence-transformers would keep the end of a long text, the handler its beginning."""
    before = as_transformers(folder, LONG)
    change(folder, file, **fields)
    assert as_transformers(folder, LONG) != before
    with pytest.raises(
        ModelError, match=r"cuts a long text at its beginning \(truncation_side\), which can't be"
    ):
        save(folder)


def test_a_token_without_an_embedding(folder: Path) -> None:
    """Added to the tokenizer, and the embeddings weren't resized: each text with it would fail."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    tokenizer.add_tokens([AddedToken("zebra")])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError) as refused:
        save(folder)
    assert str(refused.value) == (
        f"{folder} has a token 'zebra' of id {size}, its encoder has embeddings for {size:,} tokens: "
        "resize the model's embeddings, or remove the token from the tokenizer"
    )
    change(folder, "config.json", vocab_size=size + 1)
    assert save(folder).token_to_id("zebra") == size
