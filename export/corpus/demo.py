"""The demo corpus: what every AWS API operation does, from botocore's own service descriptions.

This module reads the JSON files of the installed botocore package, the newest version of each service, and writes JSON
Lines. It doesn't import botocore and fetches nothing. Another version of botocore gives another corpus. Deprecated
operations are kept; operations without a description are left out.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from handler.errors import ExportError, OutputError

# Tags within a sentence. Any other tag separates the words before and after it.
_INLINE = frozenset({"a", "b", "code", "em", "i", "link", "span", "strong", "sub", "sup", "u"})

_WORD = re.compile(
    r"OAuth\d*|OTel|IPv[46]|IoT"  # capitals within a word
    r"|[A-Z]{2,}s(?![a-z])"  # plurals: ACLs
    r"|[A-Z]+\d+[A-Z]*(?![a-z])"  # S3, V2, ICD10CM
    r"|[A-Z]+(?=[A-Z][a-z])"  # the DB of DBInstance
    r"|[A-Z]?[a-z]+\d*|[A-Z]+|\d+"
)


def write_demo_corpus(out: Path) -> int:
    """Writes the operations to `out` as JSON Lines, sorted by service, and returns their number.

    Fields: id ("s3:PutObject"), text ("Put Object: Adds an object to a bucket."), service ("Amazon Simple Storage
    Service"), service_id ("S3"), operation ("PutObject"). The file is written whole or not at all.

    Raises:
        ExportError: botocore isn't installed or is damaged.
        OutputError: `out` can't be written.
    """
    if out.exists() and not out.is_file():
        raise OutputError(f"{out} can't be written, for it is no regular file: name another one")
    data = _find_data()
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    count = 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for operation in _read_operations(data):
                file.write(json.dumps(operation, ensure_ascii=False) + "\n")
                count += 1
        part.replace(out)
    except OSError as error:
        raise OutputError(
            f"{out} can't be written ({error.strerror}): choose another place or make room"
        ) from error
    finally:
        with suppress(OSError):  # it was renamed, or never made
            part.unlink()
    return count


def split_words(operation: str) -> str:
    """Writes an operation's name in words: "CreateDBInstance" -> "Create DB Instance"."""
    return " ".join(_WORD.findall(operation))


def strip_html(html: str) -> str:
    """Drops the tags, decodes the entities, collapses white space: "<p>A&amp;B</p>" -> "A&B"."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.parts).split())


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's signature
        if tag not in _INLINE:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _find_data() -> Path:
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise ExportError("the demo corpus is made from botocore, not installed: run make setup")
    data = Path(spec.submodule_search_locations[0]) / "data"
    if not data.is_dir():
        raise ExportError(f"{data} is missing from botocore: run make setup to restore it")
    return data


def _read_operations(data: Path) -> Iterator[dict[str, str]]:
    for service in sorted(path.name for path in data.iterdir() if path.is_dir()):
        description = _read_newest(data / service)
        metadata = description["metadata"]
        for name, operation in sorted(description["operations"].items()):
            explained = strip_html(operation.get("documentation", ""))
            if not explained:
                continue  # nine operations, whose text would be their name alone
            yield {
                "id": f"{service}:{name}",
                "text": f"{split_words(name)}: {explained}",
                "service": metadata["serviceFullName"],
                "service_id": metadata["serviceId"],
                "operation": name,
            }


def _read_newest(service: Path) -> dict[str, Any]:
    # The folders are named by date, so the last by name is the newest.
    found = sorted([*service.glob("*/service-2.json"), *service.glob("*/service-2.json.gz")])
    if not found:
        raise ExportError(f"{service} holds no service-2.json: run make setup to restore botocore")
    try:
        raw = found[-1].read_bytes()
        description: dict[str, Any] = json.loads(gzip.decompress(raw) if found[-1].suffix == ".gz" else raw)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ExportError(
            f"{found[-1]} can't be read ({error}): run make setup to restore botocore"
        ) from error
    return description
