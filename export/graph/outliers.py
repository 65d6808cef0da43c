"""Treats outliers: evens out the channels with far larger values, and keeps hidden units with such values in float32.

A whole activation has one scale. A few large values make that scale coarse, and all other values lose bits. Which of
the ways fits depends on what makes the activation: a LayerNormalization, a gate, or a Gelu.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from export.graph.onnx_graph import INPUT, FloatArray, Graph
from export.graph.products import MOST_OUTLIERS, bias_of, products_of, weight_of
from export.graph.words import sample_ids

SMOOTHING = 0.75
"""Share of a channel's excess over the median that is moved into the weights (SmoothQuant's alpha)."""

LENGTH = 8
"""Tokens of the text that shows which half of a product is the gate."""

OUTLIER = 2.0
"""A unit is an outlier if its reach is more than this many times the 17th largest reach. It stays in float32."""


def tame_outliers(graph: Graph, samples: Sequence[NDArray[np.int64]]) -> None:
    """Rewrites the fp32 graph so that int8 loses less. Its vectors stay the same.

    Args:
        graph: the graph to change.
        samples: ids of usual texts, each (1, t) int64.
    """
    reach = _reach(graph, samples)
    for value in dict.fromkeys(node.input[0] for node in products_of(graph)):
        _smooth(graph, value, reach[value])
    for node in products_of(graph):
        _smooth_gate(graph, node, reach[node.input[0]])
    for node in products_of(graph):
        _keep_outliers(graph, node, reach[node.input[0]])


def _reach(graph: Graph, samples: Sequence[NDArray[np.int64]]) -> dict[str, FloatArray]:
    """Returns the reach of each channel of each product's input: its greatest absolute value. (k,) float32 by input."""
    names = list(dict.fromkeys(node.input[0] for node in products_of(graph)))
    session = graph.session(names)
    far: dict[str, FloatArray] = {}
    for ids in samples:
        for name, value in zip(names, session.run(names, {INPUT: ids}), strict=True):
            here = np.abs(value).reshape(-1, value.shape[-1]).max(axis=0)
            far[name] = np.maximum(far.get(name, 0), here)
    return far


def _smooth(graph: Graph, value: str, reach: FloatArray) -> None:
    """Divides a LayerNormalization's outlier channels by a factor, and multiplies the next weights' rows by it.

    Before:  LayerNormalization(gamma, beta) ─┬─ MatMul(W) ── y
                                              └─ residual
    After:   LayerNormalization(gamma / f, beta / f) ─┬─ MatMul(f * W) ── y
                                                      └─ Mul(f) ── residual

    SmoothQuant (Xiao et al., 2023, arXiv 2211.10438). It costs one Mul for each text.
    """
    norm = graph.maker(value)
    readers = graph.readers(value)
    products = [n for n in products_of(graph) if n.input[0] == value]
    if norm.op_type != "LayerNormalization" or not all(name in graph.constants for name in norm.input[1:]):
        return
    factor = _factor(reach)
    for i, name in enumerate(norm.input[1:], start=1):
        norm.input[i] = graph.constant(
            f"{value}/{i}/smoothed", graph.constants[name].astype(np.float32) / factor
        )
    for node in products:
        weight = weight_of(graph, node) * factor[:, None]
        node.input[1] = graph.constant(f"{node.output[0]}/weight", weight)
    others = [n for n in readers if all(n is not p for p in products)]
    if others:
        factors = graph.constant(f"{value}/factor", factor)
        graph.redirect(value, graph.add("Mul", [value, factors], [f"{value}/unsmoothed"]), others)


def _factor(reach: FloatArray) -> FloatArray:
    """Returns what each channel is divided by: 1 for a usual one. (k,) float32 -> (k,) float32, powers of 2."""
    usual = max(float(np.median(reach)), 1e-6)
    excess = np.maximum(reach / usual, 1)
    factor: FloatArray = np.exp2(np.rint(SMOOTHING * np.log2(excess))).astype(np.float32)
    return factor  # powers of 2 round nothing


