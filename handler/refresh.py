"""The release that a pointer names, and each newer one, without a deployment.

    event begins -> current() -> the service, whole, of one release
                        |  at most every REFRESH_SECONDS
                        v
                  a thread: pointer -> fetch -> verify -> load -> search -> one assignment

No event waits for it, except a scheduled ping. A release that can't be used is refused: it is logged, remembered by the
pointer's ETag, and the one before goes on. Folders and encoders are the Loader's business (loading.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from handler.artifact import Artifact
from handler.dates import now
from handler.errors import SeekletError, UnreachableError, reason
from handler.light_typing import TYPE_CHECKING, Any
from handler.loading import Loaded, Loader
from handler.logs import Once
from handler.pointer import Pointer, Release, parse_pointer
from handler.service import Served, Service, Split
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.s3 import S3Folder

logger = logging.getLogger("seeklet")


class Refresher:
    """A Source whose artifact is the one that a pointer names. Safe to share between threads."""

    def __init__(self, loader: Loader, place: S3Folder, *, clock: Callable[[], float] = time.time) -> None:
        """Loads the release that the pointer at `place` names, or the one before it where that one is refused.

        `clock` gives seconds; it may jump, as the clock of a frozen environment does. Raises ArtifactError where there
        is no pointer, or no release of it can be used.
        """
        self._loader = loader
        self._uri = place.uri
        self._place: S3Folder | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._refused: dict[str, str | None] | None = None
        self._looks = Once()
        found = place.read_pointer()
        assert found is not None  # no ETag was known
        # One object, so that service and artifact are always of the same release.
        self._loaded = self._start(place, parse_pointer(found.data, self._uri))
        self._etag: str | None = found.etag
        # In a snapshot nothing runs: `resume` comes after it.
        self._held = loader.settings.snap_start
        self._looked: float | None = clock()

    @property
    def settings(self) -> Settings:
        """The settings of every release."""
        return self._loader.settings

    def split(self, path: str) -> Split:
        """Returns the path as it is: there is one index."""
        return Split("", path)

    def indexes(self) -> Sequence[dict[str, Any]]:
        """Returns none: there is one index."""
        return ()

    def current(self, _index: str = "") -> Service:
        """Returns the service of the release that is served now. It begins a look at the pointer where one is due."""
        if self._is_due():
            with self._lock:
                if self._is_due():
                    self._begin()
        return self._loaded.service

    def wait(self, seconds: float) -> None:
        """Waits, at most so long, until no release is being loaded."""
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, seconds))

    def resume(self) -> None:
        """Lets looks begin, the first one at the next event."""
        self._looked, self._held = None, False

    def look(self) -> None:
        """Looks at the pointer, and serves the release that it names now; a release that can't be used is refused."""
        release = None
        try:
            place = self._place = self._place or self._loader.connect(self._uri)
            found = place.read_pointer(self._etag)
            if found is not None:
                etag, self._etag = self._etag, found.etag
                pointer = parse_pointer(found.data, self._uri)
                release = pointer.current
                try:
                    self._switch(place, release, pointer.released)
                except Exception as error:
                    if passes(error):
                        # The release may be a good one.
                        self._etag = etag
                    raise
            self._looks.forget()
        except Exception as error:  # noqa: BLE001 - whatever a release breaks, the one before goes on
            if passes(error):
                self._put_off(error)
            elif isinstance(error, SeekletError):
                self._refuse(release, reason(error))
            else:
                self._refuse(release, f"{type(error).__name__}: {reason(error)}")

    def _is_due(self) -> bool:
        seconds = self.settings.refresh_seconds
        if not seconds or self._held or (self._thread is not None and self._thread.is_alive()):
            return False
        # A clock that was set back must not stop the looks.
        return self._looked is None or not 0 <= self._clock() - self._looked < seconds

    def _begin(self) -> None:
        self._looked = self._clock()
        thread = threading.Thread(target=self.look, name="seeklet-refresh", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._put_off(error)
        else:
            self._thread = thread

    def _start(self, place: S3Folder, pointer: Pointer) -> Loaded:
        try:
            return self._load(place, pointer.current, pointer.released)
        except Exception as error:
            # A new environment must not fail by a release that those before it refuse.
            if pointer.previous is None or passes(error):
                raise
            self._refuse(pointer.current, reason(error))
            # It is older than the pointer; how much, nothing says.
            return self._load(place, pointer.previous, pointer.released)

    def _load(self, place: S3Folder, release: Release, released: str, like: Artifact | None = None) -> Loaded:
        served = Served(release.id, now(), lambda: self._refused, _seconds(released))
        return self._loader.fetch(
            place.beside(release.folder), sha256=release.manifest_sha256, release=served, like=like
        )

    def _switch(self, place: S3Folder, release: Release, released: str) -> None:
        """Loads a release and serves it, if it isn't the one that is served."""
        before = self._loaded.service.release
        if before is not None and before.id == release.id:
            return
        started = time.perf_counter()
        old = self._loaded.artifact
        loaded = self._load(place, release, released, old)
        # The folder goes when the last event that began before the switch has ended.
        self._loader.folders.retire(old.directory)
        self._loaded = loaded
        logger.info(
            "release %s: %s documents, switched in %.2f s",
            release.id,
            f"{loaded.artifact.manifest.count:,}",
            time.perf_counter() - started,
        )

    def _put_off(self, error: Exception) -> None:
        why = reason(error)
        self._looks.say(f"a look for a new release failed, the next one tries again: {why}", logging.WARNING)

    def _refuse(self, release: Release | None, why: str) -> None:
        self._refused = {"id": None if release is None else release.id, "at": now()}
        named = "the pointer" if release is None else f"release {release.id}"
        self._looks.say(f"{named} is refused, the release before it goes on: {why}", logging.ERROR)


def passes(error: Exception) -> bool:
    """Tells whether an error is of this moment, and says nothing about the release."""
    # Python's own words, where the system has no thread left.
    no_thread = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
    return isinstance(error, (UnreachableError, MemoryError)) or no_thread


def _seconds(released: str) -> float | None:
    """Returns a pointer's time in seconds since 1970; None where it has none that can be read."""
    try:
        return datetime.fromisoformat(released).timestamp()
    except (ValueError, OverflowError):
        return None
