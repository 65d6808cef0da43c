"""Models that name files of others, panic or would run code: each is refused, and the files of others stay unread."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from damage import agree, without_wordpieces
from http_events import make_event
from safetensors.numpy import load_file

from export.model.weights import load_weights
from handler.errors import ArtifactError, ModelError
from handler.function import Function
from handler.manifest import REMEDY
from handler.searcher import Searcher
from handler.settings import Settings


@pytest.fixture
def own(tiny_artifact: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage, and its weights once more beside it."""
    own = Path(shutil.copytree(tiny_artifact, tmp_path / "own"))
    shutil.copyfile(own / "model.onnx.data", tmp_path / "outside.data")
    return own


def change_external(artifact: Path, key: str, value: str) -> None:
    """Changes where the weights of model.onnx are said to be."""
    model = onnx.load(str(artifact / "model.onnx"), load_external_data=False)
    entries = [
        entry for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == key
    ]
    assert entries
    for entry in entries:
        entry.value = value
    (artifact / "model.onnx").write_bytes(model.SerializeToString())
    agree(artifact)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(
            ("location", place)
            for place in ("../outside.data", "x/../../outside.data", "{folder}/outside.data")
        ),
        *(("location", place) for place in ("/proc/self/mem", "/dev/zero", "nowhere.data", "", ".")),
        *(("length", str(number)) for number in (2**60, 2**64, -1)),
        *(("offset", str(number)) for number in (2**62, -4096)),
    ],
)
def test_weights_elsewhere_are_not_read(own: Path, tmp_path: Path, key: str, value: str) -> None:
    change_external(own, key, value.replace("{folder}", str(tmp_path)))
    with pytest.raises(
        ArtifactError, match=r"model\.onnx can't be loaded as an ONNX model .*: run"
    ) as refused:
        Searcher.load(own)
    assert REMEDY in str(refused.value)


def test_a_link_out_of_the_folder_is_not_followed_by_the_weights(own: Path, tmp_path: Path) -> None:
    (own / "model.onnx.data").unlink()
    (own / "model.onnx.data").symlink_to(tmp_path / "outside.data")
    with pytest.raises(ArtifactError, match=r"model\.onnx can't be loaded as an ONNX model"):
        Searcher.load(own)


def change_tokenizer(artifact: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = artifact / "tokenizer.json"
    fields = json.loads(path.read_bytes())
    change(fields)
    path.write_text(json.dumps(fields))
    without_wordpieces(artifact)
    agree(artifact)


def charsmap(data: bytes) -> Callable[[dict[str, Any]], Any]:
    """A table of characters in the form of sentencepiece."""
    fields = {"type": "Precompiled", "precompiled_charsmap": b64encode(data).decode()}
    return lambda tokenizer: tokenizer.update(normalizer=fields)


def test_a_tokenizer_that_panics_when_it_is_read_is_refused(own: Path) -> None:
    """A panic of Rust is no Exception: it once ended the start with a traceback."""
    change_tokenizer(own, charsmap(b"abcd"))
    with pytest.raises(
        ArtifactError, match=r"tokenizer\.json can't be loaded as a tokenizer \(Precompiled: "
    ):
        Searcher.load(own)


@pytest.mark.parametrize(
    "change",
    [
        charsmap((16).to_bytes(4, "little") + b"\xff" * 16 + b"ab\0"),  # panics at the first text
        lambda tokenizer: tokenizer["model"].update(vocab={}),
        lambda tokenizer: tokenizer["model"]["vocab"].update(storm=2**32 - 1),
    ],
    ids=["panics", "knows no word", "gives ids that the model lacks"],
)
def test_a_tokenizer_that_fails_at_a_text_is_answered_by_500_and_told_to_the_log(
    own: Path, change: Callable[[dict[str, Any]], Any], caplog: pytest.LogCaptureFixture
) -> None:
    change_tokenizer(own, change)
    function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(own), "THREADS": "1"}))
    with caplog.at_level(logging.ERROR):
        answer = function(make_event("POST", "/search", '{"query": "storm"}'))
        assert answer["statusCode"] == 500
        assert "internal_error" in json.dumps(function({"query": "storm"}))
        assert "internal_error" in json.dumps(function({"source": "aws.events"}))
    assert len(caplog.records) == 3


@pytest.mark.parametrize("change", ["padding", "truncation"])
def test_vast_padding_and_truncation_are_set_aside(own: Path, tiny_artifact: Path, change: str) -> None:
    vast: dict[str, Any] = {
        "padding": {"strategy": {"Fixed": 2**40}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "truncation": {"direction": "Right", "max_length": 2**40, "strategy": "LongestFirst", "stride": 2**39},
    }  # fmt: skip
    change_tokenizer(own, lambda tokenizer: tokenizer.update({change: vast[change]}))
    ours, theirs = (Searcher.load(path).search("storm", 3, "semantic") for path in (own, tiny_artifact))
    assert [(hit.id, hit.score) for hit in ours] == [(hit.id, hit.score) for hit in theirs]


class Runs:
    """What a pickle can do: call anything."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    path, ran = tmp_path / "pytorch_model.bin", tmp_path / "ran"
    path.write_bytes(pickle.dumps({"weight": Runs(ran)}))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin"):
        load_weights(path)
    assert not ran.exists()


@pytest.mark.parametrize("length", [2, 2**20, 2**40, 2**63])
def test_safetensors_of_absurd_headers_are_refused(tiny_model: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "model.safetensors"
    data = (tiny_model / "model.safetensors").read_bytes()
    path.write_bytes(length.to_bytes(8, "little") + data[8:])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_weights(path)
    assert load_file(tiny_model / "model.safetensors")
