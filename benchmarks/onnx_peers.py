"""The same model by ONNX Runtime's and optimum's own tools: in fp32, and in two int8 forms.

Each int8 graph is made from the fp32 graph that optimum exports, and is kept under build/ by the versions that made it.
All take input_ids, attention_mask and token_type_ids, and give token embeddings. This module doesn't time or judge
them.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.record import ROOT, processor
from export.model.convert import convert
from export.model.source_model import SourceModel, find_model
from handler.pooling import POOLINGS, l2_normalize
from handler.tokenizer import load_tokenizer

FP32 = "ONNX Runtime fp32, as optimum exports it"
FUSED = "ONNX Runtime int8 (its BERT fusion, quantize_dynamic)"
OPTIMUM = "optimum int8 ({config})"
KEPT = ROOT / "build" / "bench" / "int8"


class PlainEncoder:
    """An ONNX graph of three inputs on one thread, as ONNX Runtime's documentation runs it: one text, mean pooling.

    The session has the default options, since it is timed. (Fp32Encoder isn't timed, and saves memory instead.)
    """

    def __init__(self, path: Path, tokenizer: Any) -> None:
        """Loads the graph; `tokenizer` truncates and doesn't pad."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns one L2-normalised vector for each text. n texts -> (n, dim) float32."""
        return np.stack([self._encode_one(text) for text in texts])

    def _encode_one(self, text: str) -> NDArray[np.float32]:
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        tokens = self._session.run(None, {name: feed[name] for name in self._inputs})[0][0]
        return l2_normalize(POOLINGS["mean"](tokens))


def load_onnx_peers() -> dict[str, Callable[[], PlainEncoder]]:
    """Returns a function that loads each peer, by the peer's name."""
    return {
        FP32: lambda: _load(convert(find_model(None, None, None)).fp32),
        FUSED: lambda: _load(fused_int8()),
        OPTIMUM.format(config=optimum_config()): lambda: _load(optimum_int8()),
    }


def fused_int8() -> Path:
    """Returns the graph that onnxruntime.transformers fuses and quantize_dynamic quantises; makes it if needed."""
    return _keep("fused-per-channel-reduced", ("onnxruntime", "onnx"), _write_fused)


def optimum_int8() -> Path:
    """Returns the graph that optimum's ORTQuantizer writes by its config for this processor; makes it if needed."""
    return _keep(f"optimum-{optimum_config()}", ("optimum-onnx", "onnxruntime", "onnx"), _write_optimum)


def optimum_config() -> str:
    """Returns the name of optimum's config that is meant for this processor."""
    found = processor()
    if found["architecture"] in ("aarch64", "arm64"):
        return "arm64"
    return "avx512_vnni" if "avx512_vnni" in found["instructions"] else "avx2"


def _load(path: Path) -> PlainEncoder:
    model = find_model(None, None, None)
    return PlainEncoder(path, load_tokenizer(convert(model).tokenizer, model.max_length))


def _keep(name: str, packages: Sequence[str], write: Callable[[SourceModel, Path, Path], None]) -> Path:
    model = find_model(None, None, None)
    made_by = "-".join(
        [name, model.weights_sha256[:12], *(f"{package}-{version(package)}" for package in packages)]
    )
    path = KEPT / f"{made_by}.onnx"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as work:
            write(model, convert(model).fp32, Path(work) / "out.onnx")
            (Path(work) / "out.onnx").rename(path)
    return path


def _write_fused(model: SourceModel, fp32: Path, out: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    fused = optimizer.optimize_model(
        str(fp32), model_type="bert", num_heads=model.num_attention_heads, hidden_size=model.dim
    )
    between = out.with_name("fused.onnx")
    fused.save_model_to_file(str(between))
    # Of the four settings this one is nearest to fp32, here and on the demo corpus. The default, one scale for a whole
    # weight, is far off (mean cosine .94 against .99).
    settings = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": True}
    # The quantiser doesn't know the type of the fused operators' outputs, and asks for it.
    settings["extra_options"] = {"DefaultTensorType": 1}  # TensorProto.FLOAT
    quantize_dynamic(between, out, **settings)


def _write_optimum(model: SourceModel, fp32: Path, out: Path) -> None:
    from optimum.onnxruntime import AutoQuantizationConfig, ORTQuantizer

    folder = out.with_name("source")
    folder.mkdir()
    shutil.copy(fp32, folder / "model.onnx")
    # It reads the model's config from the graph's folder.
    shutil.copy(model.transformer_dir / "config.json", folder)
    quantizer = ORTQuantizer.from_pretrained(folder, file_name="model.onnx")
    config = getattr(AutoQuantizationConfig, optimum_config())(is_static=False)
    quantizer.quantize(save_dir=out.with_name("made"), quantization_config=config)
    (out.with_name("made") / "model_quantized.onnx").rename(out)
