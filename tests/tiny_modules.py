"""What a tiny sentence-transformer can have beside Transformer and Pooling: Dense layers, and a Router over two models."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tiny import make_model, write_json

TORCH = "torch.nn.modules.activation"
IDENTITY = "torch.nn.modules.linear.Identity"
PROMPTS = {"query": "find: ", "document": "news "}
DIM = 48


def add_dense(
    folder: Path,
    widths: Sequence[int],
    activation: str = IDENTITY,
    *,
    bias: bool = True,
    pickled: bool = False,
    seed: int = 0,
) -> Path:
    """Adds Dense modules after the pooling; `widths` are the pooled dimensions and those that each layer gives."""
    modules = json.loads((folder / "modules.json").read_text())
    random = np.random.default_rng(seed)
    for place, (width, out) in enumerate(pairwise(widths), start=2):
        made = folder / f"{place}_Dense"
        config: dict[str, Any] = {"in_features": width, "out_features": out, "bias": bias}
        write_json(made / "config.json", {**config, "activation_function": activation})
        tensors = {"linear.weight": random.standard_normal((out, width), np.float32) / np.float32(width**0.5)}
        if bias:
            tensors["linear.bias"] = random.standard_normal(out, np.float32) * np.float32(0.3)
        _save(made, tensors, pickled)
        modules.insert(place, {"path": made.name, "type": "sentence_transformers.models.Dense"})
    numbered = [{**module, "idx": i, "name": str(i)} for i, module in enumerate(modules)]
    write_json(folder / "modules.json", numbered)
    return folder


def _save(folder: Path, tensors: dict[str, Any], pickled: bool) -> None:
    if not pickled:
        save_file(tensors, folder / "model.safetensors")
        return
    import torch

    torch.save(
        {name: torch.from_numpy(value) for name, value in tensors.items()}, folder / "pytorch_model.bin"
    )


def make_router(folder: Path, query: Path, document: Path, prompts: dict[str, str] | None = None) -> Path:
    """Saves one model with a Router over two, by sentence-transformers itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Router

        routes = {
            name: list(SentenceTransformer(str(path), device="cpu").children())
            for name, path in (("query_modules", query), ("document_modules", document))
        }
        router = Router.for_query_document(**routes)
        SentenceTransformer(modules=[router], device="cpu", prompts=prompts).save(str(folder))
    return folder


def as_asym(folder: Path) -> Path:
    """Renames the parts of a Router to those that sentence-transformers wrote before version 5."""
    config = json.loads((folder / "router_config.json").read_text())
    (folder / "router_config.json").unlink()
    config["types"] = {
        name: f"sentence_transformers.models.{kind.rpartition('.')[2]}"
        for name, kind in config["types"].items()
    }
    config["parameters"] = {"allow_empty_key": True}
    write_json(folder / "config.json", config)
    write_json(
        folder / "modules.json",
        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Asym"}],
    )
    return folder


def make_two(folder: Path) -> Path:
    """Makes small (32 dimensions, and a Dense layer to 48), large (48), other (32), and a Router over small and large."""
    add_dense(make_model(folder / "small", prompts=PROMPTS), [32, DIM])
    make_model(folder / "large", hidden=DIM, heads=4, pooling="cls", prompts={"document": "text: "})
    make_model(folder / "other")
    make_router(folder / "router", folder / "small", folder / "large", PROMPTS)
    return folder
