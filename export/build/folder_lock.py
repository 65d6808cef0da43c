"""A lock on a folder: a file in it that one process at a time has locked.

The system lets go of the lock when the process ends, however it ends. So a lock that can be taken is free or a dead
process's, and no process id is compared. The file stays until somebody removes it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

LOCK_FILE = "lock"


class FolderLock:
    """A context manager: the folder is locked from the beginning, under whatever name it gets, to the end."""

    def __init__(self, folder: Path) -> None:
        """Makes the file where there is none, and locks it.

        Raises FileNotFoundError where there is no folder, BlockingIOError where a living process has the lock, and another
        OSError where the disk knows no locks.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(folder / LOCK_FILE, flags, 0o666), "w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def is_in(self, folder: Path) -> bool:
        """Tells whether the file that is locked is the one in the folder: another process may have removed it before."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._file.fileno()), (folder / LOCK_FILE).lstat())
        return False

    def close(self) -> None:
        """Lets go of the lock."""
        self._file.close()
