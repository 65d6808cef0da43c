"""The number of tokens of each text and whether it was cut, and the file that keeps both for the next export.

In memory these are two named columns. In the file documents.tokens.npy, a count below zero means that the text was cut.
No other module knows that.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# The most that the file's int16 can hold.
MOST_TOKENS = 32_767


class TokenCounts(NamedTuple):
    """The token counts of n texts."""

    tokens: NDArray[np.int16]  # (n,), the special ones included
    truncated: NDArray[np.bool_]  # (n,), whether the text was cut at max_length


def write_token_counts(path: Path, counts: TokenCounts) -> None:
    """Writes documents.tokens.npy, (n,) int16."""
    save_array(path, np.where(counts.truncated, -counts.tokens, counts.tokens).astype(np.int16))


def read_token_counts(path: Path) -> TokenCounts:
    """Reads documents.tokens.npy."""
    stored = np.load(path, allow_pickle=False)
    return TokenCounts(np.abs(stored), stored < 0)


def save_array(path: Path, values: NDArray[np.generic]) -> None:
    """Writes a .npy file. On a full disk np.save, given a path, raises an error that doesn't say why."""
    file = io.BytesIO()
    np.save(file, values)
    path.write_bytes(file.getbuffer())
