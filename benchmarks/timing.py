"""Times several contenders, which take turns in blocks of warm-up and timed calls.

If they took turns after each call, models of 20 to 90 MB would evict each other from the cache, and be slower than
alone.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.record import spread

THREAD_VARIABLES = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Plan:
    """The number of measurements.

    rounds    number of blocks for each contender
    warm_up   untimed calls at the start of a block
    timed     the most timed calls of a block
    seconds   a block that takes longer ends early, after one timed call at least
    """

    rounds: int = 7
    warm_up: int = 5
    timed: int = 40
    seconds: float = 0.5

    @classmethod
    def chosen(cls, quick: bool, **changes: Any) -> Plan:
        """Returns the plan with changes, or the smallest plan where `quick` is set."""
        return cls(rounds=2, warm_up=1, timed=3, seconds=0.1) if quick else cls(**changes)


def time_blocks(calls: Mapping[str, Callable[[], object]], plan: Plan) -> dict[str, dict[str, Any]]:
    """Returns each call's milliseconds: the spread of its blocks' medians, and p99 over all timed calls."""
    blocks: dict[str, list[list[float]]] = {name: [] for name in calls}
    order, chance = list(calls), random.Random(0)
    for _ in range(plan.rounds):
        # Each finds the caches as the one before left them, so nobody always follows the same one.
        chance.shuffle(order)
        for name in order:
            blocks[name].append(_block(calls[name], plan))
    return {name: summary(taken) for name, taken in blocks.items()}


def _block(call: Callable[[], object], plan: Plan) -> list[float]:
    end = time.perf_counter() + plan.seconds
    for _ in range(plan.warm_up):
        call()
    taken = []
    for _ in range(plan.timed):
        started = time.perf_counter()
        call()
        stopped = time.perf_counter()
        taken.append((stopped - started) * 1000)
        if stopped > end:
            break
    return taken


def summary(blocks: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Returns a median of medians with its quartiles, and p99 and number of all calls."""
    every = [taken for block in blocks for taken in block]
    figures = spread([statistics.median(block) for block in blocks])
    return figures | {"p99": round(float(np.percentile(every, 99)), 6), "calls": len(every)}


def ratio_by_round(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the spread of the rounds' ratios of two contenders of one run; less than 1 means that ours is faster."""
    return spread([one / other for one, other in zip(ours["samples"], theirs["samples"], strict=True)])


def has_threads(threads: int) -> bool:
    """Tells whether this process was started for that number of threads, which BLAS and OpenMP read only once."""
    return all(os.environ.get(name) == str(threads) for name in THREAD_VARIABLES)


def run_again(module: str, threads: int, arguments: Sequence[str]) -> None:
    """Runs `python -m MODULE ARGUMENTS` in a process whose libraries have that number of threads.

    Raises SystemExit with its status where it fails. It has printed why.
    """
    environ = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run([sys.executable, "-m", module, *arguments], env=environ, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
