"""Searcher: a query in, the nearest documents out."""

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
    """One answer: `index` is the document's row, `score` the cosine of query and document, higher is nearer.

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
    """An artifact, loaded: encoder, index and documents of one recipe.

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
        """Loads and checks the artifact in `directory`; raises ArtifactError with the remedy."""
        artifact = Artifact.open(directory)
        return cls(
            artifact.manifest,
            Encoder.open(artifact, threads),
            Index.open(artifact, threads),
            Documents.open(artifact),
        )

    def search(self, query: str, k: int) -> list[Hit]:
        """The k documents nearest to `query`, best first, equal scores by lower index; fewer if there are fewer."""
        embedding = self.encoder.encode([query], self.manifest.query_prompt)
        ids, scores = self.index.search(embedding, k)
        hits = []
        for index, score in zip(ids[0].tolist(), scores[0], strict=True):
            document = self.documents[index]
            # str of a float32 is its shortest form; float() of the float32 would show digits that it hasn't.
            hits.append(Hit(document.id, index, float(str(score)), document.text, document.metadata))
        return hits
