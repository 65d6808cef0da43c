"""Fuses attention over several heads into one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from onnx import NodeProto

from export.graph.onnx_graph import Array, Graph


class _Heads(NamedTuple):
    """A value that was split into heads."""

    source: str  # the projection, (1, t, d)
    heads: int
    scale: float  # the factor that it was multiplied by after it was split


class _Scores(NamedTuple):
    """The input of a Softmax: a b' * scale + bias."""

    a: str
    b: str
    scale: float
    bias: str  # "" for none


def fuse_attention(graph: Graph, shapes: Mapping[str, Array], num_attention_heads: int) -> None:
    """Rewrites softmax(q k' * scale + bias) v into one Attention node (opset 23). Parts in () are optional.

    Before:  q ── Reshape ── Transpose ── (Mul) ─┐
             k ── Reshape ── Transpose ── (Mul) ─┴─ MatMul ── (Mul | Div) ── (Add bias) ── Softmax ─┐
             v ── Reshape ── Transpose ── (Mul) ────────────────────────────────────────────────────┴─ MatMul ─┐
                                                                               y ── Reshape ── Transpose ──────┘
    After:   q, k, v, (bias) ── Attention(heads, scale) ── y

    Args:
        graph: the graph to change.
        shapes: the values that depend on the text's length alone, at one length. They include the Reshapes' targets.
        num_attention_heads: the heads that the Reshapes must have. Attention with another number stays as it is.
    """
    for softmax in [node for node in graph.nodes if node.op_type == "Softmax"]:
        scores = _scores(graph, softmax, shapes)
        after = graph.readers(softmax.output[0])
        if scores is None or [n.op_type for n in after] != ["MatMul"]:
            continue
        merged = graph.readers(after[0].output[0])
        back = graph.readers(merged[0].output[0]) if [n.op_type for n in merged] == ["Transpose"] else []
        reshape = [n for n in back if n.op_type == "Reshape"]
        q = _heads(graph, scores.a, [0, 2, 1, 3], shapes)
        k = _heads(graph, scores.b, [0, 2, 3, 1], shapes)
        v = _heads(graph, after[0].input[1], [0, 2, 1, 3], shapes)
        if not (q and k and v and reshape) or {q.heads, k.heads, v.heads} != {num_attention_heads}:
            continue
        readers = graph.readers(reshape[0].output[0])
        fused = graph.add(
            "Attention",
            [q.source, k.source, v.source, *([scores.bias] if scores.bias else [])],
            [f"{softmax.output[0]}/attention"],
            q_num_heads=q.heads,
            kv_num_heads=k.heads,
            scale=scores.scale * q.scale * k.scale,
        )
        graph.redirect(reshape[0].output[0], fused, readers)


def _scores(graph: Graph, softmax: NodeProto, shapes: Mapping[str, Array]) -> _Scores | None:
    """Follows a Softmax back through Add and Mul to the product q k'. Returns None where the nodes are others."""
    node = graph.maker(softmax.input[0])
    bias = ""
    if node.op_type == "Add":  # MPNet's relative positions
        product, bias = sorted(node.input, key=lambda name: name in shapes)
        if bias not in shapes:
            return None
        node = graph.maker(product)
    scale = 1.0
    factor = graph.constants.get(node.input[1]) if node.op_type in ("Mul", "Div") else None
    if factor is not None and factor.size == 1:
        scale = factor.item() if node.op_type == "Mul" else 1 / factor.item()
        node = graph.maker(node.input[0])
    return _Scores(node.input[0], node.input[1], scale, bias) if node.op_type == "MatMul" else None


def _heads(graph: Graph, value: str, perm: list[int], shapes: Mapping[str, Array]) -> _Heads | None:
    """Follows a value back through Mul, Transpose(perm) and Reshape. Returns None where the nodes are others."""
    scale = 1.0
    while (node := graph.maker(value)).op_type in ("Mul", "Div"):
        factor = graph.constants.get(node.input[1])
        if factor is None or factor.size != 1:
            return None
        scale = scale * factor.item() if node.op_type == "Mul" else scale / factor.item()
        value = node.input[0]
    if node.op_type != "Transpose" or list(node.attribute[0].ints) != perm:
        return None
    reshape = graph.maker(node.input[0])
    shape = shapes.get(reshape.input[1]) if reshape.op_type == "Reshape" else None
    if shape is None or shape.size != 4:
        return None
    return _Heads(reshape.input[0], int(shape[2]), scale)
