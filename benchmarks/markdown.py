"""Tables in Markdown, and how a figure and its spread are written in a cell."""

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
    """Returns our median's share of theirs: less than 1 is faster."""
    return float(ours["median"] / theirs["median"])


def mean(figure: Mapping[str, float] | None) -> str:
    """Returns a mean over queries with its standard error, such as 0.6451 ± 0.0215; "" where there is none."""
    return "" if figure is None else f"{figure['mean']:.4f} ± {figure['error']:.4f}"
