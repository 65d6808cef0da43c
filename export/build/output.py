"""The output directory: complete or absent.

An artifact is put together in a hidden folder beside its place and renamed into it. Only a folder that is empty
or holds an artifact is ever replaced. Two exports to one place don't meet: the second is refused. What an export
that ended early had embedded stays in the hidden folder for the next one; nothing else does.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from export.build.journal import JOURNAL
from handler.errors import OutputError
from handler.manifest import MANIFEST_FILE

LOCK_FILE = "lock"


class Output:
    """A context: `partial` is where to write, `commit` puts it in place."""

    def __init__(self, out: Path) -> None:
        # Through a symbolic link: what it points to is replaced, not the link.
        self.out = out.resolve()
        self.partial = self.out.parent / f".{self.out.name}.partial"
        self._old = self.out.parent / f".{self.out.name}.old"
        self._lock: IO[str] | None = None

    def __enter__(self) -> Output:
        self._acquire()
        try:
            self._check_ours()
            # A crash between the two renames of commit left the artifact under its other name.
            if self._old.exists() and not self.out.exists():
                self._old.rename(self.out)
            self._remove_rest()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    def commit(self) -> None:
        """The partial folder becomes the output."""
        # Some writers leave a file to its owner alone; Lambda runs as another user.
        self.partial.chmod(0o755)
        for path in self.partial.iterdir():
            path.chmod(0o644)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        _remove(self._old)
        if self.out.exists():
            self.out.rename(self._old)
        self.partial.rename(self.out)
        # From here on another export may be at work. The lock file stays until then: one that found none in the
        # partial folder would take it for its own.
        (self.out / LOCK_FILE).unlink(missing_ok=True)
        _remove(self._old)

    def _leave(self) -> None:
        if self.partial.exists() and self._holds_lock():
            if any(path.stat().st_size for path in self.partial.glob(f"{JOURNAL}*")):
                self._remove_rest()
            else:
                _remove(self.partial)
        if self._lock is not None:
            self._lock.close()

    def _holds_lock(self) -> bool:
        """Whether `partial` is this export's still: after commit it may be another's."""
        with suppress(FileNotFoundError):
            if self._lock is not None:
                return os.path.samestat(os.fstat(self._lock.fileno()), (self.partial / LOCK_FILE).stat())
        return False

    def _acquire(self) -> None:
        path = self.partial / LOCK_FILE
        while True:
            # The export that had the folder may end, and take it away, between any two of these; exist_ok itself
            # raises where it does so after mkdir has found it.
            with suppress(FileExistsError):
                self.partial.mkdir(parents=True)
            with suppress(FileNotFoundError), ExitStack() as stack:
                self._lock = stack.enter_context(path.open("w"))
                self._flock(self._lock)
                if self._holds_lock():
                    stack.pop_all()
                    return

    def _flock(self, lock: IO[str]) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another export to {self.out} is at work: wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise OutputError(
                f"{lock.name} can't be locked ({error.strerror}): choose an --out on a local disk"
            ) from None

    def _remove_rest(self) -> None:
        """All but the journal and the lock: what an earlier export left must not get into the artifact."""
        for path in self.partial.iterdir():
            if path.name != LOCK_FILE and not path.name.startswith(JOURNAL):
                path.unlink()

    def _check_ours(self) -> None:
        if not os.path.lexists(self.out):
            return
        if not self.out.is_dir():
            raise OutputError(f"{self.out} is a file: choose another --out")
        if any(self.out.iterdir()) and not is_artifact(self.out):
            raise OutputError(
                f"{self.out} holds files that aren't an artifact's, and they are left alone: "
                "choose another --out, or empty it"
            )
        if self.out.is_mount():
            raise OutputError(
                f"{self.out} is a mount point, which can't be replaced: choose a folder in it as --out"
            )


def _remove(folder: Path) -> None:
    """Removes a folder, out of the way first: half removed, it must not be taken for whole."""
    if not folder.exists():
        return
    doomed = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    with suppress(FileNotFoundError):  # another export has removed it
        folder.rename(doomed)
    shutil.rmtree(doomed)


def is_artifact(directory: Path) -> bool:
    """Whether a manifest of ours is there, of whatever version."""
    try:
        manifest = json.loads((directory / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and "format_version" in manifest and "recipe_sha256" in manifest
