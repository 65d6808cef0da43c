"""Turns optimum's fp32 ONNX export into the int8 graph that the handler runs.

Weights are int8 with a scale per column. Activations become uint8 at run time, with a scale per text. Three steps keep
the vectors near those of fp32: outlier channels are evened out, outlier units stay float32, and weights are rounded so
that they never saturate on AVX2. The result depends on the model alone. export/build/gate.py judges it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # on by default since 1.29

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from tokenizers import Tokenizer

from export.graph.fuse import fuse
from export.graph.onnx_graph import INPUT, FloatArray, Graph
from export.graph.outliers import tame_outliers
from export.graph.products import bias_of, products_of, weight_of
from export.graph.rounding import int8_weight
from export.graph.saving import save_optimized
from export.graph.sentences import PASSAGES, SENTENCES
from export.graph.words import sample_ids
from handler.errors import ModelError

CONTRIB = "com.microsoft"

ROUNDING_BYTES = 256 << 20
"""Bytes of activations that are in memory at a time while weights are rounded."""


def quantize(
    fp32: Path,
    out: Path,
    *,
    num_attention_heads: int,
    hidden_size: int,
    model_type: str,
    max_length: int = 256,
    window: int = 0,
) -> str:
    """Writes the int8 graph: input_ids (1, t) int64 -> token_embeddings (1, t, d) float32.

    Load it with graph optimisation off: it was optimised here.

    Args:
        fp32: optimum's export, model.onnx or the folder that holds it.
        out: the file to write; its weights go beside it, to out.data.
        num_attention_heads: heads of each layer.
        hidden_size: d.
        model_type: transformers' name of the architecture, for errors.
        max_length: the most tokens that the model reads.
        window: tokens that local attention reaches over; 0 where all attention is global.

    Returns:
        "fused", or "unfused" where attention isn't one node.

    Raises:
        ModelError: the export is missing, or is no encoder of the BERT family.
    """
    source = fp32 / "model.onnx" if fp32.is_dir() else fp32
    if not source.is_file():
        raise ModelError(f"{source} doesn't exist: export the {model_type} model with optimum first")
    graph, fused = fuse(
        source, num_attention_heads=num_attention_heads, hidden_size=hidden_size, window=window
    )
    tokenizer = source.parent / "tokenizer.json"
    queries = _samples(graph, tokenizer, SENTENCES, max_length)
    tame_outliers(graph, queries)
    _quantize_matmuls(graph, _round(graph, [*queries, *_samples(graph, tokenizer, PASSAGES, max_length)]))
    _quantize_words(graph)
    save_optimized(graph, out)
    return "fused" if fused else "unfused"


def _samples(graph: Graph, tokenizer: Path, texts: Sequence[str], max_length: int) -> list[NDArray[np.int64]]:
    """Returns the texts as ids, each (1, t) int64. Where no tokenizer lies beside the export, the ids are random."""
    if not tokenizer.is_file():
        return [sample_ids(graph, length) for length in range(4, 36, 2)]
    encode = Tokenizer.from_file(str(tokenizer))
    encode.no_padding()
    encode.enable_truncation(max_length)
    return [np.array([encode.encode(text).ids], np.int64) for text in texts]


def _round(graph: Graph, samples: list[NDArray[np.int64]]) -> dict[str, tuple[NDArray[np.int8], FloatArray]]:
    """Returns each product's weight in int8, (k, n), and its scales, (n,), by the product's name."""
    rounded = {}
    products = products_of(graph)
    widths = {node.input[0]: len(weight_of(graph, node)) for node in products}
    for values in _in_memory(widths, sum(ids.size for ids in samples)):
        session = graph.session(values)
        runs = [session.run(values, {INPUT: ids}) for ids in samples]
        for value, inputs in zip(values, zip(*runs, strict=True), strict=True):
            x = np.concatenate([part.reshape(-1, part.shape[-1]) for part in inputs]).astype(np.float64)
            gram = x.T @ x
            for node in products:
                if node.input[0] == value:
                    rounded[node.output[0]] = int8_weight(weight_of(graph, node), gram)
    return rounded


def _in_memory(widths: Mapping[str, int], tokens: int) -> Iterator[list[str]]:
    """Yields the values, (tokens, width) float32 each, in groups that fit in ROUNDING_BYTES."""
    values: list[str] = []
    for value, width in widths.items():
        if values and 4 * tokens * (sum(widths[v] for v in values) + width) > ROUNDING_BYTES:
            yield values
            values = []
        values.append(value)
    if values:
        yield values


def _quantize_matmuls(graph: Graph, rounded: dict[str, tuple[NDArray[np.int8], FloatArray]]) -> None:
    """Replaces each product and its bias by one int8 node.

    Before:  x ── MatMul(W) ── Add(b) ── y
    After:   x ── DynamicQuantizeMatMul(W int8, scales, b) ── y

    Where several products read x, one DynamicQuantizeLinear makes x uint8 for all of them, and each product becomes a
    MatMulIntegerToFloat.
    """
    products = products_of(graph)
    # From the last to the first: replacing a product redirects its readers, which by then are replaced already.
    for value in reversed(list(dict.fromkeys(node.input[0] for node in products))):
        sharing = [node for node in products if node.input[0] == value]
        quantized = [f"{value}/{part}" for part in ("uint8", "scale", "zero_point")]
        if len(sharing) > 1:
            graph.add("DynamicQuantizeLinear", [value], quantized)
        for node in sharing:
            name = node.output[0]
            weight, scale = rounded[name]
            w = graph.constant(f"{name}/int8", weight)
            s = graph.constant(f"{name}/weight_scale", scale)
            bias = bias_of(graph, node)
            old, b = (bias[0].output[0], bias[1]) if bias else (name, "")
            readers = graph.readers(old)
            if len(sharing) > 1:
                x, x_scale, zero = quantized
                inputs, op_type = [x, w, x_scale, s, zero, "", b], "MatMulIntegerToFloat"
            else:
                inputs, op_type = [value, w, s, "", b], "DynamicQuantizeMatMul"
            graph.redirect(old, graph.add(op_type, inputs, [f"{name}/float"], domain=CONTRIB), readers)


def _quantize_words(graph: Graph) -> None:
    """Stores the word embeddings in int8 with a scale per word.

    Before:  input_ids ── Gather(words float32) ── x
    After:   input_ids ─┬─ Gather(words int8) ── Cast(float32) ─┬─ Mul ── x
                        └─ Gather(scales float32) ──────────────┘
    """
    for node in graph.readers(INPUT):
        table = graph.constants.get(node.input[0])
        if node.op_type != "Gather" or table is None or table.ndim != 2:
            continue
        scale = np.abs(table).max(axis=1, keepdims=True) / 127
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        words = graph.constant("seeklet/words_int8", np.rint(table / scale).astype(np.int8))
        scales = graph.constant("seeklet/words_scale", scale)
        readers = graph.readers(node.output[0])
        rows = graph.add("Gather", [words, INPUT], ["seeklet/word_rows"])
        rows = graph.add("Cast", [rows], ["seeklet/word_rows_float"], to=TensorProto.FLOAT)
        by = graph.add("Gather", [scales, INPUT], ["seeklet/word_scales"])
        graph.redirect(node.output[0], graph.add("Mul", [rows, by], ["seeklet/words_float"]), readers)
