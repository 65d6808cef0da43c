"""Queries as people type them: 2 to 6 words cut from a corpus's own texts. A perturbed document would be easier."""

from __future__ import annotations

import random
from pathlib import Path

from handler.artifact import Manifest
from handler.documents import Documents


def cut_queries(artifact: Path, count: int) -> list[str]:
    """`count` runs of consecutive words, from documents drawn at random; always the same ones."""
    chooser = random.Random(0)
    manifest = Manifest.load(artifact)
    documents = Documents.load(artifact, manifest.count)
    queries: list[str] = []
    while len(queries) < count:
        words = documents[chooser.randrange(manifest.count)].text.split()
        length = chooser.randint(2, 6)
        start = chooser.randrange(max(1, len(words) - length + 1))
        queries.append(" ".join(words[start : start + length]))
    return queries
