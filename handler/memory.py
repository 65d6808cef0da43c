"""How much memory this process may have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

# Where Linux says what a container may have: cgroup 2, then cgroup 1.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def available_bytes(limits: Sequence[Path] = LIMITS) -> int:
    """Returns the machine's memory in bytes, or the container's where that is less."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in limits:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        # "max" is no limit.
        if text.isascii() and text.isdigit():
            least = min(least, int(text))
    return least
