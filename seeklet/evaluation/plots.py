"""Plots as inline SVG: a line with its band, bars with intervals, a histogram.

Colours are the page's CSS variables, so that they follow its light or dark scheme. Each plot has a title for screen
readers and labels on both axes. A plot is as wide as a small phone's screen, and grows with the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 42
TICKS = 5
LOW = 0.1


class Point(NamedTuple):
    """A value over x, and its interval; None where it has none."""

    x: float
    y: float
    low: float | None
    high: float | None


class Bar(NamedTuple):
    """One bar, and its interval; None where it has none."""

    name: str
    value: float
    low: float | None
    high: float | None


class Axes:
    """The frame of a plot: where a value lies, in the units of the SVG."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Takes the ends of both axes; an axis without length gets some."""
        self._x, self._y = ((low, high if high > low else low + 1) for low, high in (x, y))

    def x(self, value: float) -> float:
        """Returns the place of a value of the horizontal axis."""
        low, high = self._x
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)

    def y(self, value: float) -> float:
        """Returns the place of a value of the vertical axis."""
        low, high = self._y
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)

    def draw(self, x_label: str, y_label: str, x_ticks: Sequence[tuple[float, str]]) -> str:
        """Draws the grid, the ticks' labels, and both axes' labels."""
        parts = []
        for value in ticks(*self._y):
            parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.y(value):.1f}" y2="{self.y(value):.1f}"/>'
                f'<text x="{LEFT - 6}" y="{self.y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
            )
        parts += [
            f'<text x="{self.x(value):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(text)}</text>'
            for value, text in x_ticks
        ]
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(
            f'<text x="{middle:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
            f'<text transform="translate(12 {(HEIGHT - BOTTOM + TOP) / 2:.1f}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_label)}</text>"
        )
        return "".join(parts)


def ticks(low: float, high: float) -> list[float]:
    """Chooses some round values between two numbers."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(step * i, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def draw_line(title: str, points: Sequence[Point], marked: float, x_label: str, y_label: str) -> str:
    """Draws values over x as a line in the band of their intervals, with a mark over the value `marked` of x."""
    band = [point for point in points if point.low is not None and point.high is not None]
    values = [value for point in points for value in (point.y, point.low, point.high) if value is not None]
    room = 0.05 * (max(values) - min(values)) or 0.05
    xs = [point.x for point in points]
    axes = Axes((min(xs), max(xs)), (max(0.0, min(values) - room), min(1.0, max(values) + room)))
    parts = [axes.draw(x_label, y_label, [(x, f"{x:g}") for x in ticks(min(xs), max(xs))])]
    if band:
        ends = [(point.x, point.high or 0.0) for point in band]
        ends += [(point.x, point.low or 0.0) for point in reversed(band)]
        parts.append(f'<polygon class="band" points="{_path(axes, ends)}"/>')
    parts.append(f'<polyline class="line" points="{_path(axes, [(point.x, point.y) for point in points])}"/>')
    for point in points:
        radius = 5 if point.x == marked else 2.5
        parts.append(
            f'<circle class="dot" cx="{axes.x(point.x):.1f}" cy="{axes.y(point.y):.1f}" r="{radius}">'
            f"<title>{point.x:g}: {point.y:.3f}</title></circle>"
        )
    return _svg(title, parts)


def draw_bars(title: str, bars: Sequence[Bar], y_label: str) -> str:
    """Draws bars beside each other from 0 to 1, each with its interval."""
    axes = Axes((0, len(bars)), (0, 1))
    parts = [axes.draw("", y_label, [(i + 0.5, bar.name) for i, bar in enumerate(bars)])]
    for i, bar in enumerate(bars):
        middle = axes.x(i + 0.5)
        parts.append(_rectangle(axes, i + 0.2, i + 0.8, bar.value, f"{bar.name}: {bar.value:.3f}"))
        if bar.low is not None and bar.high is not None:
            parts.append(
                f'<line class="interval" x1="{middle:.1f}" x2="{middle:.1f}" '
                f'y1="{axes.y(bar.low):.1f}" y2="{axes.y(bar.high):.1f}"/>'
            )
        # On the bar, unless it is too low for that.
        place = ' class="on"' if bar.value > LOW else ""
        parts.append(
            f'<text x="{middle:.1f}" y="{axes.y(0) - 6:.1f}" text-anchor="middle"{place}>{bar.value:.3f}</text>'
        )
    return _svg(title, parts)


def draw_histogram(title: str, edges: Sequence[float], counts: Sequence[int], x_label: str) -> str:
    """Draws how many queries lie between each two of the edges."""
    axes = Axes((edges[0], edges[-1]), (0, max(*counts, 1)))
    parts = [axes.draw(x_label, "queries", [(x, f"{x:g}") for x in ticks(edges[0], edges[-1])])]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        parts.append(_rectangle(axes, low, high, count, f"{low:g} to {high:g}: {count}"))
    return _svg(title, parts)


def _rectangle(axes: Axes, left: float, right: float, value: float, title: str) -> str:
    return (
        f'<rect class="bar" x="{axes.x(left) + 0.5:.1f}" y="{axes.y(value):.1f}" '
        f'width="{max(axes.x(right) - axes.x(left) - 1, 0):.1f}" height="{axes.y(0) - axes.y(value):.1f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _path(axes: Axes, places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in places)


def _svg(title: str, parts: Sequence[str]) -> str:
    name = escape(title)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}"><title>{name}</title>{"".join(parts)}</svg>'
