"""The int8 graph against torch's own hidden states, for every kind of encoder that is promised."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("optimum.exporters.onnx")

import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402

from export.graph import fuse  # noqa: E402
from export.graph.onnx_graph import INPUT, OUTPUT, Graph  # noqa: E402
from export.graph.quantize import quantize  # noqa: E402
from export.graph.rounding import int8_weight  # noqa: E402
from handler.errors import ModelError  # noqa: E402

HEADS, HIDDEN, WORDS = 2, 128, 400
LENGTHS = (1, 2, 7, 33, 60)

SIZES = {
    "vocab_size": WORDS,
    "hidden_size": HIDDEN,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "intermediate_size": 256,
    "max_position_embeddings": 66,
}
DISTILBERT_SIZES = {
    "vocab_size": WORDS,
    "dim": HIDDEN,
    "n_layers": 2,
    "n_heads": HEADS,
    "hidden_dim": 256,
    "max_position_embeddings": 66,
}

# name: configuration class, model class, arguments
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("BertConfig", "BertModel", SIZES),
    "bert-relu": ("BertConfig", "BertModel", SIZES | {"hidden_act": "relu"}),
    "bert-gelu-tanh": ("BertConfig", "BertModel", SIZES | {"hidden_act": "gelu_new"}),
    "roberta": ("RobertaConfig", "RobertaModel", SIZES | {"pad_token_id": 1}),
    "xlm-roberta": ("XLMRobertaConfig", "XLMRobertaModel", SIZES | {"pad_token_id": 1}),
    "distilbert": ("DistilBertConfig", "DistilBertModel", DISTILBERT_SIZES),
    "mpnet": ("MPNetConfig", "MPNetModel", SIZES),
    "electra": ("ElectraConfig", "ElectraModel", SIZES | {"embedding_size": 64}),
    "albert": ("AlbertConfig", "AlbertModel", SIZES | {"embedding_size": 64}),
}


class Tiny(NamedTuple):
    """A small random model in torch, optimum's export of it, and the int8 graph."""

    name: str
    torch_model: Any
    export: Path
    int8: Path


@pytest.fixture(scope="module", params=MODELS)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return _tiny(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return _tiny("bert", tmp_path_factory.mktemp("bert"))


def _tiny(name: str, folder: Path) -> Tiny:
    from optimum.exporters.onnx import main_export

    config_name, model_name, arguments = MODELS[name]
    torch.manual_seed(7)
    model = getattr(transformers, model_name)(getattr(transformers, config_name)(**arguments)).eval()
    with torch.no_grad():
        # As initialised, biases are 0, gammas 1 and attention flat: mistakes there wouldn't show.
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn(parameter.shape) * 0.1)
            elif "embed" not in parameter_name:
                parameter.mul_(3)
        up = next(p for n, p in model.named_parameters() if p.dim() == 1 and p.shape[0] == 256)
        up[5] = 12.0  # an outlier unit, as trained models have
    model.save_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # optimum's and the tracer's
        main_export(
            str(folder),
            output=folder / "onnx",
            task="feature-extraction",
            library_name="transformers",
            do_validation=False,
        )
    return Tiny(name, model, folder / "onnx", _quantize(folder / "onnx", folder / "model.onnx"))


def _quantize(source: Path, out: Path) -> Path:
    quantize(source, out, num_attention_heads=HEADS, hidden_size=HIDDEN, model_type="tiny")
    return out


def _session(path: Path, threads: int = 1) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(path, options)


def _ids(length: int) -> NDArray[np.int64]:
    return np.random.default_rng(length).integers(5, WORDS, (1, length)).astype(np.int64)


