"""Folds what is the same for every text into constants, and many nodes into few, in fp32.

A run holds one text, unpadded: the mask is all ones and the token types all zeros, so what depends on
them and on the length alone is evaluated once and folded. Attention and GELU become one node each.
Where a pattern isn't found the nodes stay as they were; where the answers differ, all of them do.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

from export.graph.onnx_graph import INPUT, OUTPUT, Array, FloatArray, Graph
from handler.errors import ModelError

LENGTHS = (3, 8)
"""Lengths (tokens) at which a value is looked at; not 1, where broadcasting hides mistakes."""

FAITHFUL = 0.9999
"""Least cosine, per token, between the fused graph and the export."""


def fuse(export: Path, *, num_attention_heads: int, hidden_size: int) -> Graph:
    """The fp32 graph of optimum's export: input_ids (1, t) int64 -> token_embeddings (1, t, d) float32."""
    plain = Graph.load(export, hidden_size)
    _fold_inputs(plain)
    fused = plain.copy()
    shapes = _fold_constants(fused, _by_length_alone(fused))
    _fold_embeddings(fused)
    _fuse_attention(fused, shapes, num_attention_heads)
    _fuse_gelu(fused)
    fused.nodes = fused.ordered([OUTPUT])
    return fused if _same(plain, fused) else plain


