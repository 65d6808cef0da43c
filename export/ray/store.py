"""The folder that the driver and the workers share, on a disk or in S3: whole small files, by name.

A file is there whole or not at all. Only files that an export on Ray has named are ever deleted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from export.build.own_files import check_folder
from export.corpus.object_store import s3_of
from handler.errors import EngineError, reason

# <16 hex digits of the recipe>.<16 of the keys>.<what it holds>; a worker that is killed leaves a part.
_NAME = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{16}\.(texts|vectors|tries)(\.[0-9a-f]+\.part)?")


class Store:
    """Files of one export in a folder, or under a prefix of S3. It can be sent to another process."""

    def __init__(self, place: str) -> None:
        """Takes a path, or an s3:// URI; raises EngineError where it is neither."""
        self.place = place.rstrip("/")
        self._in_s3 = place.startswith("s3://")
        if "://" in place and not self._in_s3:
            raise EngineError(f"--ray-shards {place} is neither a folder nor s3://: name one of them")
        self._opened: Any = None

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return Store, (self.place,)

    def make(self) -> None:
        """Makes the folder. Raises OutputError where it isn't this user's own, and EngineError where it can't be made."""
        if not self._in_s3:
            try:
                check_folder(Path(self.place))
                Path(self.place).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                # A place where no folder can be made, such as a share that isn't mounted, isn't there.
                raise _unusable(self.place, error) from None

    def names(self) -> list[str]:
        """Lists the files that an export on Ray has named, sorted."""
        from pyarrow import fs

        system, folder = self._open()
        with _errors(self.place):
            found = system.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return sorted(info.base_name for info in found if _NAME.fullmatch(info.base_name))

    def read(self, name: str) -> bytes | None:
        """Returns a file's bytes, or None where there is no such file."""
        system, folder = self._open()
        try:
            with _errors(self.place), system.open_input_stream(f"{folder}/{name}") as file:
                content: bytes = file.read()
                return content
        except FileNotFoundError:
            return None

    def write(self, name: str, content: Any) -> None:
        """Writes a file at once; a file of that name is replaced."""
        system, folder = self._open()
        # S3 shows an object when it is whole. In a folder a whole file is renamed.
        aside = name if self._in_s3 else f"{name}.{os.urandom(8).hex()}.part"
        with _errors(self.place):
            with system.open_output_stream(f"{folder}/{aside}") as file:
                file.write(content)
            if aside != name:
                Path(folder, aside).replace(Path(folder, name))

    def delete(self, *names: str) -> None:
        """Deletes files; one that isn't there is none to delete."""
        system, folder = self._open()
        for name in names:
            with suppress(FileNotFoundError), _errors(self.place):
                system.delete_file(f"{folder}/{name}")

    def remove(self) -> None:
        """Deletes every file that an export on Ray has named, and the folder if it is empty then."""
        self.delete(*self.names())
        if not self._in_s3:
            with suppress(OSError):
                Path(self.place).rmdir()
            return
        from pyarrow import fs

        system, folder = self._open()
        with _errors(self.place):
            # Where the last object of a prefix is deleted, pyarrow writes an empty one in its place.
            if not system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True)):
                with suppress(FileNotFoundError):
                    system.delete_dir(folder)

    def _open(self) -> tuple[Any, str]:
        """Returns the file system and the folder's path in it."""
        if self._opened is None:
            from pyarrow import fs

            with _errors(self.place):
                self._opened = s3_of(self.place) if self._in_s3 else fs.LocalFileSystem()
        return self._opened, self.place.removeprefix("s3://")


@contextmanager
def _errors(place: str) -> Iterator[None]:
    """Turns an error of the disk or of S3 into an EngineError that names the place; FileNotFoundError stays."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unusable(place, error) from None


def _unusable(place: str, error: OSError) -> EngineError:
    return EngineError(
        f"the shards in {place} can't be read or written ({reason(error)}): "
        "check the place and its permissions, or choose another --ray-shards"
    )
