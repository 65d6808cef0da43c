"""The Source of a function whose corpus is in PostgreSQL: it moves to the release that is current, between two events.

Opening a release reads a few rows, so the event that finds a new one waits a few milliseconds. A release that this function
can't serve is logged, and the old one goes on as long as its tables are there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from handler.artifact import Artifact
from handler.dates import now
from handler.encoder import Encoder
from handler.errors import ArtifactError, SettingsError, UnavailableError
from handler.light_typing import Any
from handler.logs import Once
from handler.searcher import Searcher
from handler.service import Served, Service, Split
from handler.settings import Settings

try:
    from handler.postgres.opening import Corpus, open_corpus
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("handler"):
        raise
    raise SettingsError(
        "INDEX_URI needs pg8000, which isn't installed here: `pip install pg8000`, or build with ENGINE=postgresql"
    ) from None

logger = logging.getLogger("seeklet")


class PublishedSource:
    """A corpus in a database, and the encoder that is in the function's own package."""

    def __init__(self, settings: Settings, corpus: Corpus, artifact: Artifact, encoder: Encoder) -> None:
        """Takes the corpus, the artifact that the encoder is of, and the encoder."""
        self.settings = settings
        self._corpus = corpus
        self._artifact = artifact
        self._encoder = encoder
        self._lock = threading.Lock()
        self._service: Service | None = None
        self._looked = 0.0
        self._refused: dict[str, str | None] | None = None
        self._looks = Once()

    @classmethod
    def open(cls, settings: Settings) -> PublishedSource:
        """Loads the encoder, and connects. A database that is away is asked again at the first event.

        Raises SeekletError where the encoder can't be loaded, the settings are bad, the database refuses them, or nothing
        is published.
        """
        artifact = Artifact.open_encoder(settings.artifact_dir)
        encoder = Encoder.open(artifact, settings.threads)
        corpus = open_corpus(
            str(settings.index_uri),
            name=settings.index_name,
            seconds=settings.index_timeout_ms / 1000,
            iam=settings.index_auth == "iam",
        )
        source = cls(settings, corpus, artifact, encoder)
        try:
            source._service = source._open()
        except UnavailableError as error:
            if error.code == "index_refused":
                # It won't change its mind by itself. A start that ends is what a deployment is rolled back by.
                raise
            logger.error("%s: %s", error.code, error)
        return source

    def split(self, path: str) -> Split:
        """Returns the path as it is: there is one index."""
        return Split("", path)

    def current(self, _index: str = "") -> Service:
        """Returns the service of the current release; looks for it every REFRESH_SECONDS at most.

        Raises UnavailableError where no release is open, and none can be opened.
        """
        with self._lock:
            if self._service is None or self._corpus.connection.moved:
                self._service = None
                try:
                    self._service = self._open()
                except ArtifactError as error:
                    raise UnavailableError("index_refused", str(error)) from None
            elif 0 < self.settings.refresh_seconds <= time.monotonic() - self._looked:
                self._renew(self._service)
            return self._service

    def wait(self, _seconds: float) -> None:
        """Returns at once: nothing is renewed beside the events."""

    def resume(self) -> None:
        """Closes the connection, which a snapshot must not hold; the next event makes a new one."""
        self._corpus.connection.close()

    def indexes(self) -> Sequence[dict[str, Any]]:
        """Describes the index, for GET /indexes."""
        return []

    def _renew(self, service: Service) -> None:
        """Looks for another release; what goes wrong is logged, and the one that is open goes on."""
        self._looked = time.monotonic()
        release = None
        try:
            release = self._corpus.current()
            if service.release is None or release != service.release.id:
                self._service = self._open()
            self._looks.forget()
        except UnavailableError as error:
            # The release may be a good one.
            self._looks.say(
                f"a look for a new release failed, the next one tries again: {error}", logging.WARNING
            )
        except ArtifactError as error:
            self._refused = {"id": release, "at": now()}
            what = "no release is found" if release is None else f"release {release} is refused"
            self._looks.say(f"{what}, the one before goes on: {error}", logging.ERROR)

    def _open(self) -> Service:
        engine = self._corpus.open(self._artifact.manifest, self._encoder.tokenizer.whole)
        self._looked = time.monotonic()
        self._corpus.connection.moved = False
        self._refused = None
        served = Served(engine.release, now(), lambda: self._refused)
        logger.info("release %s is open: %s documents", engine.release, f"{engine.manifest.count:,}")
        return Service(self.settings, Searcher(self._encoder, engine), served)
