"""ModernBERT, whose attention is local in most layers: its graph is right beyond the window too."""

from __future__ import annotations

from collections import Counter

import pytest
from tiny_encoders import (
    HEADS,
    HIDDEN,
    LENGTHS,
    WINDOW,
    TinyEncoder,
    assert_like_torch,
    make_encoder,
    open_graph,
)

from export.graph.fuse import fuse


@pytest.fixture(scope="module")
def modernbert(tmp_path_factory: pytest.TempPathFactory) -> TinyEncoder:
    return make_encoder("modernbert", tmp_path_factory.mktemp("modernbert"))


def test_the_rewritten_graph_is_like_torchs(modernbert: TinyEncoder) -> None:
    assert min(LENGTHS) < WINDOW // 2 < max(LENGTHS)
    graph, fused = fuse(
        modernbert.export / "model.onnx", num_attention_heads=HEADS, hidden_size=HIDDEN, window=WINDOW
    )
    assert_like_torch(modernbert.torch_model, graph.session(), 0.99999)
    # Rewritten but for the attention.
    assert not fused
    count = Counter(node.op_type for node in graph.nodes)
    assert (count["Gelu"], count["Erf"], count["Softmax"]) == (2, 0, 2)


def test_without_the_window_the_mask_would_be_left_out(modernbert: TinyEncoder) -> None:
    graph, _ = fuse(modernbert.export / "model.onnx", num_attention_heads=HEADS, hidden_size=HIDDEN)
    with pytest.raises(AssertionError):
        assert_like_torch(modernbert.torch_model, graph.session(), 0.99999)


def test_the_int8_graph_is_like_torchs(modernbert: TinyEncoder) -> None:
    # An outlier unit of the gated layer is evened out; otherwise this is .998.
    assert_like_torch(modernbert.torch_model, open_graph(modernbert.int8), 0.9995)
