"""What is wrong with a model folder, by name: how the folder is broken, and how the refusal begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_folders import MODULES, POOLING, SENTENCE, change
from tiny import write_json

ADAPTER = "adapter_config.json"


def all_of(*breaks: Callable[[Path], Any]) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        for break_it in breaks:
            break_it(folder)

    return run


def replace_module(place: int, kind: str) -> Callable[[Path], None]:
    modules = [*MODULES[:place], {"path": "", "type": f"sentence_transformers.models.{kind}"}]
    return lambda folder: write_json(folder / "modules.json", modules)


def at_path(place: int, path: Any) -> Callable[[Path], None]:
    modules = [{**module, "path": path} if i == place else module for i, module in enumerate(MODULES)]
    return lambda folder: write_json(folder / "modules.json", modules)


def with_option(name: str, value: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder, "sentence_bert_config.json", **{name: value})


def with_index(name: str) -> Callable[[Path], None]:
    return lambda folder: write_json(folder / name, {"weight_map": {}})


def dense_module() -> list[dict[str, str]]:
    return [{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]


REFUSALS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no modules.json": (
        all_of(lambda f: (f / "modules.json").unlink(), lambda f: (f / "config.json").unlink()),
        "the model lacks {f}/modules.json: copy the whole model folder",
    ),
    "an encoder alone": (
        lambda f: (f / "modules.json").unlink(),
        "{f} has a config.json and no modules.json, so it is an encoder without a pooling: save it as a sentence-",
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
        "{f}/modules.json has the modules none: use a model of Transformer + Pooling (+ Dense) (+ Normalize)",
    ),
    "no pooling module": (
        lambda f: write_json(f / "modules.json", MODULES[:1]),
        "{f}/modules.json has the modules Transformer: use",
    ),
    "modules in another order": (
        lambda f: write_json(f / "modules.json", [MODULES[0], MODULES[2], MODULES[1]]),
        "{f}/modules.json has the modules Transformer + Normalize + Pooling: use",
    ),
    "a Dense module before the pooling": (
        lambda f: write_json(f / "modules.json", [MODULES[0], *dense_module(), *MODULES[1:]]),
        "{f}/modules.json has the modules Transformer + Dense + Pooling + Normalize: use",
    ),
    **{
        f"a module {kind}": (
            replace_module(2, kind),
            f"{{f}}/modules.json has the module {kind}, which can't be reproduced: use",
        )
        for kind in ("CNN", "LSTM", "LayerNorm", "WeightedLayerPooling", "WordWeights", "SpladePooling")
    },
    "a module of the model's own code": (
        lambda f: write_json(
            f / "modules.json", [{**MODULES[0], "type": "custom_st.Transformer"}, *MODULES[1:]]
        ),
        "{f}/modules.json has the module custom_st.Transformer, which can't be reproduced: use",
    ),
    "a model_type with the model's own code": (
        lambda f: change(f, "config.json", auto_map={"AutoModel": "someone/own--modeling.OwnBert"}),
        "{f}/config.json asks for the model's own code (someone/own--modeling.OwnBert), which is never run: use a",
    ),
    "an adapter alone": (
        all_of(
            lambda f: write_json(f / ADAPTER, {"peft_type": "LORA"}),
            lambda f: (f / "config.json").unlink(),
            lambda f: (f / "model.safetensors").rename(f / "adapter_model.safetensors"),
        ),
        "{f}/adapter_config.json is the config of an adapter, whose weights aren't added: merge it into its base",
    ),
    "an adapter beside weights": (
        lambda f: write_json(f / ADAPTER, {"peft_type": "LORA"}),
        "{f}/adapter_config.json is the config of an adapter",
    ),
    "layers without end": (
        lambda f: change(f, "config.json", num_hidden_layers=10**9),
        "{f}/config.json has 1000000000 layers, more than 1000: copy the model folder again",
    ),
    "a truncate_dim of 0": (
        lambda f: write_json(f / SENTENCE, {"truncate_dim": 0}),
        "{f}/config_sentence_transformers.json lacks truncate_dim: copy",
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
    "config nested deeply": (
        lambda f: (f / "config.json").write_text("[" * 100_000),
        "{f}/config.json is nested too deeply: copy",
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
    **{
        f"options in {name}": (
            with_option(name, value),
            f"{{f}}/sentence_bert_config.json says {name} {value!r}, which can't be reproduced: use a model without it",
        )
        for name, value in {
            "model_args": {"subfolder": "other"},
            "config_args": {"num_hidden_layers": 1},
            "config_kwargs": {"hidden_act": "relu"},
            "tokenizer_args": {"model_max_length": 12},
            "processor_kwargs": {"truncation_side": "left"},
            "processing_kwargs": {"text": {"max_length": 10}},
            "tokenizer_name_or_path": "elsewhere",
        }.items()
    },
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
    "a module above the folder": (
        at_path(0, "../elsewhere"),
        "{f}/modules.json has the path '../elsewhere', which leaves the model folder: use a model whose modules",
    ),
    "a module above the folder, by a detour": (
        at_path(1, "1_Pooling/../../1_Pooling"),
        "{f}/modules.json has the path '1_Pooling/../../1_Pooling', which leaves",
    ),
    "a module at an absolute path": (
        at_path(1, "/etc"),
        "{f}/modules.json has the path '/etc', which leaves the model folder",
    ),
    "a module's path a number": (
        at_path(0, 7),
        "{f}/modules.json has the path 7, which is not a text: mend it",
    ),
    "other weights than those hashed": (
        lambda f: change(f, "config.json", transformers_weights="other.safetensors"),
        "{f}/config.json says transformers_weights 'other.safetensors', so other weights would be used than those "
        "whose SHA-256 is checked: remove that key",
    ),
    **{
        f"weights in several files, {name}": (
            all_of(
                lambda f: (f / "model.safetensors").rename(f / "model-00001-of-00002.safetensors"),
                with_index(f"{name}.index.json"),
            ),
            f"{{f}}/{name}.index.json says that the weights are in several files, which isn't supported: save the model",
        )
        for name in ("model.safetensors", "pytorch_model.bin")
    },
    "no weights": (
        lambda f: (f / "model.safetensors").unlink(),
        "{f} has no weights (model.safetensors or pytorch_model.bin): copy the whole model folder",
    ),
}
