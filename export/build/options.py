"""The options of one export, as `seeklet export` and `seeklet.export` take them.

This module checks what needs neither the model nor the corpus. For the command line some of it is refused already, for
Python's callers nothing is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from export.build.column_types import check_told
from export.build.gate import Thresholds
from export.build.language import read_code
from export.build.vectors import DEFAULT_DTYPE, DTYPES
from export.build.windows import PassagePlan
from export.build.write_map import DEFAULT_METHOD, check_method
from handler.errors import OptionError
from handler.pooling import POOLINGS
from handler.postings import SHARE

WHOLE_NUMBERS = ("max_length", "dim", "passage_tokens", "passage_overlap")


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
    language: str | None = None  # of the texts; None to find it in them
    share: float = SHARE  # the keywords' share of a hybrid score
    dtype: str = DEFAULT_DTYPE
    map: str = DEFAULT_METHOD  # how documents get their places on the map
    threads: int = 1
    force: bool = False
    thresholds: Thresholds | None = field(default_factory=Thresholds)  # None: no verification

    def check(self) -> None:
        """Raises OptionError for a value that no export can use."""
        check_told(self.columns, self.metadata)
        check_method(self.map)
        _check_choice("--dtype", self.dtype, DTYPES)
        if self.pooling is not None:
            _check_choice("--pooling", self.pooling, POOLINGS)
        if type(self.threads) is not int or self.threads < 1:
            raise OptionError(f"--threads is {self.threads!r:.40}: give a whole number, 1 or more")
        for name in WHOLE_NUMBERS:
            value = getattr(self, name)
            # To Python True is a number, and to the manifest neither it nor 32.0 is a whole one.
            if type(value) is not int and value is not None:
                raise OptionError(f"--{name.replace('_', '-')} is {value!r:.40}: give a whole number")
        if not (
            isinstance(self.share, int | float) and not isinstance(self.share, bool) and 0 <= self.share <= 1
        ):
            raise OptionError(f"--share is {self.share!r:.40}: give a number from 0 to 1")
        if self.language is not None:
            read_code(self.language)
        for name, given in (("--language", self.language is not None), ("--share", self.share != SHARE)):
            if given and not self.keywords:
                raise OptionError(
                    f"{name} is for keywords, and --no-keywords writes none: leave one of them out"
                )

    def check_passages(self, max_length: int) -> None:
        """Raises OptionError for passages that don't fit into `max_length` tokens, the special ones included."""
        PassagePlan.choose(self.passages, self.passage_tokens, self.passage_overlap, max_length, early=True)

    def plan_passages(self, most: int) -> PassagePlan | None:
        """Completes the options of passages where a text has room for `most` tokens; None without --passages."""
        return PassagePlan.choose(self.passages, self.passage_tokens, self.passage_overlap, most)


def _check_choice(option: str, value: str, choices: Collection[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise OptionError(f"{option} is {value!r:.40}: choose one of {', '.join(choices)}")
