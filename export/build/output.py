"""The output folder, which is always a whole artifact or absent.

An artifact is written into a hidden folder beside `out`, which is then renamed to `out`. Only a folder that is empty or
holds an artifact is ever replaced. Of two exports to one place at the same time, the second is refused. An export that
ended early leaves its journal in the hidden folder for the next export, and nothing else. own_files.py says which files
an export may replace and delete.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from export.build.exchange import can_exchange, exchange
from export.build.journal import is_journal_file
from export.build.own_files import (
    LOCK_FILE,
    check_artifact_folder,
    check_partial_folder,
    is_partial_file,
    remove_artifact,
    remove_partial,
)
from handler.errors import OutputError


class Output:
    """A context manager: the export writes into `partial`, and `commit` renames that folder to `out`.

    Files and folders get the modes that the umask gives.
    """

    def __init__(self, out: Path) -> None:
        """Resolves the path; raises OutputError where it is a loop of symbolic links."""
        # Where `out` is a symbolic link, the folder that it points to is replaced, not the link.
        self.out = _resolve(out)
        self.partial = self.out.parent / f".{self.out.name}.partial"
        self._old = self.out.parent / f".{self.out.name}.old"
        self._lock: IO[str] | None = None
        self._made_parents: list[Path] = []

    def __enter__(self) -> Output:
        try:
            self._acquire()
            self.check_replaceable()
            # A crash between commit's two renames leaves the artifact under this name.
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

    def check_replaceable(self) -> None:
        """Raises OutputError where `out`, or the folder that it is moved to, isn't an export's to replace."""
        if os.path.lexists(self.out) and not self.out.is_dir():
            raise OutputError(f"{self.out} is a file: choose another --out")
        check_artifact_folder(self.out)
        check_artifact_folder(self._old)
        if self.out.is_mount():
            raise OutputError(
                f"{self.out} is a mount point, which can't be replaced: choose a folder in it as --out"
            )

    def commit(self) -> None:
        """Makes the partial folder the output. Raises OutputError as check_replaceable does."""
        check_partial_folder(self.partial)
        for path in self.partial.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        # Checked again: a user may have put a file there during the embedding.
        self.check_replaceable()
        if self._old.exists():
            remove_artifact(self._old)
        replaces = self.out.exists()
        if replaces and can_exchange(self.out.parent):
            # Under the name of the old one first: `partial` without a lock would be in the next export's way.
            self.partial.rename(self._old)
            self._exchange()
        else:
            self._rename(replaces)
        # From here on another export may run. The lock file stays until here: without it, another export would take
        # the partial folder for a free one.
        (self.out / LOCK_FILE).unlink(missing_ok=True)
        if replaces:
            remove_artifact(self._old)

    def _exchange(self) -> None:
        """Exchanges `out` and the new artifact, so that there is one under the name `out` at every moment."""
        # Nobody looks for a lock under this name.
        (self._old / LOCK_FILE).unlink(missing_ok=True)
        if not exchange(self._old, self.out):
            self._old.rename(self.partial)
            self._rename(replaces=True)

    def _rename(self, replaces: bool) -> None:
        """Makes the partial folder the output by two renames. In between there is no output, and the next export mends it."""
        if replaces:
            self.out.rename(self._old)
        try:
            self.partial.rename(self.out)
        except OSError:
            if replaces:
                self._old.rename(self.out)
            raise

    def _leave(self) -> None:
        if self._lock is not None:
            # After commit, `partial` may belong to another export.
            if self._is_in_place(self._lock):
                self._leave_partial()
            self._lock.close()
        for parent in self._made_parents:
            # A folder that holds something by now stays.
            with suppress(OSError):
                parent.rmdir()

    def _leave_partial(self) -> None:
        """Keeps a journal that isn't empty, for the next export, and removes everything else."""
        if not any(path.stat().st_size for path in self.partial.iterdir() if is_journal_file(path.name)):
            # A user's file in it is an error. This export has one to report already, so the next one reports it.
            with suppress(OutputError):
                remove_partial(self.partial)
                return
        self._remove_rest()

    def _is_in_place(self, lock: IO[str]) -> bool:
        """Tells whether the open lock file is the one in `partial`."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(lock.fileno()), (self.partial / LOCK_FILE).lstat())
        return False

    def _acquire(self) -> None:
        """Makes the partial folder, or takes the one that an earlier export left, and locks it."""
        parents = [self.out.parent, *self.out.parent.parents]
        self._made_parents = [parent for parent in parents if not parent.exists()]
        while True:
            # Another export may end, and remove its folder, between any two of these calls. (mkdir with exist_ok
            # raises FileExistsError too, where the folder vanishes at the wrong moment.)
            try:
                self.partial.mkdir(parents=True)
            except FileExistsError:
                pass
            except FileNotFoundError:  # as in /proc
                raise OutputError(f"{self.partial} can't be made: choose another --out") from None
            check_partial_folder(self.partial)
            with suppress(FileNotFoundError), ExitStack() as stack:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
                lock = stack.enter_context(os.fdopen(os.open(self.partial / LOCK_FILE, flags, 0o666), "w"))
                self._flock(lock)
                if self._is_in_place(lock):
                    self._lock = lock
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
            if [path.name for path in self.partial.iterdir()] == [LOCK_FILE]:
                remove_partial(self.partial)
            raise OutputError(
                f"{self.partial / LOCK_FILE} can't be locked ({error.strerror}): choose an --out on a local disk"
            ) from None

    def _remove_rest(self) -> None:
        """Removes all files but the journal and the lock, so that no earlier export's file gets into the artifact."""
        for path in self.partial.iterdir():
            if is_partial_file(path.name) and path.name != LOCK_FILE and not is_journal_file(path.name):
                path.unlink()


def _resolve(out: Path) -> Path:
    try:
        # stat finds a loop of symbolic links. In some versions of Python resolve doesn't report one.
        with suppress(FileNotFoundError):
            out.stat()
        return out.resolve()
    except RuntimeError:  # resolve's, before Python 3.13
        reason = os.strerror(errno.ELOOP)
    except OSError as error:
        if error.errno != errno.ELOOP:
            return out.absolute()  # making the folder will raise the error
        reason = os.strerror(errno.ELOOP)
    raise OutputError(f"{out} can't be reached ({reason}): choose another --out")
