"""Turns optimum's fp32 ONNX export into the int8 graph that the handler runs.

Weights are int8 per column, activations uint8 per text, chosen at run time. What makes that faithful
costs next to nothing per answer: outlier channels are evened out, outlier units stay float32, and the
weights never saturate on AVX2. It depends on the model alone, and doesn't judge the result.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # on by default since 1.29

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper
from tokenizers import Tokenizer

from export.errors import ModelError
from export.fuse import fuse, sample_ids
from export.graph import INPUT, OUTPUT, FloatArray, Graph
from export.rounding import int8_weight
from export.sentences import PASSAGES, SENTENCES
from handler.artifact import WEIGHTS_SUFFIX

CONTRIB = "com.microsoft"

SMOOTHING = 0.75
"""How much of a channel's excess over the median moves into the weights (SmoothQuant's alpha)."""

OUTLIER = 2.0
"""A unit that reaches this many times as far as the 17th farthest is an outlier, kept in float32."""

MOST_OUTLIERS = 16

LEAST_WEIGHT = 1024

ALIGNMENT = 64
"""A cache line: what is mapped is computed with where it lies."""

ROUNDING_BYTES = 256 << 20
"""Of activations held at a time while weights are rounded."""


@dataclass(frozen=True)
class QuantizeReport:
    """What became of the graph: nodes and bytes, before and after."""

    nodes_before: int
    nodes_after: int
    bytes_before: int
    bytes_after: int


def quantize(
    fp32: Path,
    out: Path,
    *,
    num_attention_heads: int,
    hidden_size: int,
    model_type: str,
    max_length: int = 256,
) -> QuantizeReport:
    """Write to out the int8 graph of fp32: model.onnx, or the folder that holds it. Its weights go beside, to out.data.

    input_ids (1, t) int64 -> token_embeddings (1, t, d) float32. Load it with graph optimisation off.
    max_length is the most tokens that the model takes.
    Raises ModelError where the export isn't an encoder of the BERT family.
    """
    source = fp32 / "model.onnx" if fp32.is_dir() else fp32
    if not source.is_file():
        raise ModelError(f"{source} doesn't exist: export the {model_type} model with optimum first")
    graph = fuse(source, num_attention_heads=num_attention_heads, hidden_size=hidden_size)
    tokenizer = source.parent / "tokenizer.json"
    queries = _samples(graph, tokenizer, SENTENCES, max_length)
    reach = _reach(graph, queries)
    for value in dict.fromkeys(node.input[0] for node in _matmuls(graph)):
        _smooth(graph, value, reach[value])
    for node in _matmuls(graph):
        _keep_outliers(graph, node, reach[node.input[0]])
    _quantize_matmuls(graph, _round(graph, [*queries, *_samples(graph, tokenizer, PASSAGES, max_length)]))
    _quantize_words(graph)
    _save(graph, out)
    before, after = (len(onnx.load(path, load_external_data=False).graph.node) for path in (source, out))
    size = sum(path.stat().st_size for path in (out, out.with_name(out.name + WEIGHTS_SUFFIX)))
    return QuantizeReport(before, after, source.stat().st_size, size)


def _samples(graph: Graph, tokenizer: Path, texts: Sequence[str], max_length: int) -> list[NDArray[np.int64]]:
    """The texts as ids, each (1, t); without a tokenizer beside the export, ids drawn once and for all."""
    if not tokenizer.is_file():
        return [sample_ids(graph, length) for length in range(4, 36, 2)]
    encode = Tokenizer.from_file(str(tokenizer))
    encode.no_padding()
    encode.enable_truncation(max_length)
    return [np.array([encode.encode(text).ids], np.int64) for text in texts]


def _matmuls(graph: Graph) -> list[NodeProto]:
    """The products of an activation (1, t, k) and a weight (k, n), but for the outlier units' own."""
    return [node for node in graph.ordered([OUTPUT]) if len(_weight(graph, node)) > MOST_OUTLIERS]


def _weight(graph: Graph, node: NodeProto) -> FloatArray:
    """The weight (k, n) of a product with a constant; of anything else, none: (0, 0)."""
    weight = graph.constants.get(node.input[1]) if node.op_type == "MatMul" else None
    return np.zeros((0, 0), np.float32) if weight is None or weight.ndim != 2 else weight.astype(np.float32)


