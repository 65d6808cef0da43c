"""What requests are made of, of any proof: an artifact's own documents, columns and modes, so that they name what is there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from handler.artifact import Artifact
from handler.documents import Documents
from handler.manifest import MODES


class Corpus(NamedTuple):
    """All documents, the ids of some, the columns, the modes that can be asked for, whether there is a map, and the model's id."""

    documents: Documents
    ids: list[str]
    columns: list[str]
    modes: list[str]
    has_map: bool
    model: str


def corpus_of(directory: Path) -> Corpus:
    """Opens the documents of an artifact; raises ArtifactError where it can't."""
    artifact = Artifact.open(directory)
    documents, manifest = Documents.open(artifact), artifact.manifest
    places = {0, len(documents) // 2, len(documents) - 1}
    return Corpus(
        documents,
        [documents[place].id for place in sorted(places)],
        [*(manifest.columns or {})],
        [*MODES] if manifest.keywords is not None else ["semantic"],
        manifest.map is not None,
        manifest.model_id,
    )
