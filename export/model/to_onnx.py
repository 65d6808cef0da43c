"""The process that converts torch's weights to model.onnx, fp32.onnx, tokenizer.json and dense.safetensors.

`python -m export.model.to_onnx FOLDER` reads a SourceModel as JSON from standard input. FOLDER/source holds the staged
files, FOLDER/model gets the conversion. Where the exit status is TOLD, the last line of standard error is a sentence
for the user.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

from tokenizers import Tokenizer, normalizers

from export.model.config_files import read_number, read_object
from export.model.conversion import FP32_FILE, Conversion
from export.model.dense import write_dense
from export.model.source_model import SourceModel
from export.model.staging import dense_folder
from export.model.weights import find_weights, refuse_missing, refuse_non_finite
from handler.artifact import DENSE_FILE, MODEL_FILE, TOKENIZER_FILE
from handler.errors import ModelError

TOLD = 3
SOURCE = "source"
MADE = "model"


def to_onnx(model: SourceModel, folder: Path) -> None:
    """Converts the files in `folder`/source to `folder`/model.

    Raises:
        ModelError: the weights hold NaN or aren't all there, the graph is no encoder of BERT's family, or the tokenizer
            isn't fast, or can't be reproduced.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from optimum.exporters.onnx import main_export

    from export.graph.quantize import quantize

    source = folder / SOURCE
    weights = find_weights(source)
    shown = model.transformer_dir / weights.name
    refuse_non_finite(weights, shown)
    refuse_missing(source, shown)
    made = folder / MADE
    made.mkdir()
    # Before the graph, which takes longer.
    save_tokenizer(model, source, made / TOKENIZER_FILE)
    main_export(
        str(source),
        output=folder / "onnx",
        task="feature-extraction",
        library_name="transformers",
        do_validation=False,
        device="cpu",
        local_files_only=True,
    )
    graph = quantize(
        folder / "onnx" / "model.onnx",
        made / MODEL_FILE,
        num_attention_heads=model.num_attention_heads,
        hidden_size=model.hidden_size,
        model_type=model.model_type,
        max_length=model.max_length,
        window=_window(model, source),
    )
    shutil.move(folder / "onnx" / "model.onnx", made / FP32_FILE)
    if model.dense:
        staged = [find_weights(dense_folder(source, place)) for place in range(len(model.dense))]
        write_dense(model.dense, staged, made / DENSE_FILE)
    Conversion(made, graph).save()


def _window(model: SourceModel, source: Path) -> int:
    """Returns the tokens that local attention reaches over, and 0 for the models whose attention is all global."""
    if model.model_type != "modernbert":
        return 0
    return read_number(source / "config.json", read_object(source / "config.json"), "local_attention")


def save_tokenizer(model: SourceModel, source: Path, path: Path) -> None:
    """Writes tokenizer.json from the staged files; raises ModelError where the tokenizer can't be reproduced."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        str(source), use_fast=True, local_files_only=True, trust_remote_code=False
    )
    if not tokenizer.is_fast:
        raise ModelError(
            f"{model.transformer_dir} has no fast tokenizer (tokenizer.json): use a model that has one"
        )
    if tokenizer.truncation_side != "right":
        raise ModelError(
            f"{model.transformer_dir} has a tokenizer that cuts a long text at its beginning (truncation_side), which "
            "can't be reproduced: use a model that cuts at the end"
        )
    backend = tokenizer.backend_tokenizer
    token, last = max(backend.get_vocab().items(), key=lambda entry: entry[1])
    embeddings = AutoConfig.from_pretrained(str(source), local_files_only=True).vocab_size
    if last >= embeddings:
        raise ModelError(
            f"{model.transformer_dir} has a token {token!r:.40} of id {last}, its encoder has embeddings for {embeddings:,} tokens: "
            "resize the model's embeddings, or remove the token from the tokenizer"
        )
    if model.lowercase:
        lowercase_first(backend)
    # The handler sets both from the manifest.
    backend.no_padding()
    backend.no_truncation()
    backend.save(str(path), pretty=False)


def lowercase_first(tokenizer: Tokenizer) -> None:
    """Applies do_lower_case: makes the tokenizer lowercase a text before its own normaliser runs."""
    own = [tokenizer.normalizer] if tokenizer.normalizer else []
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])


if __name__ == "__main__":
    try:
        to_onnx(SourceModel.from_json(sys.stdin.read()), Path(sys.argv[1]))
    except ModelError as error:
        print(error, file=sys.stderr)
        sys.exit(TOLD)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"the disk of {sys.argv[1]} is full: make room or set SEEKLET_CACHE elsewhere", file=sys.stderr)
        sys.exit(TOLD)
