"""What every route answers from: the loaded artifact, the settings, and what identifies both.

A Service never changes, so an answer is of one artifact. Which Service answers a request, its Source says: refresh.py has
the one whose artifact changes, indexes.py the one of several. A function over one artifact has that Service itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from handler.artifact import DOCUMENTS_FILE
from handler.light_typing import Any, Protocol
from handler.named import NamedTuple
from handler.responses import JSON
from handler.searcher import Searcher
from handler.settings import Settings

# What an artifact is tried with, and kept warm with.
WARM_QUERY = "europe climate change storm"


class Served(NamedTuple):
    """The release that a service answers from.

    id       the first 16 hex digits of its manifest's SHA-256
    loaded   when it was loaded, as handler.dates.now writes it
    refused  returns the last release that was refused since: its `id`, and when, `at`; None where there was none
    created  when the pointer that names it was written, in seconds since 1970; None where nothing says so
    """

    id: str
    loaded: str
    refused: Callable[[], dict[str, str | None] | None]
    created: float | None = None

    def describe(self) -> dict[str, Any]:
        """Returns what GET /info says of it."""
        return {"id": self.id, "loaded": self.loaded, "refused": self.refused()}


class Split(NamedTuple):
    """A request's path: the name of an index, "" for the default one, and the route's own path."""

    name: str
    path: str


class Source(Protocol):
    """Where a function gets the service of each event."""

    @property
    def settings(self) -> Settings:
        """The settings of every service."""

    def split(self, path: str) -> Split:
        """Takes the name of an index off a path."""

    def current(self, index: str = "") -> Service:
        """Returns the service for an event that begins now; raises RequestError where the index can't answer."""

    def wait(self, seconds: float) -> None:
        """Waits, at most so long, until nothing is being renewed."""

    def resume(self) -> None:
        """Lets renewals begin, which must not run before a snapshot."""

    def indexes(self) -> Sequence[dict[str, Any]]:
        """Describes every index, for GET /indexes."""


class Service:
    """One loaded artifact and the settings, as a route gets them. It knows no route: router.py does."""

    def __init__(
        self,
        settings: Settings,
        searcher: Searcher,
        release: Served | None = None,
        indexes: Callable[[], Sequence[dict[str, Any]]] = tuple,
    ) -> None:
        """Takes what is served. `release` is given where the artifact may be renewed, `indexes` where there are several."""
        self.settings = settings
        self.searcher = searcher
        self.release = release
        self.indexes = indexes

    @functools.cached_property
    def fingerprint(self) -> str:
        """What an answer depends on beside its request: the artifact and this version of the code. For ETags."""
        import binascii

        from handler import __version__

        return f"{binascii.crc32(self.searcher.manifest.to_json() + __version__.encode()):08x}"

    @functools.cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers of an answer with documents' places: which corpus they are of, by the documents' SHA-256."""
        return {**JSON, "seeklet-corpus": self.searcher.manifest.files[DOCUMENTS_FILE].sha256[:16]}

    def split(self, path: str) -> Split:
        """Returns the path as it is: there is one index."""
        return Split("", path)

    def current(self, _index: str = "") -> Service:
        """Returns itself: this artifact stays."""
        return self

    def wait(self, _seconds: float) -> None:
        """Returns at once: nothing is renewed."""

    def resume(self) -> None:
        """Does nothing: nothing is renewed."""
