"""The map: each document's place in a plane, as an export drew it.

Nothing of it is read before it is asked for. This module computes no place (export/build/write_map.py does), and knows no
colour (colors.py does).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.artifact import MAP_FILE, Artifact
from handler.errors import ArtifactError
from handler.manifest import REMEDY
from handler.safetensors import read_safetensors


class Map:
    """The places of an artifact's documents."""

    def __init__(self, path: Path, count: int) -> None:
        """Takes the file and the number of documents that its manifest says; reads nothing."""
        self._path = path
        self.count = count

    @classmethod
    def open(cls, artifact: Artifact) -> Map | None:
        """Returns the artifact's map, or None where it has none. It reads nothing."""
        if artifact.manifest.map is None:
            return None
        return cls(artifact.path(MAP_FILE), artifact.manifest.count)

    def points(self) -> NDArray[np.uint16]:
        """Maps the places, (documents, 2) uint16, x and y from 0 to 65535.

        Raises ArtifactError where the file is missing or damaged, or disagrees with the manifest.
        """
        tensors = read_safetensors(self._path)
        kinds = {name: (tensor.dtype.str, tensor.shape) for name, tensor in tensors.items()}
        if kinds != {"points": ("<u2", (self.count, 2))}:
            raise ArtifactError(
                f"{self._path} holds {kinds!a:.80}, not the points of {self.count:,} documents: {REMEDY}"
            )
        return tensors["points"]


def sample(count: int, most: int) -> NDArray[np.uint32] | None:
    """Chooses `most` of `count` documents, evenly spread; returns None where all fit. -> ascending (most,) uint32."""
    if count <= most:
        return None
    return (np.arange(most, dtype=np.uint64) * np.uint64(count) // np.uint64(most)).astype(np.uint32)
