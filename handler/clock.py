"""A stopwatch for the stages of one request, which the header Server-Timing tells."""

from __future__ import annotations

from time import perf_counter


class Clock:
    """The time that each stage took, in seconds, since the clock was made."""

    __slots__ = ("_last", "_started", "stages")

    def __init__(self) -> None:
        self._started = self._last = perf_counter()
        self.stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Adds the time since the last lap to a stage."""
        now = perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._last
        self._last = now

    def start(self) -> None:
        """Leaves the time since the last lap to no stage."""
        self._last = perf_counter()

    def server_timing(self) -> str:
        """Writes the header's value, durations in ms (W3C Server Timing): "search;dur=0.21, total;dur=0.9"."""
        stages = {**self.stages, "total": perf_counter() - self._started}
        return ", ".join([f"{stage};dur={1000 * seconds:.3g}" for stage, seconds in stages.items()])
