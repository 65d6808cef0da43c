"""Fuses the GELU activation into one node."""

from __future__ import annotations

import math

from export.graph.onnx_graph import Graph


def fuse_gelu(graph: Graph) -> None:
    """Rewrites the five nodes of the exact GELU into one Gelu node (opset 20).

    Before:  x ─┬─ Div(sqrt 2) ── Erf ── Add(1) ─┬─ Mul ── Mul(0.5) ── y
                └────────────────────────────────┘
    After:   x ── Gelu ── y
    """
    for erf in [node for node in graph.nodes if node.op_type == "Erf"]:
        divide = graph.maker(erf.input[0])
        if divide.op_type != "Div" or not _is(graph, divide.input[1], math.sqrt(2)):
            continue
        x, node = divide.input[0], erf
        for op_type, number in (("Add", 1.0), ("Mul", None), ("Mul", 0.5)):
            readers = graph.readers(node.output[0])
            if [n.op_type for n in readers] != [op_type]:
                break
            other = next(name for name in readers[0].input if name != node.output[0])
            if other != x if number is None else not _is(graph, other, number):
                break
            node = readers[0]
        else:
            readers = graph.readers(node.output[0])
            graph.redirect(node.output[0], graph.add("Gelu", [x], [f"{x}/gelu"]), readers)


def _is(graph: Graph, name: str, number: float) -> bool:
    """Tells whether a value is the constant `number`."""
    value = graph.constants.get(name)
    return value is not None and value.size == 1 and math.isclose(value.item(), number, rel_tol=1e-6)
