"""Loads artifacts from folders and from S3, with what they share: encoders, and the room of /tmp.

It is imported only where ARTIFACT_URI or INDEXES is set. fetch.py brings an artifact here, opening.py knows what an address
names, and refresh.py follows a pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from handler.artifact import Artifact
from handler.errors import ArtifactError
from handler.folders import Folders
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import Manifest
from handler.named import NamedTuple
from handler.searcher import Searcher
from handler.service import WARM_QUERY, Served, Service
from handler.settings import Settings
from handler.sharing import Encoders

if TYPE_CHECKING:
    from handler.s3 import S3Folder


class Loaded(NamedTuple):
    """A service, and the artifact that it answers from."""

    service: Service
    artifact: Artifact


class Loader:
    """Loads artifacts for one function: they share encoders, and the room of /tmp. Safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        parent: Path | None = None,
        setting: str = "ARTIFACT_URI",
        indexes: Callable[[], Sequence[dict[str, Any]]] = tuple,
        before_load: Callable[[Manifest], None] = lambda _: None,
    ) -> None:
        """Fetches into folders under `parent`, by default /tmp.

        Args:
            settings: of every artifact.
            parent: where the folders go.
            setting: the variable that errors name.
            indexes: what each service says of all indexes.
            before_load: is told what is about to be loaded into memory.
        """
        self.settings = settings
        self.folders = Folders(parent)
        self.encoders = Encoders()
        self._setting = setting
        self._indexes = indexes
        self._before_load = before_load

    def connect(self, uri: str) -> S3Folder:
        """Opens a client for an address; raises SettingsError where the AWS settings make none."""
        # Imported here: botocore takes longer than all the rest, and an artifact may be on this machine.
        from handler.s3 import S3Folder

        return S3Folder(uri, self.settings.artifact_bucket_owner, setting=self._setting)

    def load(self, directory: Path, release: Served | None = None) -> Loaded:
        """Loads the artifact in a folder; raises ArtifactError where it can't."""
        artifact = Artifact.open(directory)
        self._before_load(artifact.manifest)
        encoder = self.encoders.open(artifact, self.settings.threads)
        searcher = Searcher.load(directory, self.settings.threads, encoder=encoder)
        return Loaded(Service(self.settings, searcher, release, self._indexes), artifact)

    def fetch(
        self,
        place: S3Folder,
        *,
        sha256: str | None = None,
        release: Served | None = None,
        like: Artifact | None = None,
    ) -> Loaded:
        """Fetches and loads an artifact; one of a release is tried too. Its folder is let go of with its searcher.

        Raises ArtifactError where it can't be used. handler/fetch.py says what sha256 and like are.
        """
        from handler.fetch import fetch_folder

        folder = fetch_folder(place, self.folders, sha256=sha256, like=like)
        try:
            loaded = self.load(folder, release)
            if release is not None:
                try_out(loaded.service.searcher)
        except BaseException:
            # Nothing may serve from it, so it needs no room either.
            self.folders.retire(folder)
            self.folders.let_go(folder)
            raise
        self.folders.let_go_with(loaded.service.searcher, folder)
        return loaded


def try_out(searcher: Searcher) -> None:
    """Makes real searches, which also bring the artifact into memory; raises ArtifactError where they find nothing."""
    hits = searcher.search(WARM_QUERY, 1, "semantic")
    if len(hits) != 1 or searcher.find(hits[0].id) is None:
        raise ArtifactError("a search of it finds nothing: run `seeklet export` again")
    # In the artifact's own mode too, which may need its words.
    searcher.search(WARM_QUERY, 1)
