"""What an export is made from, as one hash: where it is unchanged, there is nothing to do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

from export.build.options import BuildOptions
from export.build.recipe import RECIPE_VERSION, Recipes
from export.build.write_columns import COLUMNS_VERSION
from export.build.write_keywords import KEYWORDS_VERSION
from export.build.write_map import MAP_VERSION
from export.build.write_scan import SCAN_VERSION
from export.corpus.places import S3, find_files
from export.model.convert import conversion_key
from export.model.source_model import Models
from handler.artifact import Artifact
from handler.errors import ArtifactError, CorpusError
from handler.manifest import FORMAT_VERSION, OLDEST_REUSABLE

# Raise it with every change of export/build/ or export/corpus/ that gives another artifact for the same inputs.
BUILD_VERSION = 4
# The options that decide the artifact, beside the model's, whose values are in the recipes.
_NAMES = ("text", "id", "metadata", "format", "dtype", "keywords", "language", "share", "map")
_PASSAGES = ("passages", "passage_tokens", "passage_overlap")


def inputs_sha256(options: BuildOptions, models: Models, recipes: Recipes) -> str:
    """Hashes everything that decides the artifact.

    Returns "" for a corpus that can't be read twice, or not at all, or is in S3.
    """
    if options.corpus == "-" or options.corpus.startswith(S3):
        return ""
    try:
        digest = _hash_corpus(options.corpus)
    except (OSError, CorpusError):
        return ""  # the corpus reader will raise the error
    named: dict[str, Any] = {name: getattr(options, name) for name in (*_NAMES, *_PASSAGES)}
    named["columns"] = sorted(options.columns.items())
    named["recipes"] = [asdict(recipe) for recipe in recipes]
    # Where no format is named, the file's name tells it.
    named["suffixes"] = PurePath(options.corpus).suffixes
    source = [
        [model.model_id, model.revision, conversion_key(model), [layer.activation for layer in model.dense]]
        for model in models
    ]
    thresholds = None if options.thresholds is None else asdict(options.thresholds)
    parts = [
        FORMAT_VERSION,
        BUILD_VERSION,
        RECIPE_VERSION,
        SCAN_VERSION,
        KEYWORDS_VERSION,
        COLUMNS_VERSION,
        MAP_VERSION,
        named,
        source,
        thresholds,
    ]
    digest.update(json.dumps(parts, allow_nan=False).encode())
    hashed: str = digest.hexdigest()
    return hashed


def _hash_corpus(corpus: str) -> Any:
    """Returns a digest of the corpus's file; of several files, one of their names and digests."""
    paths = find_files(corpus)
    if paths == [corpus]:
        if not Path(corpus).is_file():
            raise FileNotFoundError(corpus)
        return _hash_file(corpus)
    digest = hashlib.sha256()
    for path in paths:
        named = [path.encode("utf-8", "surrogateescape").hex(), _hash_file(path).hexdigest()]
        digest.update(json.dumps(named).encode())
    return digest


def _hash_file(path: str) -> Any:
    with Path(path).open("rb") as file:
        digest: Any = hashlib.file_digest(file, "sha256")
    return digest


def open_replaced(out: Path) -> Artifact | None:
    """Opens the artifact that is replaced, also of an older format; returns None where there is none to be used."""
    try:
        return Artifact.open(out, OLDEST_REUSABLE)
    except ArtifactError:
        return None


def is_up_to_date(old: Artifact, inputs: str) -> bool:
    """Tells whether the artifact was made from these inputs, and no file has changed since."""
    if not inputs or old.manifest.inputs_sha256 != inputs:
        return False
    try:
        old.check_hashes()
    except ArtifactError:
        return False
    return True
