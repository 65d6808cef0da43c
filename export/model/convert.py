"""A sentence-transformer to what the handler runs: model.onnx (int8) and tokenizer.json.

Optimum converts in a process of its own, so that torch's memory is gone before the texts are embedded.
The outcome is cached by the weights, the versions of the converters and CONVERSION_VERSION.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer, normalizers

from export.model.source_model import SourceModel
from handler.artifact import MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE
from handler.errors import ModelError, OutputError

FP32_FILE = "fp32.onnx"
CONVERTERS = ("torch", "transformers", "optimum-onnx", "onnx", "onnxruntime", "tokenizers", "numpy")
# Raise it with every change of this room or of export/graph/ that changes the converted bytes.
CONVERSION_VERSION = 1
# The child's exit status where its standard error is a sentence for the user.
TOLD = 3
ASIDE = "converting-"
# Older folders of that name are of conversions that were killed: one takes minutes.
LEFT_SECONDS = 86_400


def cache_folder() -> Path:
    """$SEEKLET_CACHE, or seeklet/ in the user's cache folder."""
    if folder := os.environ.get("SEEKLET_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seeklet"


def versions() -> dict[str, str]:
    """The versions of the packages that decide the model's bytes."""
    return {name: version(name) for name in CONVERTERS}


def convert(model: SourceModel) -> Path:
    """The folder with model.onnx, tokenizer.json and fp32.onnx of `model`, made unless it is in the cache.

    Raises ModelError where the conversion fails, OutputError where the cache can't be written.
    """
    folder = cache_folder() / f"model-{conversion_key(model)[:16]}"
    if all((folder / name).is_file() for name in (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, FP32_FILE)):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder.parent)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=ASIDE) as aside:
            _convert_aside(model, aside)
            if folder.is_dir():  # something is missing from it
                shutil.rmtree(folder)
            # Another export may have made the same meanwhile, of the same bytes.
            with contextlib.suppress(FileExistsError):
                (Path(aside) / "model").rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return folder
        raise OutputError(
            f"the cache {folder.parent} can't be written ({error.strerror}): "
            "make room or set SEEKLET_CACHE to a folder that can"
        ) from None
    return folder


def remove_leftovers(cache: Path) -> None:
    """Removes what killed conversions left in the cache, once it is too old to be one that is under way."""
    for aside in cache.glob(f"{ASIDE}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - aside.stat().st_mtime > LEFT_SECONDS:
                shutil.rmtree(aside, ignore_errors=True)


def _convert_aside(model: SourceModel, aside: str) -> None:
    # Wherever this process was started, the child finds the same package.
    path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "export.model.convert", aside],
        input=json.dumps(dataclasses.asdict(model), default=str),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    if done.returncode == TOLD:
        raise ModelError(reason)
    if done.returncode:
        raise ModelError(
            f"{model.transformer_dir} can't be converted ({reason}): is the model folder complete?"
        )


def conversion_key(model: SourceModel) -> str:
    """What decides the conversion's bytes: weights, configs, tokenizer, converters, and our own version."""
    recipe = [CONVERSION_VERSION, model.weights_sha256, model.model_type, model.lowercase, versions()]
    digest = hashlib.sha256(json.dumps(recipe).encode())
    for path in sorted(model.transformer_dir.iterdir()):
        if path.suffix in (".json", ".txt", ".model") and path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _convert_here(model: SourceModel, aside: Path) -> None:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from optimum.exporters.onnx import main_export

    from export.graph.quantize import quantize

    main_export(
        str(model.transformer_dir),
        output=aside / "onnx",
        task="feature-extraction",
        library_name="transformers",
        do_validation=False,
        device="cpu",
        local_files_only=True,
    )
    made = aside / "model"
    made.mkdir()
    quantize(
        aside / "onnx" / "model.onnx",
        made / MODEL_FILE,
        num_attention_heads=model.num_attention_heads,
        hidden_size=model.dim,
        model_type=model.model_type,
        max_length=model.max_length,
    )
    shutil.move(aside / "onnx" / "model.onnx", made / FP32_FILE)
    _save_tokenizer(model, made / TOKENIZER_FILE)


def _save_tokenizer(model: SourceModel, path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        str(model.transformer_dir), use_fast=True, local_files_only=True
    )
    if not tokenizer.is_fast:
        raise ModelError(
            f"{model.transformer_dir} has no fast tokenizer (tokenizer.json): use a model that has one"
        )
    backend = tokenizer.backend_tokenizer
    if model.lowercase:
        lowercase_first(backend)
    # The handler sets both from the manifest.
    backend.no_padding()
    backend.no_truncation()
    backend.save(str(path), pretty=False)


def lowercase_first(tokenizer: Tokenizer) -> None:
    """do_lower_case: the text in lower case, then the tokenizer's own normaliser."""
    own = [tokenizer.normalizer] if tokenizer.normalizer else []
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])


if __name__ == "__main__":
    fields = json.load(sys.stdin)
    fields["transformer_dir"] = Path(fields["transformer_dir"])
    try:
        _convert_here(SourceModel(**fields), Path(sys.argv[1]))
    except ModelError as error:
        print(error, file=sys.stderr)
        sys.exit(TOLD)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"the disk of {sys.argv[1]} is full: make room or set SEEKLET_CACHE elsewhere", file=sys.stderr)
        sys.exit(TOLD)
