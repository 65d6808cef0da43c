"""Encoders that several artifacts share, where their model's files and their recipe are the same.

An encoder is kept for as long as a searcher uses it. This module loads no index and no documents.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence

from handler.artifact import ENCODER_FIELDS, ENCODER_FILES, Artifact
from handler.encoder import Encoder
from handler.manifest import Manifest

EncoderKey = tuple[object, ...]


def encoder_key(manifest: Manifest) -> EncoderKey:
    """Returns all that decides what an encoder gives. The prompts are the searcher's."""
    files = tuple(manifest.files.get(name) for name in ENCODER_FILES)
    recipe = (getattr(manifest, name) for name in ENCODER_FIELDS)
    return (*files, *(tuple(value) if isinstance(value, list) else value for value in recipe))


class Encoders:
    """The encoders in use. Safe to share between threads."""

    def __init__(self) -> None:
        self._encoders: weakref.WeakValueDictionary[EncoderKey, Encoder] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def open(self, artifact: Artifact, threads: int) -> Encoder:
        """Returns the encoder of the artifact's model, or loads it; raises ArtifactError where it can't."""
        key = encoder_key(artifact.manifest)
        with self._lock:
            encoder = self._encoders.get(key)
            if encoder is None:
                encoder = self._encoders[key] = Encoder.open(artifact, threads)
            return encoder


def bytes_of(manifests: Sequence[Manifest]) -> int:
    """Returns the bytes of several artifacts' files; a model that they share counts once."""
    models = {
        encoder_key(manifest): sum(
            entry.bytes for name, entry in manifest.files.items() if name in ENCODER_FILES
        )
        for manifest in manifests
    }
    others = sum(
        entry.bytes
        for manifest in manifests
        for name, entry in manifest.files.items()
        if name not in ENCODER_FILES
    )
    return others + sum(models.values())
