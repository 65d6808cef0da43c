"""The targets of `seeklet query`: an artifact's folder, the service at a URL, or a deployed Lambda function.

`find_target` chooses the kind of target by its text. asking.py asks it, and is imported when there is one: the help of a
command needs none of what it imports.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from handler.errors import ArtifactError

Result = dict[str, Any]


class Question(NamedTuple):
    """A query, how many results, and how to search; None is what the target does by itself."""

    text: str
    k: int
    mode: str | None = None
    share: float | None = None

    def body(self) -> bytes:
        """Writes the question as the service's JSON."""
        fields = {"text": self.text, "num_results": self.k, "mode": self.mode, "share": self.share}
        if self.mode is not None:
            fields["matches"] = True
        return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


Ask = Callable[[Question], list[Result]]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)
# A name, a name with its alias or version, or an ARN.
_FUNCTION = re.compile(
    r"(arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:)?[\w-]{1,64}(:[\w$-]+)?", re.ASCII
)
# An address whose http:// was left out: "localhost:3000", "127.0.0.1:3000/search".
_ADDRESS = re.compile(r"(localhost|[\w-]+(\.[\w-]+)+):\d+(/.*)?", re.ASCII)


def scheme_of(target: str) -> str | None:
    """Returns what an address begins with, "postgresql://"; None where the target is no address."""
    found = _SCHEME.match(target)
    return found and found[0]


def is_url(target: str) -> bool:
    """Tells whether the target begins as an http address does."""
    return (scheme_of(target) or "").lower() in ("http://", "https://")


def is_folder(target: str) -> bool:
    """Tells whether the target is an existing folder. A text that is too long for a path is none."""
    return os.path.isdir(target)  # noqa: PTH112 - Path.is_dir raises where a query is longer than a file's name


def find_target(target: str, key: str | None, region: str | None, profile: str | None) -> Ask:
    """Chooses the kind of target: a URL by its beginning, an existing folder, or else a function's name.

    Raises SeekletError where it can be none of them, and ArtifactError where the folder is no artifact.
    """
    from seeklet.asking import ask_folder, ask_function, ask_url

    if is_url(target):
        return ask_url(target, key)
    if is_folder(target):
        return ask_folder(Path(target))
    scheme = scheme_of(target)
    if scheme:
        # Not the rest of it, which may hold a password.
        raise ArtifactError(
            f"{scheme} can't be asked: name an artifact's folder, a service's URL, or a deployed function"
        )
    if _ADDRESS.fullmatch(target):
        raise ArtifactError(f"{target} has no http:// or https:// before it: write http://{target} for a URL")
    found = _FUNCTION.fullmatch(target)
    if found is None:
        raise ArtifactError(
            f"there is no artifact folder {target}: name one, or a URL, or a deployed function"
        )
    return ask_function(target, found["region"] or region, profile)
