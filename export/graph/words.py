"""The table of word embeddings, and random ids of its words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from export.graph.onnx_graph import INPUT, Graph
from handler.errors import ModelError


def word_gathers(graph: Graph) -> list[NodeProto]:
    """Returns the nodes that look input_ids up in a constant table: first the words' table, then any others.

    Raises:
        ModelError: there is none, so the graph is no encoder of the BERT family.
    """
    gathers = [n for n in graph.readers(INPUT) if n.op_type == "Gather" and n.input[0] in graph.constants]
    if not gathers:
        raise ModelError(
            "the model has no table of word embeddings: only encoders of the BERT family can be exported"
        )
    return gathers


def sample_ids(graph: Graph, length: int) -> NDArray[np.int64]:
    """Returns random ids for a text of `length` tokens, always the same ones. -> (1, length) int64."""
    rows = max(len(graph.constants[n.input[0]]) for n in word_gathers(graph))
    ids = np.random.default_rng(length).integers(rows // 20, rows, (1, length))
    return ids.astype(np.int64)
