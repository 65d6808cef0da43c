"""Codes of the map's colours, against Python's own counting and sorting."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import Export

from handler.artifact import Artifact
from handler.colors import MOST_COLORS, NONE, Coloring, bin_starts, color, describe
from handler.columns import Columns


@pytest.fixture
def colored(export: Export, tmp_path: Path) -> Any:
    """Exports documents with these values of a column, None for none, and colours them by it."""

    def run(values: list[Any], kind: str) -> Coloring:
        lines = [json.dumps({"text": f"storm {row}", "value": value}) for row, value in enumerate(values)]
        corpus = tmp_path / "corpus.jsonl"
        corpus.write_text("\n".join(lines))
        export(corpus, tmp_path / "out", metadata=["value"], columns={"value": kind})
        columns = Columns.open(Artifact.open(tmp_path / "out"))
        assert columns is not None
        return color(columns.column("value"), kind)

    return run


def shown(coloring: Coloring) -> list[str | None]:
    """What the legend says of each document."""
    return [None if code == NONE else coloring.labels[code] for code in coloring.codes.tolist()]


def test_the_most_frequent_names_get_codes(colored: Any) -> None:
    random = np.random.default_rng(0)
    values: list[Any] = [f"n{place:02}" for place in random.zipf(1.3, 500) % 30]
    values[::50] = [None] * 10
    coloring = colored(values, "string")
    ordered = sorted(Counter(filter(None, values)).items(), key=lambda item: (-item[1], item[0]))
    assert len(ordered) > MOST_COLORS
    best = dict(ordered[:MOST_COLORS])
    assert coloring.labels == [*best, "other"]
    assert coloring.other == MOST_COLORS
    assert coloring.counts == [*best.values(), 490 - sum(best.values())]
    assert coloring.none == 10
    assert shown(coloring) == [value if value in best or value is None else "other" for value in values]


def test_few_names_have_no_other(colored: Any) -> None:
    coloring = colored(["b", None, "a", "b"], "string")
    assert coloring.labels == ["b", "a"]
    assert (coloring.other, coloring.none, coloring.counts) == (None, 1, [2, 1])
    assert shown(coloring) == ["b", None, "a", "b"]


def test_a_value_that_is_named_other_is_not_the_others(colored: Any) -> None:
    coloring = colored(
        [f"n{place:02}" for place in range(MOST_COLORS) for _ in range(3)] + ["other"] * 9, "string"
    )
    assert coloring.labels == ["other", *(f"n{place:02}" for place in range(MOST_COLORS - 1)), "other"]
    assert coloring.other == MOST_COLORS
    assert coloring.codes[-1] == 0
    assert coloring.codes[MOST_COLORS * 3 - 1] == MOST_COLORS


def test_a_list_has_the_colour_of_its_rarest_name(colored: Any) -> None:
    values = [["rare", "common"], ["common"], ["middle", "rare"], ["middle"], None, ["common", "middle"]]
    coloring = colored(values, "strings")
    # All but "rare" are equally frequent.
    assert coloring.labels == ["common", "middle", "rare"]
    assert shown(coloring) == ["rare", "common", "rare", "middle", None, "middle"]
    assert coloring.counts == [1, 2, 2]


def test_truths(colored: Any) -> None:
    coloring = colored([True, None, False, True], "boolean")
    assert coloring.labels == ["true", "false"]
    assert shown(coloring) == ["true", None, "false", "true"]


@pytest.mark.parametrize("whole", [True, False])
def test_bins_of_numbers_hold_about_equally_many(colored: Any, whole: bool) -> None:
    numbers = np.random.default_rng(0).lognormal(sigma=2, size=400)
    values: list[Any] = (numbers * 1e6).astype(int).tolist() if whole else numbers.tolist()
    values[::7] = [None] * len(values[::7])
    coloring = colored(values, "number")
    present = sorted(value for value in values if value is not None)
    assert len(set(present)) == len(present)
    assert len(coloring.labels) == MOST_COLORS
    assert sum(coloring.counts) == len(present)
    assert max(coloring.counts) - min(coloring.counts) <= 1
    assert coloring.none == values.count(None)
    ends = [0, *np.cumsum(coloring.counts).tolist()]
    parts = [present[start:end] for start, end in itertools.pairwise(ends)]
    assert coloring.labels == [f"{describe(part[0])} to {describe(part[-1])}" for part in parts]
    codes = coloring.codes.tolist()
    for value, code in zip(values, codes, strict=True):
        assert code == NONE if value is None else value in parts[code]


def test_few_numbers_get_a_code_each(colored: Any) -> None:
    coloring = colored([2020, 2019, None, 2020, 1999.5], "number")
    assert coloring.labels == ["1999.5", "2019", "2020"]
    assert coloring.codes.tolist() == [2, 1, NONE, 2, 0]
    assert (coloring.counts, coloring.none, coloring.other) == ([1, 1, 2], 1, None)


def test_dates(colored: Any) -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 32)]
    coloring = colored([*days, None, "2020-02-01T12:30:00Z"], "date")
    assert coloring.labels[0] == "2020-01-01 to 2020-01-03"
    assert coloring.labels[-1].endswith("to 2020-02-01T12:30:00Z")
    assert sum(coloring.counts) == 32
    assert (np.diff(coloring.codes[:31].astype(int)) >= 0).all()
    assert coloring.codes[31:].tolist() == [NONE, MOST_COLORS - 1]


@pytest.mark.parametrize(
    ("counts", "starts"),
    [
        ([], []),
        ([5], [0]),
        ([1] * 10, list(range(10))),
        ([1] * 20, list(range(0, 20, 2))),
        # A value that most documents have takes a bin of its own.
        ([900, *[1] * 99], [0, 1, 12, 23, 34, 45, 56, 67, 78, 89]),
        ([*[1] * 99, 900], [0, 99]),
    ],
)
def test_bins(counts: list[int], starts: list[int]) -> None:
    assert bin_starts(np.array(counts, np.int64)) == starts


def test_a_column_without_a_value(colored: Any) -> None:
    for kind in ("string", "number"):
        coloring = colored([None, None], kind)
        assert (coloring.labels, coloring.counts, coloring.other, coloring.none) == ([], [], None, 2)
