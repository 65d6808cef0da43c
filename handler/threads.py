"""Thread pools, where more than one thread was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def thread_pool(threads: int, name: str) -> ThreadPoolExecutor | None:
    """A pool of so many threads; None for one, as most functions have, and nothing is imported for it."""
    if threads < 2:
        return None
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads, name)
