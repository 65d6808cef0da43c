"""Makes the fp32 graph small: values that are the same for every text become constants, and many nodes become few.

Each rewrite changes a pattern that it recognises and leaves everything else as it was. At the end both graphs run on
sample texts. If their vectors differ in one token, the plain graph is used instead of the rewritten one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from export.graph.attention import fuse_attention
from export.graph.folding import fold_constants, fold_embeddings, fold_inputs
from export.graph.gelu import fuse_gelu
from export.graph.onnx_graph import INPUT, OUTPUT, Graph
from export.graph.words import sample_ids

FAITHFUL = 0.9999
"""Least cosine of a token's vectors from the fused and the plain graph."""

LENGTHS = (1, 2, 7, 16)
"""Lengths (tokens) of the texts that both graphs run on."""


class Fused(NamedTuple):
    """A graph, and whether each attention in it is one node."""

    graph: Graph
    fused: bool


def fuse(
    export: Path,
    *,
    num_attention_heads: int,
    hidden_size: int,
    window: int = 0,
    more: Sequence[Callable[[Graph], None]] = (),
) -> Fused:
    """Reads optimum's fp32 export and fuses it: input_ids (1, t) int64 -> token_embeddings (1, t, d) float32.

    Args:
        export: an ONNX file.
        num_attention_heads: heads of each layer.
        hidden_size: d.
        window: tokens that local attention reaches over; 0 where all attention is global. A shorter text doesn't show
            that the attention is local.
        more: rewrites that follow the usual ones. The comparison at the end covers them too.

    Raises:
        ModelError: the graph is no encoder of the BERT family.
    """
    plain = Graph.load(export, hidden_size)
    fold_inputs(plain)
    fused = plain.copy()
    shapes = fold_constants(fused, window)
    fold_embeddings(fused)
    fuse_attention(fused, shapes, num_attention_heads)
    for rewrite in (fuse_gelu, *more):
        rewrite(fused)
    fused.nodes = fused.ordered([OUTPUT])
    if not _same(plain, fused, (*LENGTHS, *([LENGTHS[-1] + window] if window else []))):
        return Fused(plain, fused=False)
    return Fused(fused, fused=all(node.op_type != "Softmax" for node in fused.nodes))


def _same(plain: Graph, fused: Graph, lengths: Sequence[int]) -> bool:
    """Tells whether two graphs give the same vectors, token by token."""
    sessions = [graph.session() for graph in (plain, fused)]
    for length in lengths:
        ids = sample_ids(plain, length)
        a, b = (session.run(None, {INPUT: ids})[0][0] for session in sessions)
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        # A NaN in either graph's vectors is a difference, because no comparison with NaN is true.
        if not np.isfinite(b).all() or not ((a * b).sum(1) >= FAITHFUL * norms).all():
            return False
    return True
