"""Sentence-transformer folders: what is read from them, and each that is refused, by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import write_json

from export.model.source_model import DEFAULT_WEIGHTS_SHA256, SourceModel, default_folder, find_model
from handler.errors import ModelError

WEIGHTS = b"not really weights: they are hashed, not read"
BERT = {"model_type": "bert", "hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 128}
MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
SENTENCE = "config_sentence_transformers.json"
POOLING = "1_Pooling/config.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder that is read without complaint."""
    made = tmp_path / "my-model"
    write_json(made / "modules.json", MODULES)
    write_json(made / "config.json", BERT)
    write_json(made / "sentence_bert_config.json", {"max_seq_length": 100, "do_lower_case": False})
    write_json(made / POOLING, MEAN)
    (made / "model.safetensors").write_bytes(WEIGHTS)
    return made


def read(folder: Path) -> SourceModel:
    return find_model(str(folder), None, None)


def change(folder: Path, name: str, **fields: Any) -> None:
    path = folder / name
    before = json.loads(path.read_text()) if path.exists() else {}
    write_json(path, {**before, **fields})


def test_what_is_read(folder: Path) -> None:
    assert read(folder) == SourceModel(
        model_id="my-model",
        revision="local",
        transformer_dir=folder,
        weights_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        model_type="bert",
        num_attention_heads=4,
        dim=32,
        pooling="mean",
        include_prompt=True,
        max_length=100,
        lowercase=False,
        query_prompt="",
        document_prompt="",
    )


def test_the_default_is_whole() -> None:
    model = find_model(None, None, None)
    assert (model.dim, model.pooling, model.max_length, model.num_attention_heads) == (384, "mean", 256, 12)
    assert model.weights_sha256 == DEFAULT_WEIGHTS_SHA256
    assert model.transformer_dir == default_folder()


def in_a_folder_of_its_own(folder: Path) -> None:
    """The layout of sentence-transformers 0.x: the transformer in 0_Transformer."""
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "sentence_bert_config.json", "model.safetensors"):
        (folder / name).rename(inner / name)
    write_json(folder / "modules.json", [{**MODULES[0], "path": "0_Transformer"}, *MODULES[1:]])


def test_the_transformer_in_a_folder_of_its_own(folder: Path) -> None:
    in_a_folder_of_its_own(folder)
    assert read(folder).transformer_dir == folder / "0_Transformer"


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        (MEAN, "mean"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True}, "cls"),
        ({"pooling_mode": ["max"]}, "max"),
    ],
)
def test_poolings(folder: Path, config: dict[str, Any], pooling: str) -> None:
    write_json(folder / POOLING, config)
    assert read(folder).pooling == pooling


@pytest.mark.parametrize(
    ("prompts", "default", "query", "document"),
    [
        ({"query": "Q: ", "document": "D: ", "passage": "P: "}, None, "Q: ", "D: "),
        ({"query": "query: ", "passage": "passage: "}, None, "query: ", "passage: "),
        ({"query": "q ", "corpus": "c "}, None, "q ", "c "),
        ({"query": "q "}, None, "q ", ""),
        ({"query": "", "document": "", "x": "X "}, "x", "", ""),
        ({"x": "X "}, "x", "X ", "X "),
        ({"x": "X "}, "query", "", ""),
        ({"query": None}, None, "", ""),
        (None, None, "", ""),
        ({}, None, "", ""),
    ],
)
def test_prompts(
    folder: Path, prompts: dict[str, str] | None, default: str | None, query: str, document: str
) -> None:
    write_json(folder / SENTENCE, {"prompts": prompts, "default_prompt_name": default})
    model = read(folder)
    assert (model.query_prompt, model.document_prompt) == (query, document)


@pytest.mark.parametrize(
    ("settings", "tokenizer", "length"),
    [
        ({"max_seq_length": 100}, None, 100),
        ({"max_seq_length": 1000}, None, 128),
        ({"max_seq_length": None}, None, 128),
        ({"max_seq_length": None}, {"model_max_length": 64}, 64),
        ({"max_seq_length": None}, {"model_max_length": 1e30}, 128),
        ({"max_seq_length": None}, {}, 128),
        ({}, {"model_max_length": 64}, 64),
        ({"max_seq_length": 100}, {"model_max_length": 64}, 100),
    ],
)
def test_lengths(
    folder: Path, settings: dict[str, Any], tokenizer: dict[str, Any] | None, length: int
) -> None:
    write_json(folder / "sentence_bert_config.json", settings)
    if tokenizer is not None:
        write_json(folder / "tokenizer_config.json", tokenizer)
    assert read(folder).max_length == length


