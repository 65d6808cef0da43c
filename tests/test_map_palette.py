"""The map's colours: they are seen on their ground, and told apart with every kind of colour blindness."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import handler

PAGES = Path(handler.__file__).parent / "pages"
PAGE = "".join((PAGES / name).read_text(encoding="utf-8") for name in ("common.css", "map.html"))
F64 = NDArray[np.float64]
# Machado, Oliveira and Fernandes (2009), severity 1: protanopia, deuteranopia, tritanopia.
SIGHTS = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(colour: str) -> F64:
    """Linear sRGB of #rrggbb."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    result: F64 = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return result


def lightness(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(first: str, second: str) -> float:
    """WCAG's ratio of two colours."""
    low, high = sorted([lightness(first), lightness(second)])
    return (high + 0.05) / (low + 0.05)


def oklab(values: F64) -> F64:
    """Björn Ottosson's Oklab, in which a distance of .02 is just seen."""
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    axes = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    result: F64 = axes @ np.cbrt(np.clip(cones @ values, 0, None))
    return result


def colours(scheme: str, name: str) -> list[str]:
    """A list of colours in the page's script."""
    found = re.search(rf"{scheme}: \{{.*?{name}: (\[.*?\])", PAGE, re.DOTALL)
    assert found is not None
    return re.findall(r"#[0-9a-f]{6}", found[1])


def ground(scheme: str) -> str:
    """The map's ground: the style names the light one first."""
    grounds: list[str] = re.findall(r"--map: (#[0-9a-f]{6})", PAGE)
    return grounds[scheme == "dark"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["parts", "steps"])
def test_every_colour_is_seen_on_the_ground(scheme: str, name: str) -> None:
    chosen = colours(scheme, name)
    assert len(chosen) == 10
    assert min(contrast(colour, ground(scheme)) for colour in chosen) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_every_two_colours_are_told_apart(scheme: str, sight: str) -> None:
    seen = [oklab(np.clip(SIGHTS[sight] @ linear(colour), 0, 1)) for colour in colours(scheme, "parts")]
    assert min(np.linalg.norm(first - second) for first, second in combinations(seen, 2)) > 0.075


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_steps_go_one_way(scheme: str) -> None:
    changes = np.diff([lightness(colour) for colour in colours(scheme, "steps")])
    assert (changes > 0).all() if scheme == "dark" else (changes < 0).all()
