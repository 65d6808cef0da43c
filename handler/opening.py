"""Opens what an address names: an artifact's folder on this machine or on S3, or a pointer on S3."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from handler.errors import MissingError
from handler.light_path import LightPath
from handler.light_typing import TYPE_CHECKING
from handler.loading import Loader
from handler.pointer import CURRENT
from handler.service import Source

if TYPE_CHECKING:
    from handler.s3 import S3Folder

    Open = Callable[[Loader, S3Folder], Source]


def open_source(loader: Loader, uri: str) -> Source:
    """Loads what the address names; raises SeekletError where it can't.

    On S3 an artifact's folder and a pointer could both be there: the likelier one is looked for first.
    """
    if not uri.startswith("s3://"):
        return loader.load(LightPath(uri)).service
    kinds: list[Open] = [_open_folder, _open_pointer]
    if uri.endswith(f"/{CURRENT}"):
        kinds.reverse()
    # A SnapStart snapshot must hold no connection. Refresher opens a client of its own afterwards.
    with contextlib.closing(loader.connect(uri)) as place:
        try:
            return kinds[0](loader, place)
        except MissingError as missing:
            with contextlib.suppress(MissingError):
                return kinds[1](loader, place)
            raise missing from None


def _open_folder(loader: Loader, place: S3Folder) -> Source:
    return loader.fetch(place).service


def _open_pointer(loader: Loader, place: S3Folder) -> Source:
    # Imported here: a folder needs no thread.
    from handler.refresh import Refresher

    return Refresher(loader, place)
