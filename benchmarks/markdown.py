"""Writes tables in Markdown, and figures with their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Spread = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table; "" where it would have no rows."""
    if not rows:
        return ""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def milliseconds(took: Spread, digits: int = 2) -> str:
    """Returns a median with its quartiles, such as 0.61 ms (0.60 to 0.62)."""
    low, high = took["quartiles"]
    return f"{took['median']:,.{digits}f} ms ({low:,.{digits}f} to {high:,.{digits}f})"


def ratio(ours: Spread, theirs: Spread) -> float:
    """Returns our median as a share of theirs; less than 1 means that we are faster."""
    return float(ours["median"] / theirs["median"])


def mean(figure: Mapping[str, float] | None) -> str:
    """Returns a mean over queries with its standard error, such as 0.6451 ± 0.0215; "" where there is none."""
    return "" if figure is None else f"{figure['mean']:.4f} ± {figure['error']:.4f}"
