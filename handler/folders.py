"""The folders that this process fetched artifacts into, and which of them are in use.

A folder that is retired is deleted when nobody uses it any more. One that nobody uses and that isn't retired stays until
its room is needed: it may be asked for again. This module fetches nothing (fetch.py does).
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from pathlib import Path

from handler.errors import ArtifactError


class Folders:
    """Counts who uses which folder under `parent`, by default /tmp. Safe to share between threads."""

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._users: dict[Path, int] = {}
        self._retired: set[Path] = set()
        # Taken again by a thread that has it, where a finalizer runs within it.
        self._lock = threading.RLock()

    @property
    def parent(self) -> Path:
        """Where the folders go; raises ArtifactError where there is no such place, which a function without S3 doesn't need."""
        if self._parent is None:
            try:
                self._parent = Path(tempfile.gettempdir())
            except OSError as error:
                raise ArtifactError(f"nothing can be fetched: {error.strerror}") from None
        return self._parent

    def use(self, folder: Path) -> None:
        """Notes one more user of a folder, before it is looked at; it is no longer retired."""
        with self._lock:
            self._retired.discard(folder)
            self._users[folder] = self._users.get(folder, 0) + 1

    def let_go(self, folder: Path) -> None:
        """Notes one user less. A retired folder without users is deleted."""
        with self._lock:
            left = self._users.pop(folder) - 1
            if left:
                self._users[folder] = left
            elif folder in self._retired:
                self._retired.discard(folder)
                shutil.rmtree(folder, ignore_errors=True)

    def retire(self, folder: Path) -> None:
        """Lets a folder be deleted when its last user lets go of it. It has a user."""
        with self._lock:
            self._retired.add(folder)

    def let_go_with(self, user: object, folder: Path) -> None:
        """Lets go of a folder when `user` is no longer referred to by anyone."""
        # At the end of the process the folder stays: the next start may find it.
        weakref.finalize(user, self.let_go, folder).atexit = False

    def delete_unused(self, folder: Path) -> None:
        """Deletes a folder that nobody uses. Whoever notes a use meanwhile waits, and finds it deleted."""
        with self._lock:
            if folder not in self._users:
                shutil.rmtree(folder, ignore_errors=True)
