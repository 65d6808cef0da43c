"""Small random encoders of every kind that is promised: in torch, as optimum exports them, and in int8."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("optimum.exporters.onnx")

from export.graph.onnx_graph import INPUT  # noqa: E402
from export.graph.quantize import quantize  # noqa: E402

HEADS, HIDDEN, WORDS = 2, 128, 400
LENGTHS = (1, 2, 7, 33, 60)

SIZES = {
    "vocab_size": WORDS,
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "intermediate_size": 256,
    "max_position_embeddings": 66,
}
DISTILBERT_SIZES = {
    "vocab_size": WORDS,
    "dim": HIDDEN,
    "n_layers": 2,
    "n_heads": HEADS,
    "hidden_dim": 256,
    "max_position_embeddings": 66,
}

# name: configuration class, model class, arguments
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("BertConfig", "BertModel", SIZES),
    "bert-relu": ("BertConfig", "BertModel", SIZES | {"hidden_act": "relu"}),
    "bert-gelu-tanh": ("BertConfig", "BertModel", SIZES | {"hidden_act": "gelu_new"}),
    "roberta": ("RobertaConfig", "RobertaModel", SIZES | {"pad_token_id": 1}),
    "xlm-roberta": ("XLMRobertaConfig", "XLMRobertaModel", SIZES | {"pad_token_id": 1}),
    "distilbert": ("DistilBertConfig", "DistilBertModel", DISTILBERT_SIZES),
    "mpnet": ("MPNetConfig", "MPNetModel", SIZES),
    "electra": ("ElectraConfig", "ElectraModel", SIZES | {"embedding_size": 64}),
    "albert": ("AlbertConfig", "AlbertModel", SIZES | {"embedding_size": 64}),
}
# Its attention reaches over 64 tokens in every second layer: at LENGTHS there are shorter texts and longer ones.
WINDOW = 64
LOCAL: dict[str, tuple[str, str, dict[str, Any]]] = {
    "modernbert": (
        "ModernBertConfig",
        "ModernBertModel",
        SIZES
        | {"global_attn_every_n_layers": 2, "local_attention": WINDOW}
        | dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0),
    ),
}


class TinyEncoder(NamedTuple):
    """A model in torch, optimum's export of it (a folder), and the int8 graph (a file)."""

    torch_model: Any
    export: Path
    int8: Path


def make_encoder(name: str, folder: Path) -> TinyEncoder:
    """Makes the model, exports it with optimum, and quantises the export."""
    from optimum.exporters.onnx import main_export

    config_name, model_name, arguments = (MODELS | LOCAL)[name]
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, when ModernBERT's code is imported
        model = getattr(transformers, model_name)(getattr(transformers, config_name)(**arguments)).eval()
    with torch.no_grad():
        # As initialised, biases are 0, gammas 1 and attention flat: mistakes there wouldn't show.
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape) * 0.1)
            elif "embed" not in parameter_name:
                parameter.mul_(3)
        if name in MODELS:
            up = next(p for n, p in model.named_parameters() if p.dim() == 1 and p.shape[0] == 256)
            up[5] = 12.0  # an outlier unit, as trained models have
        else:
            for layer in model.layers:  # the same in ModernBERT, which has no such bias
                layer.mlp.Wi.weight[256 + 5] *= 60
                layer.mlp.Wo.weight[:, 5] /= 60
    model.save_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # optimum's and the tracer's
        main_export(
            str(folder),
            output=folder / "onnx",
            task="feature-extraction",
            library_name="transformers",
            do_validation=False,
        )
    window = WINDOW if name in LOCAL else 0
    return TinyEncoder(model, folder / "onnx", quantize_to(folder / "onnx", folder / "model.onnx", window))


def quantize_to(source: Path, out: Path, window: int = 0) -> Path:
    """Writes the int8 graph to out."""
    quantize(source, out, num_attention_heads=HEADS, hidden_size=HIDDEN, model_type="tiny", window=window)
    return out


def open_graph(path: Path, threads: int = 1) -> ort.InferenceSession:
    """Opens a graph with nothing optimised, as the handler does."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(path, options)


def random_ids(length: int) -> NDArray[np.int64]:
    """Random ids of a text. (1, t) int64."""
    return np.random.default_rng(length).integers(5, WORDS, (1, length)).astype(np.int64)


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosine of each token. (t, d), (t, d) float32 -> (t,)."""
    cosines: NDArray[np.float32] = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return cosines


def assert_like_torch(model: Any, session: ort.InferenceSession, least: float) -> None:
    """Every token, at every length, has at least the cosine `least` to torch's hidden state."""
    for length in LENGTHS:
        ids = random_ids(length)
        with torch.no_grad():
            ones = torch.ones((1, length), dtype=torch.int64)
            expected = (
                model(input_ids=torch.from_numpy(ids), attention_mask=ones).last_hidden_state[0].numpy()
            )
        (found,) = session.run(None, {INPUT: ids})
        assert found.shape == (1, length, HIDDEN)
        assert found.dtype == np.float32
        assert cosines(found[0], expected).min() > least, length