def _smooth_gate(graph: Graph, down: NodeProto, reach: FloatArray) -> None:
    """Divides the outlier units of a gated hidden layer (ModernBERT's) by a factor. It costs nothing for a text.

    Before:  x ── MatMul(W) ─┬─ first half ── Gelu ─┬─ Mul ── MatMul(down) ── y
                             └─ second half, gate ──┘
    After:   the same, with the gate's columns of W / f, and f * down

    Args:
        graph: the graph to change.
        down: the product that reads the hidden layer.
        reach: the greatest absolute value of each unit, (k,) float32.
    """
    product = graph.maker(down.input[0])
    gelu = next((n for n in map(graph.maker, product.input) if n.op_type == "Gelu"), None)
    if product.op_type != "Mul" or gelu is None or len(graph.readers(product.output[0])) > 1:
        return
    gate = next((name for name in product.input if name not in gelu.output), "")
    halves = [graph.maker(name) for name in (gelu.input[0], gate)]
    up = graph.maker(halves[0].input[0]) if halves[0].op_type in ("Slice", "Split") else NodeProto()
    weight = weight_of(graph, up)
    if weight.shape[1] != 2 * len(reach) or halves[1].input[:1] != halves[0].input[:1]:
        return
    factor = _factor(reach)
    whole, gated = graph.run(sample_ids(graph, LENGTH), [up.output[0], gate])
    # The half that Gelu reads is left alone: Gelu isn't linear.
    ones = np.ones_like(factor)
    if np.array_equal(whole[..., len(reach) :], gated):
        columns = np.concatenate([ones, factor])
    elif np.array_equal(whole[..., : len(reach)], gated):
        columns = np.concatenate([factor, ones])
    else:
        return
    up.input[1] = graph.constant(f"{up.output[0]}/weight", weight / columns)
    rows = weight_of(graph, down) * factor[:, None]
    down.input[1] = graph.constant(f"{down.output[0]}/weight", rows)


def _keep_outliers(graph: Graph, down: NodeProto, reach: FloatArray) -> None:
    """Computes the outlier units of a hidden layer separately, in float32.

    If one unit reaches 25 and the others stay below 6, one scale for all would cost the others two bits.

    Before:  x ── MatMul(up) ── Add(b) ── Gelu ── MatMul(down) ── Add(c) ── Add(residual) ── y
    After:   x ─┬─ MatMul(up') ── Add(b') ── Gelu ── MatMul(down') ── Add(c) ─┬─ Sum(residual) ── y
                └─ MatMul(u) ── Add(v) ── Gelu ── MatMul(w) ──────────────────┘

    u, v, w are the outliers' columns and rows of up, b, down; up', b', down' have zeros in their place.

    Args:
        graph: the graph to change.
        down: the product that reads the hidden layer.
        reach: the greatest absolute value of each unit, (k,) float32.
    """
    gelu = graph.maker(down.input[0])
    if gelu.op_type != "Gelu":
        return
    up = next(
        (n for n in map(graph.maker, graph.maker(gelu.input[0]).input) if len(weight_of(graph, n))), None
    )
    bias, after = (bias_of(graph, up) if up else None), bias_of(graph, down)
    if up is None or bias is None or after is None:
        return
    residual = graph.readers(after[0].output[0])
    units = np.flatnonzero(reach > OUTLIER * np.sort(reach)[-MOST_OUTLIERS - 1])
    if [n.op_type for n in residual] != ["Add"] or not len(units):
        return
    name = down.output[0]
    narrow = graph.constant(f"{name}/outliers/up", weight_of(graph, up)[:, units])
    biases = graph.constant(f"{name}/outliers/bias", graph.constants[bias[1]][units])
    wide = graph.constant(f"{name}/outliers/down", weight_of(graph, down)[units])
    value = graph.add("MatMul", [up.input[0], narrow], [f"{name}/outliers/product"])
    value = graph.add("Add", [value, biases], [f"{name}/outliers/input"])
    value = graph.add("Gelu", [value], [f"{name}/outliers/hidden"])
    value = graph.add("MatMul", [value, wide], [f"{name}/outliers/output"])
    residual[0].op_type = "Sum"
    residual[0].input.append(value)
    # Gelu(0) is 0, so the removed units no longer widen the range of the others.
    for node, slot in ((up, 1), (bias[0], list(bias[0].input).index(bias[1])), (down, 1)):
        left = graph.constants[node.input[slot]].copy()
        left[units if node is down else (..., units)] = 0
        node.input[slot] = graph.constant(f"{node.output[0]}/{slot}/without_outliers", left)