def _cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Per token. (t, d), (t, d) -> (t,)"""
    cosines: NDArray[np.float32] = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return cosines


def _assert_like_torch(model: Any, session: ort.InferenceSession, least: float) -> None:
    for length in LENGTHS:
        ids = _ids(length)
        with torch.no_grad():
            ones = torch.ones((1, length), dtype=torch.int64)
            expected = (
                model(input_ids=torch.from_numpy(ids), attention_mask=ones).last_hidden_state[0].numpy()
            )
        (found,) = session.run(None, {INPUT: ids})
        assert found.shape == (1, length, HIDDEN)
        assert found.dtype == np.float32
        assert _cosines(found[0], expected).min() > least, length


def test_every_token_is_like_torchs(tiny: Tiny) -> None:
    session = _session(tiny.int8)
    assert [(i.name, i.type) for i in session.get_inputs()] == [(INPUT, "tensor(int64)")]
    assert [(o.name, o.type) for o in session.get_outputs()] == [(OUTPUT, "tensor(float)")]
    _assert_like_torch(tiny.torch_model, session, 0.999)


def test_attention_is_one_node_and_every_product_int8(tiny: Tiny) -> None:
    nodes = onnx.load(tiny.int8).graph.node
    count = Counter(node.op_type for node in nodes)
    assert count["Attention"] == 2
    assert count["Softmax"] == count["Erf"] == count["SkipLayerNormalization"] == 0
    assert count["MatMul"] == count["Sum"] <= 1  # left in float32: the outlier units' own product


def test_what_isnt_recognised_is_slower_but_right(bert: Tiny, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    quantize(bert.export, out, num_attention_heads=HEADS + 1, hidden_size=HIDDEN, model_type="tiny")
    assert Counter(node.op_type for node in onnx.load(out).graph.node)["Softmax"] == 2
    _assert_like_torch(bert.torch_model, _session(out), 0.999)


def test_a_wrong_fusion_is_noticed_and_left_out(
    bert: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(graph: Graph) -> None:
        for node in graph.nodes:
            if node.op_type == "Erf":
                node.op_type = "Tanh"

    monkeypatch.setattr(fuse, "_fuse_gelu", wrong)
    out = _quantize(bert.export, tmp_path / "model.onnx")
    _assert_like_torch(bert.torch_model, _session(out), 0.999)


def test_an_outlier_unit_is_computed_apart(bert: Tiny) -> None:
    nodes = onnx.load(bert.int8).graph.node
    assert Counter(node.op_type for node in nodes)["Sum"] == 1


def test_one_thread_and_two_give_the_same_bits(bert: Tiny) -> None:
    one, two = _session(bert.int8, 1), _session(bert.int8, 2)
    for length in LENGTHS:
        feed = {INPUT: _ids(length)}
        assert np.array_equal(one.run(None, feed)[0], two.run(None, feed)[0])


def test_another_process_writes_the_same_bytes(bert: Tiny, tmp_path: Path) -> None:
    there = tmp_path / bert.int8.name
    code = (
        "import sys; from pathlib import Path; from export.graph.quantize import quantize;"
        "quantize(Path(sys.argv[1]), Path(sys.argv[2]), num_attention_heads=2, hidden_size=128, model_type='tiny')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bert.export, there],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        check=True,
    )
    for suffix in ("", ".data"):
        assert Path(f"{bert.int8}{suffix}").read_bytes() == Path(f"{there}{suffix}").read_bytes()
    assert not done.stdout


def test_the_report_counts_nodes_and_bytes(bert: Tiny, tmp_path: Path) -> None:
    out, source = tmp_path / "model.onnx", bert.export / "model.onnx"
    report = quantize(source, out, num_attention_heads=HEADS, hidden_size=HIDDEN, model_type="tiny")
    assert report.nodes_after < 50 < report.nodes_before
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert report.bytes_after == size < 0.4 * report.bytes_before == 0.4 * source.stat().st_size


def test_without_an_export_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="export the bert model with optimum first"):
        quantize(tmp_path, tmp_path / "x", num_attention_heads=2, hidden_size=128, model_type="bert")


def test_weights_cant_saturate_in_pairs_and_are_near() -> None:
    """AVX2 adds two u8 x s8 products in 16 bits: 255 * (w0 + w1) must fit there, for every pair of rows."""
    rng = np.random.default_rng(0)
    for k, n in ((7, 5), (384, 64), (1, 3)):
        for weight in (
            rng.standard_normal((k, n)),
            rng.standard_t(2, (k, n)),
            np.ones((k, n)),
            np.zeros((k, n)),
        ):
            steps, scale = int8_weight(weight.astype(np.float32))
            assert steps.dtype == np.int8
            assert steps.shape == (k, n)
            assert scale.shape == (n,)
            pairs = np.concatenate([steps, np.zeros((k % 2, n), np.int8)]).astype(int).reshape(-1, 2, n)
            sums = 255 * np.stack([np.maximum(pairs, 0).sum(1), np.minimum(pairs, 0).sum(1)])
            assert sums.max() <= 32767
            assert sums.min() >= -32768
            assert (np.abs(steps * scale - weight) <= 1.5001 * scale).all()


def test_two_weights_of_one_sign_reach_128_together() -> None:
    fits, scale = int8_weight(np.array([[127], [1], [-127], [100]], np.float32))
    assert fits.ravel().tolist() == [127, 1, -127, 100]
    assert scale == pytest.approx(1)
    halved, scale = int8_weight(np.array([[127], [127], [1], [-1]], np.float32))
    assert halved.ravel().tolist() == [64, 64, 1, -1]
    assert scale == pytest.approx(127 / 64)


def test_rounding_errs_less_where_inputs_usually_are() -> None:
    """Against the nearest steps, over inputs drawn as the fitted ones were: the product's own error is the oracle."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((48, 300)) @ np.diag(rng.random(300))
    fitted, fresh = (rng.standard_normal((n, 48)) @ mixing + rng.random(300) for n in (400, 1000))
    weight = rng.standard_normal((300, 40)).astype(np.float32)
    errors = []
    for gram in (None, fitted.T @ fitted):
        steps, scale = int8_weight(weight, gram)
        errors.append(float(np.square(fresh @ (steps * scale - weight)).sum()))
        pairs = steps.astype(int).reshape(-1, 2, 40)
        assert np.maximum(pairs, 0).sum(1).max() <= 128
        assert np.minimum(pairs, 0).sum(1).min() >= -128
    nearest, fitted_error = errors
    assert fitted_error < 0.5 * nearest