def _bias(graph: Graph, node: NodeProto) -> tuple[NodeProto, str] | None:
    """The node that adds a bias (n,) to a product, and the bias's name."""
    readers = graph.readers(node.output[0])
    if [n.op_type for n in readers] != ["Add"]:
        return None
    name = next(name for name in readers[0].input if name != node.output[0])
    if name in graph.constants and graph.constants[name].shape == _weight(graph, node).shape[1:]:
        return readers[0], name
    return None


def _reach(graph: Graph, samples: list[NDArray[np.int64]]) -> dict[str, FloatArray]:
    """How far from 0 each channel of each product's input gets. Values (k,) float32."""
    names = list(dict.fromkeys(node.input[0] for node in _matmuls(graph)))
    session = graph.session(names)
    far: dict[str, FloatArray] = {}
    for ids in samples:
        for name, value in zip(names, session.run(names, {INPUT: ids}), strict=True):
            here = np.abs(value).reshape(-1, value.shape[-1]).max(axis=0)
            far[name] = np.maximum(far.get(name, 0), here)
    return far


def _smooth(graph: Graph, value: str, reach: FloatArray) -> None:
    """Divide a LayerNormalization's outlier channels by a factor that its weights' rows are multiplied by.

    Its gamma and beta take the division; who else reads it (the residual) gets one Mul to undo it.
    SmoothQuant (Xiao et al., 2023, arXiv 2211.10438), without its cost.
    """
    norm = graph.maker(value)
    readers = graph.readers(value)
    products = [n for n in _matmuls(graph) if n.input[0] == value]
    if norm.op_type != "LayerNormalization" or not all(name in graph.constants for name in norm.input[1:]):
        return
    usual = max(float(np.median(reach)), 1e-6)
    excess = np.maximum(reach / usual, 1)
    factor = np.exp2(np.rint(SMOOTHING * np.log2(excess))).astype(np.float32)  # powers of 2 round nothing
    for i, name in enumerate(norm.input[1:], start=1):
        norm.input[i] = graph.constant(f"{value}/{i}/smoothed", graph.constants[name] / factor)
    for node in products:
        weight = graph.constants[node.input[1]] * factor[:, None]
        node.input[1] = graph.constant(f"{node.output[0]}/weight", weight)
    others = [n for n in readers if all(n is not p for p in products)]
    if others:
        factors = graph.constant(f"{value}/factor", factor)
        graph.redirect(value, graph.add("Mul", [value, factors], [f"{value}/unsmoothed"]), others)


def _keep_outliers(graph: Graph, down: NodeProto, reach: FloatArray) -> None:
    """Compute the units of a hidden layer that reach far beyond the others apart, their output in float32.

    A unit at 25 where the others stay below 6 would cost all of them two bits. `down` is the product
    that reads the hidden layer, x -> up -> bias -> Gelu -> down -> bias -> + residual.
    """
    gelu = graph.maker(down.input[0])
    if gelu.op_type != "Gelu":
        return
    up = next((n for n in map(graph.maker, graph.maker(gelu.input[0]).input) if len(_weight(graph, n))), None)
    bias, after = (_bias(graph, up) if up else None), _bias(graph, down)
    if up is None or bias is None or after is None:
        return
    residual = graph.readers(after[0].output[0])
    units = np.flatnonzero(reach > OUTLIER * np.sort(reach)[-MOST_OUTLIERS - 1])
    if [n.op_type for n in residual] != ["Add"] or not len(units):
        return
    name = down.output[0]
    narrow = graph.constant(f"{name}/outliers/up", _weight(graph, up)[:, units])
    biases = graph.constant(f"{name}/outliers/bias", graph.constants[bias[1]][units])
    wide = graph.constant(f"{name}/outliers/down", _weight(graph, down)[units])
    value = graph.add("MatMul", [up.input[0], narrow], [f"{name}/outliers/product"])
    value = graph.add("Add", [value, biases], [f"{name}/outliers/input"])
    value = graph.add("Gelu", [value], [f"{name}/outliers/hidden"])
    value = graph.add("MatMul", [value, wide], [f"{name}/outliers/output"])
    residual[0].op_type = "Sum"
    residual[0].input.append(value)
    # Gelu(0) is 0, so the range of the units that stay doesn't see those that left.
    for node, slot in ((up, 1), (bias[0], list(bias[0].input).index(bias[1])), (down, 1)):
        left = graph.constants[node.input[slot]].copy()
        left[units if node is down else (..., units)] = 0
        node.input[slot] = graph.constant(f"{node.output[0]}/{slot}/without_outliers", left)


