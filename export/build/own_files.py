"""Which folders and files are an export's own. An export replaces and deletes these, and nothing else.

A folder is an export's own if it is no symbolic link and belongs to this user. A file in it is an export's own if it is
a regular file and has one of the names that an export writes. In an artifact's folder, the manifest must list it too.
Anything else raises an OutputError that names it, and nothing is changed.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from export.build.folder_lock import LOCK_FILE
from export.build.journal import is_journal_file
from handler.artifact import ALL_FILES
from handler.errors import OutputError
from handler.manifest import MANIFEST_FILE

# What `seeklet evaluate --choose` leaves where it is killed while it writes the manifest.
_CHOICE = re.compile(r"\.manifest\.[a-z0-9_]{8}")


def check_folder(folder: Path) -> None:
    """Raises OutputError where the path exists and isn't a folder of this user."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise OutputError(f"{folder} is a symbolic link: move it away, or choose another --out")
    if not stat.S_ISDIR(found.st_mode):
        raise OutputError(f"{folder} is a file: move it away, or choose another --out")
    if found.st_uid != os.geteuid():
        raise OutputError(f"{folder} belongs to another user: choose another --out, or export as that user")


def check_artifact_folder(folder: Path) -> None:
    """Raises OutputError where the folder exists and isn't this user's, or holds a file that isn't an artifact's."""
    check_folder(folder)
    own = _artifact_files(folder)
    # While another export commits, its lock file is in the folder.
    _check_files(
        folder,
        lambda name: name in own or name == LOCK_FILE or bool(own and _CHOICE.fullmatch(name)),
        "part of an artifact",
    )


def check_partial_folder(folder: Path) -> None:
    """Raises OutputError where the folder exists and isn't this user's, or holds a file that isn't an export's.

    An export makes its lock file first, so a folder with other files and no lock isn't an export's.
    """
    check_folder(folder)
    with suppress(FileNotFoundError):
        _check_files(folder, is_partial_file, "part of an unfinished export")
        if _names(folder) and not (folder / LOCK_FILE).exists():
            # Looked at again: another export may be removing the folder, the lock last, or may have made it anew.
            names = _names(folder)
            if names and LOCK_FILE not in names:
                raise OutputError(
                    f"{folder / names[0]} isn't part of an unfinished export, for there is no {LOCK_FILE} file beside it: "
                    "move it away, or choose another --out"
                )


def is_partial_file(name: str) -> bool:
    """Tells whether an unfinished export has files of that name."""
    # An artifact that is replaced becomes an unfinished export for as long as it is removed.
    return name in ALL_FILES or name == LOCK_FILE or is_journal_file(name) or bool(_CHOICE.fullmatch(name))


def is_whole_artifact(folder: Path) -> bool:
    """Tells whether the folder has every file that its manifest lists; one that is half removed hasn't."""
    own = _artifact_files(folder)
    return bool(own) and own.issubset(_names(folder))


def remove_artifact(folder: Path) -> None:
    """Removes an artifact's folder; raises OutputError where it is none, or holds anything else.

    Killed meanwhile, it leaves a folder that is still known as an artifact's: the manifest goes when it lists nothing
    more that is there.
    """
    check_artifact_folder(folder)
    with suppress(FileNotFoundError):
        own = [name for name in _names(folder) if name in _artifact_files(folder) or _CHOICE.fullmatch(name)]
        _remove(folder, [*(name for name in own if name != MANIFEST_FILE), MANIFEST_FILE, LOCK_FILE])


def remove_partial(folder: Path) -> None:
    """Removes an unfinished export's folder; raises OutputError where it is none, or holds anything else.

    Killed meanwhile, it leaves a folder with a lock, as any export that is killed.
    """
    check_partial_folder(folder)
    with suppress(FileNotFoundError):
        own = [name for name in _names(folder) if is_partial_file(name) and name != LOCK_FILE]
        _remove(folder, [*own, LOCK_FILE])


def _artifact_files(folder: Path) -> set[str]:
    """Reads the names of an artifact's files, of any format version; none where there is no manifest of an export."""
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    fields = manifest if isinstance(manifest, dict) else {}
    files = fields.get("files")
    if "format_version" not in fields or "recipe_sha256" not in fields or not isinstance(files, dict):
        return set()
    return {MANIFEST_FILE, *(name for name in ALL_FILES if name in files)}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _check_files(folder: Path, is_own: Callable[[str], bool], what: str) -> None:
    with suppress(FileNotFoundError):
        for name in _names(folder):
            path = folder / name
            with suppress(FileNotFoundError):
                found = path.lstat()
                lock_of_others = name == LOCK_FILE and found.st_size > 0
                if not is_own(name) or not stat.S_ISREG(found.st_mode) or lock_of_others:
                    raise OutputError(
                        f"{path} isn't {what}, and it is left alone: move it away, or choose another --out"
                    )


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Removes these files, in this order, and the folder, unless another export takes it when its lock is gone."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        if not (folder / LOCK_FILE).exists():
            raise OutputError(
                f"{folder} can't be removed ({error.strerror}): look what is in it, and remove it yourself"
            ) from None
