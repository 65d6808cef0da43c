"""Threads: how many there may be, and a pool of them where more than one was asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def thread_pool(threads: int, name: str) -> ThreadPoolExecutor | None:
    """A pool of so many threads; None for one, as most functions have, and nothing is imported for it."""
    if threads < 2:
        return None
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads, name)


def available_cpus() -> int:
    """The CPUs that this process may use. A container's may be fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