@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "camembert"])
@pytest.mark.parametrize(("padding", "lost"), [({"pad_token_id": 1}, 2), ({"pad_token_id": 0}, 1), ({}, 2)])
def test_positions_before_the_first(
    folder: Path, model_type: str, padding: dict[str, int], lost: int
) -> None:
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": None})
    write_json(folder / "config.json", {**BERT, **padding, "model_type": model_type})
    assert read(folder).max_length == 128 - lost


def test_mpnets_padding_is_always_1(folder: Path) -> None:
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": None})
    write_json(folder / "config.json", {**BERT, "pad_token_id": 0, "model_type": "mpnet"})
    assert read(folder).max_length == 126


def test_distilberts_own_names(folder: Path) -> None:
    config = {"model_type": "distilbert", "dim": 48, "n_heads": 6, "max_position_embeddings": 128}
    write_json(folder / "config.json", config)
    model = read(folder)
    assert (model.dim, model.num_attention_heads, model.max_length) == (48, 6, 100)


@pytest.mark.parametrize("name", ["sentence_roberta_config.json", "sentence_xlm-roberta_config.json"])
def test_older_names(folder: Path, name: str) -> None:
    (folder / "sentence_bert_config.json").rename(folder / name)
    change(folder, name, do_lower_case=True)
    assert read(folder).lowercase


def test_pytorchs_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert read(folder).weights_sha256 == hashlib.sha256(WEIGHTS).hexdigest()


def test_without_normalize_by_cosine(folder: Path) -> None:
    write_json(folder / "modules.json", MODULES[:2])
    change(folder, SENTENCE, similarity_fn_name="cosine")
    assert read(folder).dim == 32


def all_of(*breaks: Callable[[Path], Any]) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        for break_it in breaks:
            break_it(folder)

    return run


def replace_module(place: int, kind: str) -> Callable[[Path], None]:
    modules = [*MODULES[:place], {"path": "", "type": f"sentence_transformers.models.{kind}"}]
    return lambda folder: write_json(folder / "modules.json", modules)


