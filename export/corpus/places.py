"""Finds the files of a corpus: one file, those of a folder, those that a pattern matches, or objects in S3.

Files are read in the order of their paths, as strings. In a folder, names that begin with a dot or an underscore are
left out (".DS_Store", "_SUCCESS"). So are, in a folder and by a pattern, the files of an artifact, which an export may
have written there. This module reads no file.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NamedTuple

from handler.artifact import OFFSETS_FILE
from handler.errors import CorpusError, reason
from handler.manifest import MANIFEST_FILE

S3 = "s3://"
_PATTERN = "*?["


def find_files(corpus: str) -> list[str]:
    """Returns the paths or URIs of the corpus's files; one that isn't there is returned too, for its reader to refuse.

    Raises:
        CorpusError: a folder, a pattern or a prefix has no file, or S3 can't be asked.
    """
    if not corpus:
        raise CorpusError("the corpus has an empty name: name a file, a folder or a pattern")
    if corpus.startswith(S3):
        return _in_s3(corpus)
    if corpus.lower().startswith(("http://", "https://")):
        raise CorpusError(f"{corpus} is a URL, and a corpus is read from files: download it first")
    path = Path(corpus)
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        kind = 0
    except OSError:
        return [corpus]  # opening it will raise the error
    if kind == stat.S_IFDIR:
        return _some(
            _in_folder(path), f"{corpus} is a directory with no file in it: put the corpus's files there"
        )
    if not kind and corpus != "-" and any(sign in corpus for sign in _PATTERN):
        # Path.glob takes no absolute pattern.
        matching = glob.glob(corpus, recursive=True)  # noqa: PTH207
        found = [str(file) for file in _files(map(Path, matching))]
        return _some(found, f"no file matches {corpus}: check the pattern")
    return [corpus]


def beside(path: str, names: str) -> str:
    """Returns a pattern of files in the same folder as a file: "parts/*.csv"."""
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{names}"


def _in_folder(folder: Path) -> list[str]:
    def refuse(error: OSError) -> None:
        raise CorpusError(
            f"{error.filename} can't be listed ({error.strerror}): give yourself the right to read it"
        ) from error

    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    # Links to folders are followed, each folder once: a link may lead to a folder above.
    for above, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        status = Path(above).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        found += [Path(above, name) for name in names]
    return [str(file) for file in _files(file for file in found if _is_shown(file.relative_to(folder)))]


def _files(paths: Iterable[Path]) -> list[Path]:
    """Returns those paths that are files of a corpus: no folders, and none that an export wrote.

    Raises CorpusError for a link to nothing.
    """
    found = []
    artifacts: dict[Path, bool] = {}
    for path in paths:
        if path.is_symlink() and not path.exists():
            raise CorpusError(f"{path} is a link to nothing: mend it, or remove it")
        folder = path.parent
        if folder not in artifacts:
            artifacts[folder] = all((folder / name).exists() for name in (MANIFEST_FILE, OFFSETS_FILE))
        if path.is_file() and not artifacts[folder]:
            found.append(path)
    return found


class S3File(NamedTuple):
    """An open object of S3, which can seek, and its size in bytes."""

    file: BinaryIO
    size: int


def open_in_s3(uri: str) -> S3File:
    """Opens an object. Raises CorpusError where there is none, or it can't be read."""
    try:
        file: Any = _system(uri).open_input_file(uri.removeprefix(S3))
        return S3File(file, file.size())
    except OSError as error:
        raise CorpusError(
            f"{uri} can't be opened ({reason(error)}): check the name and your permissions"
        ) from None


def _in_s3(uri: str) -> list[str]:
    from pyarrow import fs

    system, path = _system(uri), uri.removeprefix(S3).rstrip("/")
    # The folder above the first part with a sign of a pattern is listed.
    parts = path.split("/")
    fixed = next((i for i, part in enumerate(parts) if any(sign in part for sign in _PATTERN)), len(parts))
    try:
        if fixed == len(parts) and system.get_file_info(path).type == fs.FileType.File:
            return [uri]
        listed = system.get_file_info(
            fs.FileSelector("/".join(parts[:fixed]), recursive=True, allow_not_found=True)
        )
    except OSError as error:
        raise CorpusError(
            f"{uri} can't be listed ({reason(error)}): check the name and your permissions"
        ) from None
    files = [info.path for info in listed if info.type == fs.FileType.File]
    if fixed < len(parts):
        found = [file for file in files if _matches(file, path)]
    else:
        found = [file for file in files if _is_shown(PurePath(file).relative_to(path))]
    return _some([S3 + file for file in found], f"{uri} has no file: check the name")


def _matches(file: str, pattern: str) -> bool:
    """Tells whether an object's path matches; ** stands for folders and none, and other signs stay within a part."""
    names, wanted = file.split("/"), pattern.split("/")
    if "**" in wanted:
        at = wanted.index("**")
        return _matches("/".join(names[:at]), "/".join(wanted[:at])) and any(
            _matches("/".join(names[start:]), "/".join(wanted[at + 1 :])) for start in range(at, len(names))
        )
    return len(names) == len(wanted) and all(map(fnmatchcase, names, wanted))


def _system(uri: str) -> Any:
    """Returns the file system of a bucket, in the bucket's region."""
    from export.corpus.object_store import s3_of

    try:
        return s3_of(uri)
    except OSError as error:
        raise CorpusError(
            f"{uri} can't be reached ({reason(error)}): check the bucket and your credentials"
        ) from None


def _is_shown(path: PurePath) -> bool:
    return not any(part.startswith((".", "_")) for part in path.parts)


def _some(found: list[str], message: str) -> list[str]:
    if not found:
        raise CorpusError(message)
    return sorted(found)
