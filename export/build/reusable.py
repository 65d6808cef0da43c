"""Tells whether the vectors of the artifact that is replaced can be used again."""

from __future__ import annotations

from handler.artifact import DOCUMENTS_FILE, EMBEDDINGS_FILE, PASSAGES_FILE, TOKENS_FILE, Artifact
from handler.errors import ArtifactError
from handler.manifest import Manifest


def find_reusable(old: Artifact | None, recipe: str, dtype: str) -> Artifact | None:
    """Returns `old` if its vectors are undamaged, of this recipe, and as exact as `dtype` stores them, or else None."""
    if old is None or not _is_reusable(old.manifest, recipe, dtype):
        return None
    try:
        needed = (EMBEDDINGS_FILE, DOCUMENTS_FILE, TOKENS_FILE, PASSAGES_FILE)
        old.check_hashes(name for name in needed if name in old.manifest.files)
    except ArtifactError:
        return None
    return old


def _is_reusable(manifest: Manifest, recipe: str, dtype: str) -> bool:
    # Vectors stored as float16 or int8 give the same bytes only where they are stored so again. Format 1 rounded
    # the scales of int8 otherwise.
    exact = manifest.dtype == "float32" or (manifest.dtype == dtype and manifest.format_version > 1)
    return manifest.recipe_sha256 == recipe and exact and TOKENS_FILE in manifest.files