def _round(graph: Graph, samples: list[NDArray[np.int64]]) -> dict[str, tuple[NDArray[np.int8], FloatArray]]:
    """Each product's weight in int8 and its scales, by the product's name."""
    rounded = {}
    products = _matmuls(graph)
    widths = {node.input[0]: len(_weight(graph, node)) for node in products}
    for values in _in_memory(widths, sum(ids.size for ids in samples)):
        session = graph.session(values)
        runs = [session.run(values, {INPUT: ids}) for ids in samples]
        for value, inputs in zip(values, zip(*runs, strict=True), strict=True):
            x = np.concatenate([part.reshape(-1, part.shape[-1]) for part in inputs]).astype(np.float64)
            gram = x.T @ x
            for node in products:
                if node.input[0] == value:
                    rounded[node.output[0]] = int8_weight(_weight(graph, node), gram)
    return rounded


def _in_memory(widths: Mapping[str, int], tokens: int) -> Iterator[list[str]]:
    """The values, (tokens, width) float32 each, so many at a time as fit in ROUNDING_BYTES."""
    values: list[str] = []
    for value, width in widths.items():
        if values and 4 * tokens * (sum(widths[v] for v in values) + width) > ROUNDING_BYTES:
            yield values
            values = []
        values.append(value)
    if values:
        yield values


def _quantize_matmuls(graph: Graph, rounded: dict[str, tuple[NDArray[np.int8], FloatArray]]) -> None:
    """Make each product an int8 one that adds its bias; products of one input quantise it once."""
    products = _matmuls(graph)
    # From the last to the first: a replaced product's readers are redirected, and are done by then.
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
            bias = _bias(graph, node)
            old, b = (bias[0].output[0], bias[1]) if bias else (name, "")
            readers = graph.readers(old)
            if len(sharing) > 1:
                x, x_scale, zero = quantized
                inputs, op_type = [x, w, x_scale, s, zero, "", b], "MatMulIntegerToFloat"
            else:
                inputs, op_type = [value, w, s, "", b], "DynamicQuantizeMatMul"
            graph.redirect(old, graph.add(op_type, inputs, [f"{name}/float"], domain=CONTRIB), readers)


def _quantize_words(graph: Graph) -> None:
    """Hold the word embeddings in int8 with a scale per word."""
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


def _save(graph: Graph, out: Path) -> None:
    """Optimise at the extended level (portable, where "all" is tied to a processor) and write."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # Its CPU kernel takes ten times as long as Add and LayerNormalization.
    disabled = ["SkipLayerNormFusion"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        options.optimized_model_filepath = str(path)
        ort.InferenceSession(graph.model().SerializeToString(), options, disabled_optimizers=disabled)
        model = onnx.load(path)
    used = {node.domain for node in model.graph.node}
    opsets = [o for o in model.opset_import if o.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    del model.graph.value_info[:]
    weights = _move_weights(model, f"{out.name}{WEIGHTS_SUFFIX}")
    out.with_name(out.name + WEIGHTS_SUFFIX).write_bytes(weights)
    out.write_bytes(model.SerializeToString(deterministic=True))


def _move_weights(model: onnx.ModelProto, location: str) -> bytes:
    """Take the constants of LEAST_WEIGHT bytes and more out of the model; the bytes of the file that holds them."""
    weights = bytearray()
    for tensor in model.graph.initializer:
        raw = numpy_helper.to_array(tensor).tobytes()
        if len(raw) < LEAST_WEIGHT:
            continue
        weights += bytes(-len(weights) % ALIGNMENT)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", len(weights)), ("length", len(raw))):
            tensor.external_data.add(key=key, value=str(value))
        weights += raw
    return bytes(weights)
