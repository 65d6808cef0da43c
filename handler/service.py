"""What every route answers from: the loaded artifact, the settings, and what identifies both."""

from __future__ import annotations

import functools

from handler.searcher import Searcher
from handler.settings import Settings


class Service:
    """One loaded artifact and the settings, as a route gets them. It knows no route: router.py does."""

    def __init__(self, settings: Settings, searcher: Searcher) -> None:
        self.settings = settings
        self.searcher = searcher

    @functools.cached_property
    def fingerprint(self) -> str:
        """What an answer depends on beside its request: the artifact and this version of the code. For ETags."""
        import binascii

        from handler import __version__

        return f"{binascii.crc32(self.searcher.manifest.to_json() + __version__.encode()):08x}"
