"""Writes a graph in the form that the handler opens: optimised for any processor, with the weights in a second file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx import TensorProto, numpy_helper

from export.graph.onnx_graph import Graph
from handler.artifact import WEIGHTS_SUFFIX

LEAST_WEIGHT = 1024
"""Constants of fewer bytes stay in the model."""

ALIGNMENT = 64
"""Bytes of a cache line. The file is mapped into memory, and each weight is read in place."""


def save_optimized(graph: Graph, out: Path) -> None:
    """Optimises the graph and writes it to `out`, and its weights to out.data.

    A graph of ONNX Runtime's level "extended" runs on every processor; one of the level "all" only on processors like
    this one.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # SkipLayerNormalization's CPU kernel takes ten times as long as Add and LayerNormalization.
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
    """Moves the constants of LEAST_WEIGHT bytes and more out of the model. Returns the bytes of their file."""
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
