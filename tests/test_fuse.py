"""The fused graph: it answers like torch, and what went wrong with it is noticed and said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_encoders import HEADS, HIDDEN, TinyEncoder, assert_like_torch, open_graph

from export.graph.fuse import fuse
from export.graph.onnx_graph import Graph
from export.graph.quantize import quantize
from export.model.convert import convert
from export.model.source_model import find_model


def test_the_fused_graph_is_like_torchs(tiny_bert: TinyEncoder) -> None:
    graph, fused = fuse(tiny_bert.export / "model.onnx", num_attention_heads=HEADS, hidden_size=HIDDEN)
    assert fused
    count = Counter(node.op_type for node in graph.nodes)
    assert (count["Attention"], count["Gelu"], count["Softmax"], count["Erf"]) == (2, 2, 0, 0)
    assert_like_torch(tiny_bert.torch_model, graph.session(), 0.99999)


def test_what_isnt_recognised_is_slower_but_right(tiny_bert: TinyEncoder, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    graph = quantize(
        tiny_bert.export, out, num_attention_heads=HEADS + 1, hidden_size=HIDDEN, model_type="tiny"
    )
    assert graph == "unfused"
    assert Counter(node.op_type for node in onnx.load(out).graph.node)["Softmax"] == 2
    assert_like_torch(tiny_bert.torch_model, open_graph(out), 0.999)


def another_activation(graph: Graph) -> None:
    for node in graph.nodes:
        if node.op_type == "Gelu":
            node.op_type = "Tanh"


def not_a_number(graph: Graph) -> None:
    bias = next(name for name, value in graph.constants.items() if value.shape == (HIDDEN,))
    graph.constants[bias] = np.full(HIDDEN, np.nan, np.float32)


@pytest.mark.parametrize("wrong", [another_activation, not_a_number])
def test_a_wrong_rewrite_is_noticed_and_left_out(
    tiny_bert: TinyEncoder, wrong: Callable[[Graph], None]
) -> None:
    graph, fused = fuse(
        tiny_bert.export / "model.onnx", num_attention_heads=HEADS, hidden_size=HIDDEN, more=[wrong]
    )
    assert not fused
    assert Counter(node.op_type for node in graph.nodes)["Softmax"] == 2
    assert_like_torch(tiny_bert.torch_model, graph.session(), 0.99999)


def test_a_conversion_says_how_its_graph_was_made(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEKLET_CACHE", str(tmp_path))
    model = find_model(str(tiny_model), None, None)
    assert convert(model).graph == "fused"
    assert convert(replace(model, num_attention_heads=4)).graph == "unfused"