REFUSALS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no modules.json": (
        lambda f: (f / "modules.json").unlink(),
        "the model lacks {f}/modules.json: copy the whole model folder",
    ),
    "modules.json a folder": (
        all_of(lambda f: (f / "modules.json").unlink(), lambda f: (f / "modules.json").mkdir()),
        "{f}/modules.json can't be read (Is a directory): check its permissions",
    ),
    "modules.json an object": (
        lambda f: write_json(f / "modules.json", {"0": "Transformer"}),
        "{f}/modules.json is not a list of modules: it isn't a sentence-transformer",
    ),
    "modules.json of texts": (
        lambda f: write_json(f / "modules.json", ["Transformer"]),
        "{f}/modules.json is not a list of modules: it isn't a sentence-transformer",
    ),
    "no modules at all": (
        lambda f: write_json(f / "modules.json", []),
        "{f}/modules.json has the modules none: use a model of Transformer + Pooling (+ Normalize)",
    ),
    "no pooling module": (
        lambda f: write_json(f / "modules.json", MODULES[:1]),
        "{f}/modules.json has the modules Transformer: use",
    ),
    "modules in another order": (
        lambda f: write_json(f / "modules.json", [MODULES[0], MODULES[2], MODULES[1]]),
        "{f}/modules.json has the modules Transformer + Normalize + Pooling: use",
    ),
    "a Dense module": (
        replace_module(2, "Dense"),
        "{f}/modules.json has the module Dense, which can't be reproduced: use",
    ),
    "a static model": (
        replace_module(0, "StaticEmbedding"),
        "{f}/modules.json has the module StaticEmbedding, which can't",
    ),
    "no config": (lambda f: (f / "config.json").unlink(), "the model lacks {f}/config.json: copy"),
    "config not JSON": (
        lambda f: (f / "config.json").write_text('{"model_type": '),
        "{f}/config.json is not JSON (Expecting value: line 1 column 16 (char 15)): copy",
    ),
    "config not UTF-8": (
        lambda f: (f / "config.json").write_bytes(b'{"model_type": "\xff"}'),
        "{f}/config.json is not JSON ('utf-8' codec can't decode byte 0xff in position 16",
    ),
    "config a list": (
        lambda f: write_json(f / "config.json", []),
        "{f}/config.json is not a JSON object: copy",
    ),
    "another model_type": (
        lambda f: change(f, "config.json", model_type="t5"),
        "{f}/config.json says model_type 't5': only BERT's family is supported (bert, roberta,",
    ),
    "no model_type": (
        lambda f: write_json(f / "config.json", {}),
        "{f}/config.json says model_type None: only",
    ),
    "no hidden_size": (
        lambda f: write_json(f / "config.json", {"model_type": "bert"}),
        "{f}/config.json lacks hidden_size: copy",
    ),
    "no heads": (
        lambda f: change(f, "config.json", num_attention_heads=0),
        "{f}/config.json lacks num_attention_heads: copy",
    ),
    "no positions": (
        lambda f: change(f, "config.json", max_position_embeddings=None),
        "{f}/config.json lacks max_position_embeddings: copy",
    ),
    "no sentence_bert_config": (
        lambda f: (f / "sentence_bert_config.json").unlink(),
        "{f} lacks sentence_bert_config.json: copy the whole model folder",
    ),
    "max_seq_length a text": (
        lambda f: change(f, "sentence_bert_config.json", max_seq_length="long"),
        "{f}: max_seq_length is 'long', not a number of tokens from 3 on: mend the config",
    ),
    "max_seq_length without room for a word": (
        lambda f: change(f, "sentence_bert_config.json", max_seq_length=2),
        "{f}: max_seq_length is 2, not a number of tokens from 3 on: mend the config",
    ),
    "another task": (
        lambda f: change(f, "sentence_bert_config.json", transformer_task="fill-mask"),
        "{f}/sentence_bert_config.json says transformer_task 'fill-mask', which can't be reproduced: "
        "use a model that says 'feature-extraction'",
    ),
    "another output": (
        lambda f: change(
            f,
            "sentence_bert_config.json",
            modality_config={"text": {"method": "forward", "method_output_name": "pooler_output"}},
        ),
        "{f}/sentence_bert_config.json says method_output_name 'pooler_output', which can't be reproduced",
    ),
    "no pooling config": (
        lambda f: (f / POOLING).unlink(),
        "the model lacks {f}/1_Pooling/config.json: copy",
    ),
    "an unknown pooling flag": (
        lambda f: write_json(f / POOLING, {"pooling_mode_weightedmean_tokens": True}),
        "{f}/1_Pooling/config.json pools by pooling_mode_weightedmean_tokens, which can't be reproduced: "
        "use a model that pools by mean, max or cls",
    ),
    "an unknown pooling": (
        lambda f: write_json(f / POOLING, {"pooling_mode": "lasttoken"}),
        "{f}/1_Pooling/config.json pools by lasttoken, which",
    ),
    "two pooling flags": (
        lambda f: change(f, POOLING, pooling_mode_cls_token=True),
        "{f}/1_Pooling/config.json pools by cls + mean, which",
    ),
    "two poolings": (
        lambda f: write_json(f / POOLING, {"pooling_mode": ["mean", "max"]}),
        "{f}/1_Pooling/config.json pools by mean + max, which",
    ),
    "no pooling": (
        lambda f: write_json(f / POOLING, {}),
        "{f}/1_Pooling/config.json pools by nothing, which",
    ),
    "prompts left out of the pooling": (
        all_of(
            lambda f: change(f, POOLING, include_prompt=False),
            lambda f: write_json(f / SENTENCE, {"prompts": {"query": "q: "}}),
        ),
        "{f}/1_Pooling/config.json leaves the prompt out of the pooling, which can't be reproduced: use another",
    ),
    "prompts of numbers": (
        lambda f: write_json(f / SENTENCE, {"prompts": {"query": 3}}),
        "{f}/config_sentence_transformers.json: prompts is not a table of texts: mend it",
    ),
    "prompts a list": (
        lambda f: write_json(f / SENTENCE, {"prompts": ["q: "]}),
        "{f}/config_sentence_transformers.json: prompts is not a table of texts: mend it",
    ),
    "made for the dot product": (
        all_of(
            lambda f: write_json(f / "modules.json", MODULES[:2]),
            lambda f: write_json(f / SENTENCE, {"similarity_fn_name": "dot"}),
        ),
        "{f}/config_sentence_transformers.json compares by 'dot' without normalising: seeklet ranks by cosine",
    ),
    "no weights": (
        lambda f: (f / "model.safetensors").unlink(),
        "{f} has no weights (model.safetensors or pytorch_model.bin): copy the whole model folder",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_refused_by_name(folder: Path, what: str) -> None:
    read(folder)
    break_it, sentence = REFUSALS[what]
    break_it(folder)
    with pytest.raises(ModelError) as refused:
        read(folder)
    assert str(refused.value).startswith(sentence.replace("{f}", str(folder)))
    assert "\n" not in str(refused.value)


def test_no_prompt_may_be_left_out_of_the_pooling(folder: Path) -> None:
    change(folder, POOLING, include_prompt=False)
    assert not read(folder).include_prompt


def test_a_wrong_checksum_gives_both(folder: Path) -> None:
    found, asked = hashlib.sha256(WEIGHTS).hexdigest(), "A" * 64
    with pytest.raises(ModelError, match=f"has SHA-256 {found}, expected {asked}: it is damaged or another"):
        find_model(str(folder), None, asked)
    assert find_model(str(folder), None, found.upper()).weights_sha256 == found


def test_a_damaged_default_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.model.source_model.default_folder", lambda: folder)
    with pytest.raises(ModelError, match=f"expected {DEFAULT_WEIGHTS_SHA256}: it is damaged"):
        find_model(None, None, None)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("{f}/config.json", "{f}/config.json is a file: give the model's folder"),
        ("{f}/nothing", "there is no model folder {f}/nothing: give a folder, or a hub id such as"),
        ("./no/such", "there is no model folder ./no/such: give a folder, or a hub id such as"),
        ("nothing", "there is no model folder nothing: give a folder, or a hub id such as"),
    ],
)
def test_no_such_model(folder: Path, model: str, sentence: str) -> None:
    with pytest.raises(ModelError) as refused:
        find_model(model.replace("{f}", str(folder)), None, None)
    assert str(refused.value).startswith(sentence.replace("{f}", str(folder)))


