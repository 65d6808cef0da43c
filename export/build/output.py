"""The output folder, which is always a whole artifact or absent.

An artifact is written into a hidden folder beside `out`, which then exchanges names with `out`. Only a folder that is
empty or holds an artifact is ever replaced. Of two exports to one place at the same time, the second is refused. An
export that ended early leaves its journal in the hidden folder for the next export, and nothing else. One that was
killed leaves nothing under any other name than the next export looks at. own_files.py says which files an export may
replace and delete.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from export.build.exchange import exchange
from export.build.folder_lock import LOCK_FILE, FolderLock
from export.build.journal import is_journal_file
from export.build.own_files import (
    check_artifact_folder,
    check_partial_folder,
    is_partial_file,
    is_whole_artifact,
    remove_artifact,
    remove_partial,
)
from handler.errors import OutputError
from handler.manifest import MANIFEST_FILE


class Output:
    """A context manager: the export writes into `partial`, and `commit` renames that folder to `out`.

    Files and folders get the modes that the umask gives.
    """

    def __init__(self, out: Path, exchange: Callable[[Path, Path], bool] = exchange) -> None:
        """Resolves the path; raises OutputError where it is a loop of symbolic links, or the root folder.

        Args:
            out: the artifact's folder.
            exchange: exchanges two folders, and returns whether it could.
        """
        # Where `out` is a symbolic link, the folder that it points to is replaced, not the link.
        self.out = _resolve(out)
        if not self.out.name:
            raise OutputError(f"{self.out} can't be replaced: choose a folder in it as --out")
        self.partial = self.out.parent / f".{self.out.name}.partial"
        self._old = self.out.parent / f".{self.out.name}.old"
        self._exchange = exchange
        self._lock: FolderLock | None = None
        self._made_parents: list[Path] = []

    def __enter__(self) -> Output:
        try:
            self._acquire()
            self.check_replaceable()
            self._mend()
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
        if self.out.exists():
            self._replace()
        else:
            self.partial.rename(self.out)
            (self.out / LOCK_FILE).unlink(missing_ok=True)

    def _replace(self) -> None:
        """Puts the new artifact in the old one's place, and removes that one.

        From the moment when another export could begin, it finds the old artifact's folder locked by this one.
        """
        with self._lock_of(self.out):
            try:
                exchanged = self._exchange(self.partial, self.out)
                if not exchanged:
                    self._rename()
            except BaseException:
                (self.out / LOCK_FILE).unlink(missing_ok=True)
                raise
            (self.out / LOCK_FILE).unlink(missing_ok=True)
            if exchanged:
                remove_partial(self.partial)
            else:
                remove_artifact(self._old)

    def _rename(self) -> None:
        """Replaces by two renames. In between there is no output, and the next export mends it."""
        if self._old.exists():
            remove_artifact(self._old)
        self.out.rename(self._old)
        try:
            self.partial.rename(self.out)
        except OSError:
            self._old.rename(self.out)
            raise

    def _mend(self) -> None:
        """Ends what a killed commit left: an artifact that is under the name of the old one, or a lock in the new one."""
        if self._old.exists():
            with self._lock_of(self._old):
                if self.out.exists() or not is_whole_artifact(self._old):
                    remove_artifact(self._old)
                else:
                    self._old.rename(self.out)
        if (self.out / MANIFEST_FILE).exists():
            (self.out / LOCK_FILE).unlink(missing_ok=True)

    def _leave(self) -> None:
        if self._lock is not None:
            # After commit, `partial` may belong to another export.
            if self._lock.is_in(self.partial):
                self._leave_partial()
            self._lock.close()
        for parent in self._made_parents:
            # A folder that holds something by now stays.
            with suppress(OSError):
                parent.rmdir()

    def _leave_partial(self) -> None:
        """Keeps a journal that isn't empty, for the next export, and removes everything else."""
        journal = any(path.stat().st_size for path in self.partial.iterdir() if is_journal_file(path.name))
        self._remove_rest()
        if not journal:
            # A user's file in it is an error. This export has one to report already, so the next one reports it.
            with suppress(OutputError):
                remove_partial(self.partial)

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
            with suppress(FileNotFoundError):
                lock = self._lock_of(self.partial)
                if lock.is_in(self.partial):
                    self._lock = lock
                    return
                lock.close()

    def _lock_of(self, folder: Path) -> FolderLock:
        """Locks the folder; raises OutputError where another export has it, or the disk knows no locks."""
        try:
            return FolderLock(folder)
        except BlockingIOError:
            raise OutputError(
                f"another export to {self.out} is at work: wait for it, or choose another --out"
            ) from None
        except OSError as error:
            # Errors of locking name no file, those of making the file do.
            if error.filename is not None:
                raise
            if [path.name for path in self.partial.iterdir()] == [LOCK_FILE]:
                remove_partial(self.partial)
            raise OutputError(
                f"{folder / LOCK_FILE} can't be locked ({error.strerror}): choose an --out on a local disk"
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