def sample_ids(graph: Graph, length: int) -> NDArray[np.int64]:
    """Ids of a text of `length` tokens that never was, the same ones every time. (1, t) int64."""
    rows = max(len(graph.constants[n.input[0]]) for n in _word_gathers(graph))
    ids = np.random.default_rng(length).integers(rows // 20, rows, (1, length))
    return ids.astype(np.int64)


def _same(plain: Graph, fused: Graph) -> bool:
    """Whether two graphs answer alike, token by token."""
    sessions = [graph.session() for graph in (plain, fused)]
    for length in (1, 2, 7, 16):
        ids = sample_ids(plain, length)
        a, b = (session.run(None, {INPUT: ids})[0][0] for session in sessions)
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        if not np.isfinite(b).all() or ((a * b).sum(1) < FAITHFUL * norms).any():
            return False
    return True


def _word_gathers(graph: Graph) -> list[NodeProto]:
    gathers = [n for n in graph.readers(INPUT) if n.op_type == "Gather" and n.input[0] in graph.constants]
    if not gathers:
        raise ModelError(
            "the model has no table of word embeddings: only encoders of the BERT family can be exported"
        )
    return gathers


def _fold_inputs(graph: Graph) -> None:
    """Let the mask be ones and the token types zeros, of the length of input_ids."""
    shape = graph.add("Shape", [INPUT], ["seeklet/shape"])
    for name, value in (("attention_mask", 1), ("token_type_ids", 0)):
        if graph.readers(name):
            filling = helper.make_tensor("value", 7, [1], [value])  # 7: int64
            graph.add("ConstantOfShape", [shape], [name], value=filling)
    made = set(graph.makers()) | set(graph.constants) | {INPUT, ""}
    unknown = {name for node in graph.nodes for name in node.input} - made
    if unknown:
        raise ModelError(
            f"the model asks for {', '.join(sorted(unknown))}: only input_ids, mask and token types are known"
        )


def _by_length_alone(graph: Graph) -> set[str]:
    """The values, constants apart, that depend on the text's length but not on its words."""
    known = set(graph.constants) | {""}
    for node in graph.ordered([OUTPUT]):
        if node.op_type == "Shape" or all(name in known for name in node.input):
            known.update(node.output)
    return known - set(graph.constants) - {""}


def _fold_constants(graph: Graph, by_length: set[str]) -> dict[str, Array]:
    """Fold what the length alone decides; returns those values as they are at the longer of LENGTHS.

    Scalars become constants, a mask that adds nothing goes, rows by position become constants.
    """
    order = graph.ordered([OUTPUT])
    edges = [(node, name) for node in order for name in node.input if name in by_length]
    edges = [(node, name) for node, name in edges if node.output[0] not in by_length]
    names = list(dict.fromkeys(name for _, name in edges))
    masked = [node for node, _ in edges if node.op_type == "Add"]
    sums = list(dict.fromkeys(name for node in masked for name in (*node.input, node.output[0])))
    short, long = (
        dict(zip([*names, *sums], graph.run(sample_ids(graph, length), [*names, *sums]), strict=True))
        for length in LENGTHS
    )
    for node in masked:
        for zero, other in (node.input, reversed(node.input)):
            unchanged = long[other].shape == long[node.output[0]].shape
            if zero in by_length and unchanged and not short[zero].any() and not long[zero].any():
                graph.redirect(node.output[0], other)
    for name in names:
        value = long[name]
        if value.dtype == np.float32 and value.size == 1 and np.array_equal(value, short[name]):
            graph.redirect(name, graph.constant(f"{name}/folded", value))
        elif value.dtype == np.float32 and value.shape[:2] == (1, LENGTHS[1]) and value.ndim == 3:
            _fold_rows(graph, name, short[name], value)
    return long


def _fold_rows(graph: Graph, name: str, short: Array, long: Array) -> None:
    """Make rows that the position alone decides, (1, t, d), the first t of a constant's rows."""
    if (long == long[:, :1]).all() and (short == long[:, :1]).all():
        graph.redirect(name, graph.constant(f"{name}/folded", long[:, :1]))
        return
    maker = graph.maker(name)
    if maker.op_type != "Gather" or maker.input[0] not in graph.constants:
        return
    rows = len(graph.constants[maker.input[0]])
    (table,) = graph.run(sample_ids(graph, rows), [name])
    if all(np.array_equal(table[:, : part.shape[1]], part) for part in (short, long)):
        graph.redirect(name, _first_rows(graph, name, table))


def _first_rows(graph: Graph, name: str, table: Array) -> str:
    """As many rows of a constant (1, longest, d) as the text has tokens."""
    shape = graph.add("Shape", [INPUT], [f"{name}/length"], start=1, end=2)
    begin = graph.constant("seeklet/zero", np.array([0], np.int64))
    axis = graph.constant("seeklet/one", np.array([1], np.int64))
    rows = graph.constant(f"{name}/rows", table)
    return graph.add("Slice", [rows, begin, shape, axis], [f"{name}/first"])


def _fold_embeddings(graph: Graph) -> None:
    """Sum the constants added to the word embeddings, token types and positions, into one."""
    words = _word_gathers(graph)[0]
    value = words.output[0]
    total: FloatArray | None = None
    while len(readers := graph.readers(value)) == 1 and readers[0].op_type == "Add":
        other = next((name for name in readers[0].input if name != value), "")
        maker = graph.maker(other)
        table = graph.constants.get(maker.input[0] if maker.op_type == "Slice" else other)
        if table is None or table.ndim != 3:
            break
        total = table.astype(np.float32) + (0 if total is None else total)
        value = readers[0].output[0]
    if total is None:
        return
    if total.shape[1] == 1:  # no positions here: into the words' table, at no cost
        table = graph.constants[words.input[0]].astype(np.float32) + total[0]
        name = graph.constant("seeklet/words", table)
        words.input[0] = name
        graph.redirect(value, words.output[0])
    else:
        readers = graph.readers(value)
        rows = _first_rows(graph, "seeklet/positions", total)
        graph.redirect(value, graph.add("Add", [words.output[0], rows], ["seeklet/embeddings"]), readers)


class _Heads(NamedTuple):
    """Where (1, h, t, d / h) or its transpose comes from, and what it was multiplied by."""

    source: str
    heads: int
    scale: float


def _heads(graph: Graph, value: str, perm: list[int], shapes: dict[str, Array]) -> _Heads | None:
    """Follow value back through Mul, Transpose(perm) and Reshape to the projection, (1, t, d)."""
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


def _fuse_attention(graph: Graph, shapes: dict[str, Array], num_attention_heads: int) -> None:
    """Make softmax(q k' * scale + bias) v, over heads, one Attention node (opset 23)."""
    for softmax in [node for node in graph.nodes if node.op_type == "Softmax"]:
        node = graph.maker(softmax.input[0])
        bias = ""
        if node.op_type == "Add":  # MPNet's relative positions
            sides = sorted(node.input, key=lambda name: name in shapes)
            bias = sides[1] if sides[1] in shapes else "unknown"
            node = graph.maker(sides[0])
        scale = 1.0
        if node.op_type in ("Mul", "Div") and (factor := graph.constants.get(node.input[1])) is not None:
            scale = factor.item() if node.op_type == "Mul" else 1 / factor.item()
            node = graph.maker(node.input[0])
        after = graph.readers(softmax.output[0])
        if node.op_type != "MatMul" or bias == "unknown" or [n.op_type for n in after] != ["MatMul"]:
            continue
        merged = graph.readers(after[0].output[0])
        back = graph.readers(merged[0].output[0]) if [n.op_type for n in merged] == ["Transpose"] else []
        reshape = [n for n in back if n.op_type == "Reshape"]
        q = _heads(graph, node.input[0], [0, 2, 1, 3], shapes)
        k = _heads(graph, node.input[1], [0, 2, 3, 1], shapes)
        v = _heads(graph, after[0].input[1], [0, 2, 1, 3], shapes)
        if not (q and k and v and reshape) or {q.heads, k.heads, v.heads} != {num_attention_heads}:
            continue
        readers = graph.readers(reshape[0].output[0])
        fused = graph.add(
            "Attention",
            [q.source, k.source, v.source, *([bias] if bias else [])],
            [f"{softmax.output[0]}/attention"],
            q_num_heads=q.heads,
            kv_num_heads=k.heads,
            scale=scale * q.scale * k.scale,
        )
        graph.redirect(reshape[0].output[0], fused, readers)


def _fuse_gelu(graph: Graph) -> None:
    """Make x / sqrt(2) -> erf -> + 1 -> * x -> / 2 one Gelu node (opset 20), the erf one."""
    for erf in [node for node in graph.nodes if node.op_type == "Erf"]:
        divide = graph.maker(erf.input[0])
        if divide.op_type != "Div" or not _is(graph, divide.input[1], math.sqrt(2)):
            continue
        x, node = divide.input[0], erf
        for op_type, is_operand in (("Add", 1.0), ("Mul", None), ("Mul", 0.5)):
            readers = graph.readers(node.output[0])
            if [n.op_type for n in readers] != [op_type]:
                break
            other = next(name for name in readers[0].input if name != node.output[0])
            if other != x if is_operand is None else not _is(graph, other, is_operand):
                break
            node = readers[0]
        else:
            readers = graph.readers(node.output[0])
            graph.redirect(node.output[0], graph.add("Gelu", [x], [f"{x}/gelu"]), readers)


def _is(graph: Graph, name: str, number: float) -> bool:
    """Whether a value is the constant `number`."""
    value = graph.constants.get(name)
    return value is not None and value.size == 1 and math.isclose(value.item(), number, rel_tol=1e-6)
