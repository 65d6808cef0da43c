"""The search of one artifact, from a query to the nearest documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.artifact import Artifact
from handler.documents import Documents
from handler.encoder import Encoder
from handler.index import Index
from handler.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Hit:
    """One document of an answer. `index` is its row; `score` is the cosine of query and document, higher is nearer.

    Examples:
        >>> from seeklet import Searcher
        >>> hit = Searcher.load("artifact").search("storms in Europe", 1)[0]
        >>> hit.id, hit.index, hit.text
        ('10.1/storm', 0, 'Winter storms reach western Europe')
    """

    id: str
    index: int
    score: float
    text: str
    metadata: dict[str, Any]


class Searcher:
    """A loaded artifact: its encoder, its index and its documents.

    Examples:
        >>> from seeklet import Searcher
        >>> searcher = Searcher.load("artifact")
        >>> for hit in searcher.search("how do I bake bread", 2):
        ...     print(hit.id, hit.text)
        10.1/bread A slow dough makes better bread
        10.1/storm Winter storms reach western Europe
    """

    def __init__(self, manifest: Manifest, encoder: Encoder, index: Index, documents: Documents) -> None:
        self.manifest = manifest
        self.encoder = encoder
        self.index = index
        self.documents = documents

    @classmethod
    def load(cls, directory: Path | str, threads: int = 1) -> Searcher:
        """Loads and checks the artifact in `directory`; raises ArtifactError where it can't."""
        artifact = Artifact.open(directory)
        return cls(
            artifact.manifest,
            Encoder.open(artifact, threads),
            Index.open(artifact, threads),
            Documents.open(artifact),
        )

    def search(self, query: str, k: int) -> list[Hit]:
        """Finds the k documents nearest to `query`, or all if there are fewer: best first, equal scores by lower index."""
        embedding = self.encoder.encode([query], self.manifest.query_prompt)
        ids, scores = self.index.search(embedding, k)
        hits = []
        for index, score in zip(ids[0].tolist(), scores[0], strict=True):
            document = self.documents[index]
            # str gives a float32 its shortest form, 0.1; float() alone would give 0.10000000149011612.
            hits.append(Hit(document.id, index, float(str(score)), document.text, document.metadata))
        return hits
