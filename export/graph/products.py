"""The products of an encoder's graph: activations (1, t, k) by a constant weight (k, n), and their biases."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from export.graph.onnx_graph import OUTPUT, FloatArray, Graph

MOST_OUTLIERS = 16
"""The most outlier units of a hidden layer. A product with this many rows or fewer belongs to outlier units."""


def products_of(graph: Graph) -> list[NodeProto]:
    """Returns the products of an activation (1, t, k) and a weight (k, n), except those of outlier units."""
    return [node for node in graph.ordered([OUTPUT]) if len(weight_of(graph, node)) > MOST_OUTLIERS]


def weight_of(graph: Graph, node: NodeProto) -> FloatArray:
    """Returns the weight (k, n) float32 of a product with a constant; (0, 0) for any other node."""
    weight = graph.constants.get(node.input[1]) if node.op_type == "MatMul" else None
    return np.zeros((0, 0), np.float32) if weight is None or weight.ndim != 2 else weight.astype(np.float32)


def bias_of(graph: Graph, node: NodeProto) -> tuple[NodeProto, str] | None:
    """Returns the node that adds a bias (n,) to a product, and the bias's name; None where there is no bias."""
    readers = graph.readers(node.output[0])
    if [n.op_type for n in readers] != ["Add"]:
        return None
    name = next(name for name in readers[0].input if name != node.output[0])
    if name in graph.constants and graph.constants[name].shape == weight_of(graph, node).shape[1:]:
        return readers[0], name
    return None
