"""The encoders that benchmarks.latency compares: each a function from one text to its vector, on one thread.

All have the same weights, all-MiniLM-L6-v2. Each is loaded as its own documentation says. An encoder whose package is
missing is left out with a message.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.onnx_peers import PlainEncoder, load_onnx_peers
from export.model.convert import convert
from export.model.places import DEFAULT_MODEL_ID, default_folder
from export.model.source_model import find_model
from handler.encoder import Encoder
from handler.session import open_session
from handler.tokenizer import BoundedTokenizer, load_tokenizer

Embed = Callable[[str], NDArray[np.float32]]
CANDLE = "Candle (embed-anything)"
TORCH = "sentence-transformers (torch)"
FASTEMBED = "fastembed"
OURS = "seeklet"
# Packages whose versions a result names.
PACKAGES = (
    "optimum-onnx",
    "embed-anything",
    "fastembed",
    "sentence-transformers",
    "torch",
    "transformers",
    "onnx",
)


def load_contenders(work: Path) -> dict[str, Embed]:
    """Returns every installed encoder, ours first; `work` is a folder for the files that the peers need."""
    makers: dict[str, Callable[[], Embed]] = {OURS: _ours}
    makers |= {name: partial(_onnx, load) for name, load in load_onnx_peers().items()}
    makers |= {CANDLE: partial(_candle, work), FASTEMBED: partial(load_fastembed, work), TORCH: _torch}
    contenders = {}
    for name, make in makers.items():
        try:
            contenders[name] = make()
        except ImportError as error:
            print(f"{name} left out: {error} (make bench-setup)", file=sys.stderr)
    return contenders


def _ours() -> Embed:
    model = find_model(None, None, None)
    converted = convert(model)
    tokenizer = BoundedTokenizer(load_tokenizer(converted.tokenizer, model.max_length), model.max_length)
    encoder = Encoder(open_session(converted.model), tokenizer, pooling=model.pooling, dim=model.dim)
    return lambda text: encoder.encode([text])[0]


def _onnx(load: Callable[[], PlainEncoder]) -> Embed:
    encoder = load()
    return lambda text: encoder.encode([text])[0]


def _candle(work: Path) -> Embed:
    # It loads from the hub's cache only, so the model is put there under its name.
    repository = work / "hub" / ("models--" + DEFAULT_MODEL_ID.replace("/", "--"))
    revision = "0" * 40
    snapshot = repository / "snapshots" / revision
    if not snapshot.exists():
        shutil.copytree(default_folder(), snapshot)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(revision)
    os.environ["HF_HOME"] = str(work)
    import embed_anything

    model = embed_anything.EmbeddingModel.from_pretrained_hf(model_id=DEFAULT_MODEL_ID)

    def embed(text: str) -> NDArray[np.float32]:
        return np.array(embed_anything.embed_query([text], embedder=model)[0].embedding, np.float32)

    return embed


def load_fastembed(work: Path) -> Embed:
    """Loads fastembed with our weights in fp32, which it is given as a folder in `work`."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    folder = work / "fastembed"
    if not folder.exists():
        shutil.copytree(default_folder(), folder, ignore=shutil.ignore_patterns("*.safetensors"))
        shutil.copy(convert(find_model(None, None, None)).fp32, folder / "model.onnx")
    name = "local/all-MiniLM-L6-v2"
    TextEmbedding.add_custom_model(
        model=name,
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf=name),
        dim=384,
        model_file="model.onnx",
    )
    model = TextEmbedding(name, specific_model_path=str(folder), threads=1)

    def embed(text: str) -> NDArray[np.float32]:
        vectors: Iterator[Any] = model.embed([text])
        return np.asarray(next(iter(vectors)), np.float32)

    return embed


def _torch() -> Embed:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(str(default_folder()), device="cpu")

    def embed(text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = model.encode(
            [text], normalize_embeddings=True, show_progress_bar=False
        )[0]
        return vector

    return embed
