"""Several artifacts in one function: INDEXES names them, and a path's first part chooses one.

An index is loaded at its first request. The ones that were used longest ago are let go where those that are loaded have more
bytes than there is room for, but never the default one. Their folders in /tmp stay until their room is needed
(folders.py). An event keeps the service that it began with. It is imported only where INDEXES is set.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from handler.backoff import Backoff
from handler.errors import RequestError, SeekletError, SettingsError, reason
from handler.light_typing import Any
from handler.loading import Loader
from handler.manifest import Manifest
from handler.memory import available_bytes
from handler.opening import open_source
from handler.routes import FRAMEWORK_PATHS, METRICS_PATH, ROUTES, match_path
from handler.service import Service, Source, Split
from handler.settings import Settings
from handler.sharing import bytes_of

logger = logging.getLogger("seeklet")

# No index may have the name of a route.
RESERVED = frozenset(
    path.split("/")[1] for path in (*FRAMEWORK_PATHS, METRICS_PATH, *(path for _, path in ROUTES))
)


class _Index:
    """One entry of INDEXES; `source` is None while it isn't loaded."""

    def __init__(self, name: str, uri: str) -> None:
        self.name = name
        self.uri = uri
        self.source: Source | None = None
        self.used = 0
        # Held while it is loaded: two requests at once load it once. Where that fails, it fails for all that wait.
        self.lock = threading.Lock()
        self.backoff = Backoff()


