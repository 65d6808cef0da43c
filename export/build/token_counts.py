"""How many tokens each text has and whether it was cut, and the file that keeps both for the next export.

Here are two columns with names; on disk, in documents.tokens.npy, a count below zero means that the text was cut.
This module alone knows that.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# What the file's int16 can hold.
MOST_TOKENS = 32_767


class TokenCounts(NamedTuple):
    """What the tokenizer saw of n texts."""

    tokens: NDArray[np.int16]  # (n,), the special ones included
    truncated: NDArray[np.bool_]  # (n,), whether the text was cut at max_length


def write_token_counts(path: Path, counts: TokenCounts) -> None:
    """Writes documents.tokens.npy: (n,) int16, negative where the text was cut."""
    save_array(path, np.where(counts.truncated, -counts.tokens, counts.tokens).astype(np.int16))


def read_token_counts(path: Path) -> TokenCounts:
    """Reads documents.tokens.npy."""
    stored = np.load(path, allow_pickle=False)
    return TokenCounts(np.abs(stored), stored < 0)


def save_array(path: Path, values: NDArray[np.generic]) -> None:
    """Writes a .npy file. np.save to a path doesn't say why where it fails, as on a full disk."""
    file = io.BytesIO()
    np.save(file, values)
    path.write_bytes(file.getbuffer())
