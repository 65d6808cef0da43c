"""Tiny sentence-transformers of random weights, for tests where what the model knows doesn't matter."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from texts import TEXTS
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

MAX_LENGTH = 24  # tokens
POSITIONS = 96
WINDOW = 32
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# transformers' classes by model_type; its own names for sizes differ in DistilBERT alone.
CLASSES = {
    "bert": "Bert",
    "roberta": "Roberta",
    "distilbert": "DistilBert",
    "mpnet": "MPNet",
    "electra": "Electra",
    "modernbert": "ModernBert",
    "xlm-roberta": "XLMRoberta",
}


def write_json(path: Path, value: Any) -> None:
    """Writes a config, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def make_model(
    folder: Path,
    *,
    model_type: str = "bert",
    pooling: str = "mean",
    hidden: int = 32,
    heads: int = 2,
    normalize: bool = True,
    prompts: Mapping[str, str] | None = None,
    tokenizer: Any = None,
) -> Path:
    """A sentence-transformers folder, laid out as the hub's are. Its tokenizer splits into words, unless one is given."""
    vocabulary = _save_tokenizer(folder, model_type, tokenizer or _words())
    _save_weights(folder, model_type, vocabulary, hidden, heads)
    kinds = ["Transformer", "Pooling", *(["Normalize"] if normalize else [])]
    write_json(
        folder / "modules.json",
        [
            {
                "idx": i,
                "name": str(i),
                "path": f"{i}_{kind}" if i else "",
                "type": f"sentence_transformers.models.{kind}",
            }
            for i, kind in enumerate(kinds)
        ],
    )
    modes = {"mean": "mean_tokens", "max": "max_tokens", "cls": "cls_token"}
    flags = {f"pooling_mode_{name}": mode == pooling for mode, name in modes.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": hidden, **flags})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": MAX_LENGTH, "do_lower_case": False})
    if prompts is not None:
        write_json(folder / "config_sentence_transformers.json", {"prompts": dict(prompts)})
    return folder


def _words() -> Any:
    """A tokenizer of the corpus's words, and of letters for all others."""
    words = sorted({word.strip(",.?:;'").lower() for text in TEXTS for word in text.text.split()})
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = list(dict.fromkeys([*SPECIAL, *letters, *(f"##{letter}" for letter in letters), *words]))
    tokenizer = Tokenizer(
        models.WordPiece({word: row for row, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _save_tokenizer(folder: Path, model_type: str, tokenizer: Any) -> int:
    """Saves it with its config; returns the vocabulary's size."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    types = [] if model_type in ("distilbert", "mpnet", "modernbert") else ["token_type_ids"]
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": MAX_LENGTH,
            "model_input_names": ["input_ids", "attention_mask", *types],
            **dict(zip(names, SPECIAL, strict=True)),
        },
    )
    vocabulary: int = tokenizer.get_vocab_size()
    return vocabulary


def _save_weights(folder: Path, model_type: str, vocabulary: int, hidden: int, heads: int) -> None:
    import torch
    import transformers

    sizes: dict[str, Any] = {
        "vocab_size": vocabulary,
        "max_position_embeddings": POSITIONS,
        "pad_token_id": 0,
    }
    if model_type == "distilbert":
        sizes |= {"dim": hidden, "n_heads": heads, "n_layers": 2, "hidden_dim": 2 * hidden}
    else:
        sizes |= {
            "hidden_size": hidden,
            "num_attention_heads": heads,
            "num_hidden_layers": 2,
            "intermediate_size": 2 * hidden,
        }
    if model_type == "electra":
        sizes["embedding_size"] = hidden // 2
    if model_type == "modernbert":
        # A layer of global attention and one of local attention, which a text of POSITIONS tokens doesn't fit into.
        sizes |= {"global_attn_every_n_layers": 2, "local_attention": WINDOW}
        sizes |= {"cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
    torch.manual_seed(0)
    name = CLASSES[model_type]
    config = getattr(transformers, f"{name}Config")(**sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, when ModernBERT's code is imported
        model = getattr(transformers, f"{name}Model")(config)
    model.save_pretrained(folder)
    # As they come, random weights are so small that every text gets about the same vector.
    path = folder / "model.safetensors"
    weights = load_file(path)
    for key, value in weights.items():
        if value.ndim == 2:
            weights[key] = value * np.float32(0.5 / value.std() / np.sqrt(value.shape[1] / 8))
    save_file(weights, path, {"format": "pt"})
