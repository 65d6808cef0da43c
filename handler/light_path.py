"""The artifact's folder as a start has it: without `pathlib`, whose import takes a thirtieth of the start.

Type checkers see pathlib's own, of which this has the part that the handler asks for.
"""

from __future__ import annotations

import os

from handler.light_typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path as LightPath
else:

    class LightPath:
        """A path. It equals a Path of the same text; its hash is another one."""

        __slots__ = ("_text",)

        def __init__(self, text: str) -> None:
            self._text = text.rstrip("/") or "/"

        def __truediv__(self, name: str) -> LightPath:
            return LightPath(os.path.join(self._text, name))

        @property
        def name(self) -> str:
            return os.path.basename(self._text)

        @property
        def parent(self) -> LightPath:
            return LightPath(os.path.dirname(self._text) or ".")

        def is_dir(self) -> bool:
            return os.path.isdir(self._text)

        def is_file(self) -> bool:
            return os.path.isfile(self._text)

        def exists(self) -> bool:
            return os.path.exists(self._text)

        def stat(self) -> os.stat_result:
            return os.stat(self._text)

        def open(self, mode: str) -> Any:
            return open(self._text, mode)

        def read_bytes(self) -> bytes:
            with open(self._text, "rb") as file:
                return file.read()

        def __fspath__(self) -> str:
            return self._text

        __str__ = __fspath__

        def __repr__(self) -> str:
            return f"LightPath({self._text!r})"

        def __eq__(self, other: object) -> bool:
            return os.fspath(other) == self._text if hasattr(other, "__fspath__") else NotImplemented

        def __hash__(self) -> int:
            return hash(self._text)


__all__ = ["LightPath"]
