"""Fetches an artifact from the small S3 as a start does, into a folder of the test's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from handler.fetch import fetch_folder
from handler.folders import Folders
from handler.s3 import S3Folder


def fetch_artifact(
    uri: str,
    parent: Path,
    *,
    owner: str | None = None,
    connect: Callable[[str, str | None], S3Folder] = S3Folder,
) -> Path:
    """The folder under `parent` that the artifact at s3://bucket/prefix is in now."""
    with contextlib.closing(connect(uri, owner)) as source:
        return fetch_folder(source, Folders(parent))
