"""Converts a sentence-transformer to the files that the handler runs: model.onnx (int8), tokenizer.json, dense.safetensors.

The conversion runs in a process of its own, so that torch's memory is free again before the texts are embedded. Its
result is cached under a key of everything that decides its bytes: weights, configs, converters and CONVERSION_VERSION.
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

from export.model.conversion import Conversion
from export.model.source_model import SourceModel
from export.model.staging import hash_configs, stage
from export.model.to_onnx import MADE, SOURCE, TOLD
from handler.errors import ModelError, OutputError

CONVERTERS = ("torch", "transformers", "optimum-onnx", "onnx", "onnxruntime", "tokenizers", "numpy")
# Raise it with every change of export/model/ or export/graph/ that changes the converted bytes.
CONVERSION_VERSION = 1
ASIDE = "converting-"
# A conversion takes minutes. A folder of that name that is older than this was left by a killed conversion.
LEFT_SECONDS = 86_400


def cache_folder() -> Path:
    """Returns $SEEKLET_CACHE, or seeklet/ in the user's cache folder."""
    if folder := os.environ.get("SEEKLET_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seeklet"


def versions() -> dict[str, str]:
    """Returns the versions of the packages that decide the model's bytes."""
    return {name: version(name) for name in CONVERTERS}


def convert(model: SourceModel) -> Conversion:
    """Converts the model, unless the cache holds its conversion with every file as it was written.

    Raises:
        ModelError: the model can't be converted.
        OutputError: the cache can't be written.
    """
    key = conversion_key(model)
    folder = cache_folder() / f"model-{key[:16]}"
    if cached := Conversion.load(folder):
        return cached
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder.parent)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=ASIDE) as name:
            aside = Path(name)
            stage(model, aside / SOURCE)
            if conversion_key(dataclasses.replace(model, transformer_dir=aside / SOURCE)) != key:
                raise ModelError(f"{model.transformer_dir} changed while it was read: export again")
            _run_child(model, aside)
            if folder.is_dir() and Conversion.load(folder) is None:
                shutil.rmtree(folder)
            # Another export may have made the same conversion meanwhile, with the same bytes.
            with contextlib.suppress(FileExistsError):
                (aside / MADE).rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not folder.parent.is_dir():
            raise OutputError(
                f"the cache {folder.parent} can't be written ({error.strerror}): "
                "make room or set SEEKLET_CACHE to a folder that can"
            ) from None
    if made := Conversion.load(folder):
        return made
    raise OutputError(f"{folder} was changed while it was used: export again")


def remove_leftovers(cache: Path) -> None:
    """Removes what killed conversions left in the cache, once it is too old to belong to a running one."""
    for aside in cache.glob(f"{ASIDE}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - aside.stat().st_mtime > LEFT_SECONDS:
                shutil.rmtree(aside, ignore_errors=True)


def conversion_key(model: SourceModel) -> str:
    """Returns the SHA-256 of what decides the conversion's bytes.

    Raises:
        ModelError: a config can't be read.
    """
    recipe = [
        CONVERSION_VERSION,
        model.weights_sha256,
        model.model_type,
        model.num_attention_heads,
        model.hidden_size,
        model.max_length,
        model.lowercase,
        versions(),
        hash_configs(model.transformer_dir),
        *([layer.weights_sha256, layer.bias] for layer in model.dense),
    ]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()


def _run_child(model: SourceModel, aside: Path) -> None:
    # The child must find this same package, wherever this process was started.
    path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "export.model.to_onnx", str(aside)],
        input=model.to_json(),
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
