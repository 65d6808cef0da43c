"""What the figures of ordinary events say: how much the memory grew, what is broken, and all of it as lines."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Mapping
from typing import Any

from soak.mixed_requests import FIRST

# The warm-up has the largest answers. By how much the memory may grow after it.
WARM = FIRST
MOST_GROWTH = 0.02


def growth(memory: Mapping[int, int], warm: int = WARM) -> float:
    """Returns by which share the memory of the last tenth is more than the most of the warm-up.

    `memory` has the most memory up to each report since the one before, in bytes by number of events; of the last tenth the
    median counts. The share is less than 0 where it is less. It is 0 where there is no report of one of both.
    """
    first = [size for at, size in memory.items() if at <= warm]
    last = [size for at, size in memory.items() if at > max(warm, 0.9 * max(memory))]
    return statistics.median(last) / max(first) - 1 if first and last else 0.0


def broken(figures: Mapping[str, Any], most_growth: float) -> list[str]:
    """Returns what the figures break, as sentences."""
    told = [*figures["faults"]]
    if figures["faulty"] > len(told):
        told.append(f"{figures['faulty'] - len(told):,} more events were answered wrongly")
    if figures["crash"]:
        told.append(f"the process ended {figures['crash']}")
    if figures["growth"] > most_growth:
        told.append(f"the memory grew by {figures['growth']:.1%}")
    return told


def _apart(wanted: int, at: int) -> int:
    return abs(at - wanted)


def summary(figures: Mapping[str, Any]) -> str:
    """Returns the figures as lines: each route with its statuses, the senders, and the memory at some moments and at its most."""
    lines = [f"{route}: {statuses}" for route, statuses in figures.get("routes", {}).items()]
    lines.append(f"senders: {figures.get('senders')}")
    memory = figures["resident MB"]
    wanted = (WARM, 10 * WARM, figures["number"] // 2)
    moments = {min(memory, key=functools.partial(_apart, moment)) for moment in wanted} if memory else set()
    if memory:
        moments |= {max(memory), max(memory, key=memory.__getitem__)}
    lines += [f"most memory up to event {at:,}: {memory[at]} MB" for at in sorted(moments)]
    lines.append(
        f"{figures['number']:,} events in {figures['seconds']:,} s, {figures['faulty']:,} answered wrongly"
    )
    return "\n".join(lines).replace("{", "").replace("}", "").replace("'", "")
