"""Makes constants of the values that are the same for every text.

A run holds one text, unpadded, so the mask is all ones and the token types are all zeros. A value that depends only on
them and on the text's length is computed here, once. A value that isn't recognised stays as it was.
"""

from __future__ import annotations

import numpy as np
from onnx import helper

from export.graph.onnx_graph import INPUT, OUTPUT, Array, FloatArray, Graph
from export.graph.words import sample_ids, word_gathers
from handler.errors import ModelError

SHORT, LONG = 3, 8
"""Lengths (tokens) at which values are compared. 1 is not among them: there a wrong broadcast gives the right values."""


def fold_inputs(graph: Graph) -> None:
    """Replaces the input mask by ones and the input token types by zeros, both as long as input_ids.

    Before:  input_ids, attention_mask, token_type_ids are inputs
    After:   input_ids ── Shape ─┬─ ConstantOfShape(1) ── attention_mask
                                 └─ ConstantOfShape(0) ── token_type_ids

    Raises:
        ModelError: the model has another input beside these three.
    """
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


def fold_constants(graph: Graph, window: int = 0) -> dict[str, Array]:
    """Folds the values that depend on the length alone. Returns them as they are at the longer of two lengths.

    A scalar becomes a constant. A mask that adds zero is left out. Rows that depend on their position become the first
    rows of a constant.

    Args:
        graph: the graph to change.
        window: tokens that local attention reaches over; 0 where all attention is global. Its mask is zero up to there.
    """
    long_length = LONG + window
    by_length = _by_length_alone(graph)
    order = graph.ordered([OUTPUT])
    edges = [(node, name) for node in order for name in node.input if name in by_length]
    edges = [(node, name) for node, name in edges if node.output[0] not in by_length]
    names = list(dict.fromkeys(name for _, name in edges))
    masked = [node for node, _ in edges if node.op_type == "Add"]
    sums = list(dict.fromkeys(name for node in masked for name in (*node.input, node.output[0])))
    short, long = (
        dict(zip([*names, *sums], graph.run(sample_ids(graph, length), [*names, *sums]), strict=True))
        for length in (SHORT, long_length)
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
        elif value.dtype == np.float32 and value.shape[:2] == (1, long_length) and value.ndim == 3:
            _fold_rows(graph, name, short[name], value)
    return long


def fold_embeddings(graph: Graph) -> None:
    """Joins the constants that are added to the word embeddings, token types and positions, into one.

    Before:  Gather(words) ── Add(types) ── Add(positions) ── x
    After:   Gather(words) ── Add(types + positions) ── x

    Where there are no positions, the sum is added to the words' table, and no Add is left.
    """
    words = word_gathers(graph)[0]
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
    if total.shape[1] == 1:  # the same row for every position
        table = graph.constants[words.input[0]].astype(np.float32) + total[0]
        words.input[0] = graph.constant("seeklet/words", table)
        graph.redirect(value, words.output[0])
    else:
        readers = graph.readers(value)
        rows = _first_rows(graph, "seeklet/positions", total)
        graph.redirect(value, graph.add("Add", [words.output[0], rows], ["seeklet/embeddings"]), readers)


def _by_length_alone(graph: Graph) -> set[str]:
    """Returns the values that depend on the text's length but not on its words, without the constants."""
    known = set(graph.constants) | {""}
    for node in graph.ordered([OUTPUT]):
        if node.op_type == "Shape" or all(name in known for name in node.input):
            known.update(node.output)
    return known - set(graph.constants) - {""}


def _fold_rows(graph: Graph, name: str, short: Array, long: Array) -> None:
    """Replaces rows (1, t, d) that depend on their position alone by the first t rows of a constant."""
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
    """Adds a Slice of a constant (1, longest, d) with as many rows as the text has tokens. Returns its output's name."""
    shape = graph.add("Shape", [INPUT], [f"{name}/length"], start=1, end=2)
    begin = graph.constant("seeklet/zero", np.array([0], np.int64))
    axis = graph.constant("seeklet/one", np.array([1], np.int64))
    rows = graph.constant(f"{name}/rows", table)
    return graph.add("Slice", [rows, begin, shape, axis], [f"{name}/first"])