def test_a_revision_is_the_hubs(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"--revision is for hub ids, and .*my-model is a folder"):
        find_model(str(folder), "main", None)
    with pytest.raises(ModelError, match=r"--revision is for hub ids, and no --model is given"):
        find_model(None, "main", None)


class Hub:
    """The hub's client, with one model in it: answers as huggingface_hub.snapshot_download does."""

    def __init__(self, snapshot: Path, weights: str) -> None:
        self.snapshot = snapshot
        self.weights = weights
        self.asked: list[tuple[str, str | None, list[str]]] = []

    def __call__(self, model: str, revision: str | None, allow_patterns: list[str]) -> str:
        self.asked.append((model, revision, allow_patterns))
        if self.weights in allow_patterns:
            (self.snapshot / self.weights).write_bytes(WEIGHTS)
        return str(self.snapshot)


@pytest.mark.parametrize(("weights", "downloads"), [("model.safetensors", 1), ("pytorch_model.bin", 2)])
def test_a_hub_id(folder: Path, weights: str, downloads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "model.safetensors").unlink()
    snapshot = folder.rename(folder.parent / ("c0ffee" * 7)[:40])
    hub = Hub(snapshot, weights)
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub)
    model = find_model("someone/their-model", "v2", None)
    assert (model.model_id, model.revision) == ("someone/their-model", snapshot.name)
    assert [(name, revision) for name, revision, _ in hub.asked] == [
        ("someone/their-model", "v2")
    ] * downloads


def test_a_hub_id_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As HF_HUB_OFFLINE=1, which the client reads once, when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as refused:
        find_model("someone/their-model", None, None)
    message = str(refused.value)
    assert message.startswith("the model someone/their-model (revision main) can't be fetched (")
    assert message.endswith("): check the name and the network, or give a local folder")
    assert "\n" not in message


def test_not_a_hub_id() -> None:
    with pytest.raises(ModelError, match=r"the model -x/\.\. \(revision main\) can't be fetched"):
        find_model("-x/..", None, None)
