"""The int8 graph against torch's own hidden states, for every kind of encoder that is promised."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_encoders import (
    HEADS,
    HIDDEN,
    LENGTHS,
    MODELS,
    TinyEncoder,
    assert_like_torch,
    make_encoder,
    open_graph,
    random_ids,
)

from export.graph.onnx_graph import INPUT, OUTPUT
from export.graph.quantize import quantize
from handler.errors import ModelError


@pytest.fixture(scope="module", params=MODELS)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TinyEncoder:
    return make_encoder(request.param, tmp_path_factory.mktemp(request.param))


def test_every_token_is_like_torchs(encoder: TinyEncoder) -> None:
    session = open_graph(encoder.int8)
    assert [(i.name, i.type) for i in session.get_inputs()] == [(INPUT, "tensor(int64)")]
    assert [(o.name, o.type) for o in session.get_outputs()] == [(OUTPUT, "tensor(float)")]
    assert_like_torch(encoder.torch_model, session, 0.999)


def test_attention_is_one_node_and_every_product_int8(encoder: TinyEncoder) -> None:
    nodes = onnx.load(encoder.int8).graph.node
    count = Counter(node.op_type for node in nodes)
    assert count["Attention"] == 2
    assert count["Softmax"] == count["Erf"] == count["SkipLayerNormalization"] == 0
    assert count["MatMul"] == count["Sum"] <= 1  # left in float32: the outlier units' own product


def test_an_outlier_unit_is_computed_apart(tiny_bert: TinyEncoder) -> None:
    nodes = onnx.load(tiny_bert.int8).graph.node
    assert Counter(node.op_type for node in nodes)["Sum"] == 1


def test_one_thread_and_two_give_the_same_bits(tiny_bert: TinyEncoder) -> None:
    one, two = open_graph(tiny_bert.int8, 1), open_graph(tiny_bert.int8, 2)
    for length in LENGTHS:
        feed = {INPUT: random_ids(length)}
        assert np.array_equal(one.run(None, feed)[0], two.run(None, feed)[0])


def test_another_process_writes_the_same_bytes(tiny_bert: TinyEncoder, tmp_path: Path) -> None:
    there = tmp_path / tiny_bert.int8.name
    code = (
        "import sys; from pathlib import Path; from export.graph.quantize import quantize;"
        "quantize(Path(sys.argv[1]), Path(sys.argv[2]), num_attention_heads=2, hidden_size=128, model_type='tiny')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tiny_bert.export, there],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
    )
    for suffix in ("", ".data"):
        assert Path(f"{tiny_bert.int8}{suffix}").read_bytes() == Path(f"{there}{suffix}").read_bytes()
    assert not done.stdout


def test_the_graph_has_few_nodes_and_bytes(tiny_bert: TinyEncoder, tmp_path: Path) -> None:
    out, source = tmp_path / "model.onnx", tiny_bert.export / "model.onnx"
    made = quantize(source, out, num_attention_heads=HEADS, hidden_size=HIDDEN, model_type="tiny")
    assert made == "fused"
    before, after = (len(onnx.load(path, load_external_data=False).graph.node) for path in (source, out))
    assert after < 50 < before
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 0.4 * source.stat().st_size


def test_without_an_export_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="export the bert model with optimum first"):
        quantize(tmp_path, tmp_path / "x", num_attention_heads=2, hidden_size=128, model_type="bert")