class Catalog:
    """The Source of several indexes. Safe to share between threads."""

    def __init__(self, settings: Settings, parent: Path | None = None) -> None:
        """Loads the default index: ARTIFACT_URI, or ARTIFACT_DIR if that folder is there, or else the first of INDEXES.

        What is fetched goes into folders under `parent`, by default /tmp. Raises SeekletError where a name is taken, or the
        default index can't be loaded.
        """
        self._settings = settings
        self._limit = settings.max_index_bytes or available_bytes() // 2
        self._indexes = {place.name: _Index(*place) for place in settings.indexes}
        for name in self._indexes.keys() & RESERVED:
            raise SettingsError(f"INDEXES has the name {name!r}, which is a route's: choose another one")
        self._lock = threading.Lock()
        # What each thread is loading: it counts before its index has it.
        self._coming: dict[threading.Thread, Manifest] = {}
        self._uses = itertools.count(1)
        self._resumed = False
        self._loader = Loader(
            settings,
            parent=parent,
            setting="ARTIFACT_URI or INDEXES",
            indexes=self.indexes,
            before_load=self._make_room,
        )
        self._default: Source | None = None
        self._first = settings.indexes[0].name
        if settings.artifact_uri or settings.artifact_dir.is_dir():
            with self._counted():
                self._default = open_source(self._loader, settings.artifact_uri or str(settings.artifact_dir))
        else:
            self._open(self._indexes[self._first])

    @property
    def settings(self) -> Settings:
        """The settings of every index."""
        return self._settings

    def split(self, path: str) -> Split:
        """Takes the name of an index off a path: /news/search is /search of news; /news alone has the path ""."""
        name, slash, rest = path[1:].partition("/")
        if name in self._indexes and f"/{rest}" not in FRAMEWORK_PATHS:
            return Split(name, slash + rest)
        if slash and name not in RESERVED and _is_route(f"/{rest}"):
            # `current` says that there is no such index.
            return Split(name, f"/{rest}")
        return Split("", path)

    def current(self, name: str = "") -> Service:
        """Returns an index's service, and loads the index if it isn't; "" is the default one.

        Raises RequestError where there is no such index (404), or it can't be loaded (503).
        """
        if not name and self._default is not None:
            return self._default.current()
        index = self._indexes.get(name or self._first)
        if index is None:
            raise unknown_index(name, list(self._indexes))
        source = index.source or self._load(index)
        index.used = next(self._uses)
        return source.current()

    def wait(self, seconds: float) -> None:
        """Begins the looks for new releases that are due, and waits, at most so long, until nothing is being loaded."""
        until = time.monotonic() + seconds
        for source in list(self._loaded()):
            source.current()
            source.wait(until - time.monotonic())

    def resume(self) -> None:
        """Lets looks for new releases begin."""
        self._resumed = True
        for source in self._loaded():
            source.resume()

    def indexes(self) -> Sequence[dict[str, Any]]:
        """Describes every index of INDEXES; it loads none."""
        described = []
        for index in self._indexes.values():
            source = index.source
            service = None if source is None else source.current()
            release = None if service is None else service.release
            described.append(
                {
                    "name": index.name,
                    "default": self._is_default(index),
                    "loaded": service is not None,
                    "documents": None if service is None else service.searcher.manifest.count,
                    "release": release and release.id,
                }
            )
        return described

    def _load(self, index: _Index) -> Source:
        """Loads an index once, however many ask for it; raises RequestError (503) where it can't, or can't be tried yet."""
        if index.backoff.failures and index.lock.locked():
            # Another request tries it, and may wait for seconds. One thread is enough for what may never come.
            raise _unavailable(index)
        with index.lock:
            if index.source is not None:
                return index.source
            if index.backoff.seconds:
                raise _unavailable(index)
            started = time.perf_counter()
            try:
                source = self._open(index)
            except Exception as error:
                index.backoff.fail()
                told = (
                    error if isinstance(error, SeekletError) else f"{type(error).__name__}: {reason(error)}"
                )
                logger.error("index %s can't be loaded: %s", index.name, told)
                raise _unavailable(index) from error
            index.backoff.succeed()
            logger.info("index %s: loaded in %.2f s", index.name, time.perf_counter() - started)
            return source

    def _open(self, index: _Index) -> Source:
        with self._counted():
            source = open_source(self._loader, index.uri)
            if self._resumed:
                source.resume()
            index.used = next(self._uses)
            index.source = source
        return source

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        """Lets what this thread loads count as coming, until its index has it."""
        try:
            yield
        finally:
            with self._lock:
                self._coming.pop(threading.current_thread(), None)
                # Another one may have come at the same time. The newest stays.
                self._let_go(but_newest=True)

    def _is_default(self, index: _Index) -> bool:
        return self._default is None and index.name == self._first

    def _loaded(self) -> Iterator[Source]:
        if self._default is not None:
            yield self._default
        # Another thread may let go of one meanwhile.
        yield from (source for index in self._indexes.values() if (source := index.source) is not None)

    def _make_room(self, coming: Manifest) -> None:
        """Lets go of the indexes that were used longest ago, until what is coming fits beside the others."""
        with self._lock:
            # A thread that looked for a new release ends when it is served.
            self._coming = {thread: one for thread, one in self._coming.items() if thread.is_alive()}
            self._coming[threading.current_thread()] = coming
            self._let_go()

    def _let_go(self, *, but_newest: bool = False) -> None:
        """Lets go of loaded indexes, but of the default one, until all that count fit."""
        loaded = [
            index
            for index in self._indexes.values()
            if index.source is not None and not self._is_default(index)
        ]
        loaded.sort(key=lambda index: index.used)
        for oldest in loaded[:-1] if but_newest else loaded:
            if bytes_of([*self._manifests(), *self._coming.values()]) <= self._limit:
                return
            oldest.source = None
            logger.info("index %s: let go, memory is needed", oldest.name)

    def _manifests(self) -> Iterator[Manifest]:
        return (source.current().searcher.manifest for source in self._loaded())


def unknown_index(name: object, names: Sequence[str]) -> RequestError:
    """Returns the error for an index that isn't there."""
    return RequestError(
        404, "no_index", f"there is no index {str(name)[:80]!a}: there are {', '.join(names)}", "index"
    )


def _unavailable(index: _Index) -> RequestError:
    seconds = max(1, math.ceil(index.backoff.seconds))
    error = RequestError(
        503,
        "index_unavailable",
        f"the index {index.name} can't be loaded: the log says why, and it is tried again in {seconds} s",
    )
    error.headers = {"retry-after": str(seconds)}
    return error


def _is_route(path: str) -> bool:
    return any(match_path(template, path) is not None for _, template in ROUTES)
