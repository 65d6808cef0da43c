"""A stopwatch for the stages of one request, which the header Server-Timing tells, and what was searched for in them."""

from __future__ import annotations

from time import perf_counter

from handler.named import NamedTuple


class Searched(NamedTuple):
    """One query and how it was answered.

    query      its text; None where documents like another were asked for
    mode       "hybrid", "semantic" or "keyword"
    results    how many documents were answered
    empty      whether nothing was found; a page behind the last result finds nothing and isn't empty
    top_score  the best result's score; None where there is none, or where it is on an earlier page
    """

    query: str | None
    mode: str
    results: int
    empty: bool
    top_score: float | None


class Clock:
    """The time that each stage took, in seconds, since the clock was made; where it is watched, the searches too."""

    __slots__ = ("_last", "_started", "searches", "stages")

    def __init__(self, *, watched: bool = False) -> None:
        self._started = self._last = perf_counter()
        self.stages: dict[str, float] = {}
        self.searches: list[Searched] | None = [] if watched else None

    def lap(self, stage: str) -> None:
        """Adds the time since the last lap to a stage."""
        now = perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._last
        self._last = now

    def start(self) -> None:
        """Leaves the time since the last lap to no stage."""
        self._last = perf_counter()

    def seconds(self) -> float:
        """Returns the time since the clock was made."""
        return perf_counter() - self._started

    def server_timing(self) -> str:
        """Writes the header's value, durations in ms (W3C Server Timing): "search;dur=0.21, total;dur=0.9"."""
        stages = {**self.stages, "total": self.seconds()}
        return ", ".join([f"{stage};dur={1000 * seconds:.3g}" for stage, seconds in stages.items()])
