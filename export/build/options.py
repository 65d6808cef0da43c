"""The options of one export, as `seeklet export` and `seeklet.export` take them. This module checks none of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from export.build.gate import Thresholds
from export.build.vectors import DEFAULT_DTYPE
from export.build.windows import PassagePlan
from export.build.write_map import DEFAULT_METHOD
from handler.postings import SHARE


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The options of `seeklet export`. None is the model's own value, or what the corpus shows."""

    corpus: str
    text: list[str]
    out: Path
    id: str | None = None
    metadata: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(
        default_factory=dict
    )  # of the metadata, name -> type, where the user tells it
    format: str | None = None
    model: str | None = None
    revision: str | None = None
    sha256: str | None = None
    pooling: str | None = None
    max_length: int | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    document_model: str | None = None
    document_revision: str | None = None
    dim: int | None = None
    passages: bool = False
    passage_tokens: int | None = None
    passage_overlap: int | None = None
    keywords: bool = True
    language: str | None = None  # of the keywords
    share: float = SHARE  # the keywords' share of a hybrid score
    dtype: str = DEFAULT_DTYPE
    map: str = DEFAULT_METHOD  # how documents get their places on the map
    threads: int = 1
    force: bool = False
    thresholds: Thresholds | None = field(default_factory=Thresholds)  # None: no verification

    def plan_passages(self, most: int) -> PassagePlan | None:
        """Completes the options of passages where a text has room for `most` tokens; None without --passages."""
        return PassagePlan.choose(self.passages, self.passage_tokens, self.passage_overlap, most)
