"""Threads: how many CPUs there are, and a pool for more than one thread."""

from __future__ import annotations

import os

from handler.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def thread_pool(threads: int, name: str) -> ThreadPoolExecutor | None:
    """Makes a pool of `threads` threads. For one thread, as in most functions, returns None and imports nothing."""
    if threads < 2:
        return None
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads, name)


def available_cpus() -> int:
    """Counts the CPUs that this process may use. A container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_or_cpus(threads: int | None) -> int:
    """Returns the number of threads that is asked for; without one, a thread for each CPU."""
    return available_cpus() if threads is None else threads
