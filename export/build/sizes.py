"""Writes a number of bytes for people: `seeklet info` and the summary of an export do."""

from __future__ import annotations


def show_bytes(count: int) -> str:
    """Writes a number of bytes in the unit that suits it: "512 B", "12.3 kB", "45.6 MB"."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
