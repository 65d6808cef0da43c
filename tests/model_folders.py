"""Model folders of a few configs and no real weights, for the tests of what is read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tiny import write_json

from export.model.source_model import SourceModel, find_model

WEIGHTS = b"not really weights: they are hashed, not read"
BERT = {"model_type": "bert", "hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 128}
MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
SENTENCE = "config_sentence_transformers.json"
POOLING = "1_Pooling/config.json"


def make_folder(made: Path) -> Path:
    """Makes a model folder that is read without complaint."""
    write_json(made / "modules.json", MODULES)
    write_json(made / "config.json", BERT)
    write_json(made / "sentence_bert_config.json", {"max_seq_length": 100, "do_lower_case": False})
    write_json(made / POOLING, MEAN)
    (made / "model.safetensors").write_bytes(WEIGHTS)
    return made


def read(folder: Path) -> SourceModel:
    """Reads it as a model given by its folder."""
    return find_model(str(folder), None, None)


def change(folder: Path, name: str, **fields: Any) -> None:
    """Sets fields of a config."""
    path = folder / name
    before = json.loads(path.read_text()) if path.exists() else {}
    write_json(path, {**before, **fields})


def in_a_folder_of_its_own(folder: Path) -> None:
    """Changes the layout to that of sentence-transformers 0.x: the transformer in 0_Transformer."""
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "sentence_bert_config.json", "model.safetensors"):
        (folder / name).rename(inner / name)
    write_json(folder / "modules.json", [{**MODULES[0], "path": "0_Transformer"}, *MODULES[1:]])
