"""`make openapi`: keeps the OpenAPI document of a release, with which tests compare every later one.

An artifact decides a part of the document: its columns and sizes. In their place stand fixed ones, so that the document
changes with the API alone. A change that breaks programs is refused unless the changelog has it (api_changes.py).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from dev.api_changes import breaking, unannounced
from handler.api import create_app
from handler.manifest import MODES
from handler.openapi_limits import complete
from handler.router import Router
from handler.searcher import Searcher
from handler.service import Service
from handler.settings import Settings

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "tests" / "data" / "openapi.json"
CHANGELOG = ROOT / "CHANGELOG.md"
# By a release's version: a newer one needs none of it.
SAID_LATER = {"0.2.0": frozenset({"POST /similar: refused now: body.num_results may go beyond maximum 100"})}
# What the document reads of an artifact: a column of each type, and the sizes of the default model.
STAND_IN = SimpleNamespace(
    modes=MODES,
    engine=SimpleNamespace(
        column_types={
            "title": "string",
            "year": "number",
            "open": "boolean",
            "published": "date",
            "authors": "strings",
        }
    ),
    encoder=SimpleNamespace(tokenizer=SimpleNamespace(whole=SimpleNamespace(get_vocab_size=lambda: 30522))),
    manifest=SimpleNamespace(dim=384, count=1000, max_length=256),
)


def main() -> int:
    """Writes today's document in the last release's place; returns 2 where the changelog lacks a change that breaks."""
    if missing := unsaid(CHANGELOG.read_text(encoding="utf-8")):
        print(
            "error: these changes break programs. Undo them, or write a line with `Breaking:` and the route into "
            "CHANGELOG.md:\n" + "\n".join(missing),
            file=sys.stderr,
        )
        return 2
    today = document()
    KEPT.write_text(json.dumps(today, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{KEPT.relative_to(ROOT)}: {today['info']['version']}, {len(today['paths'])} paths")
    return 0


def unsaid(changelog: str) -> list[str]:
    """Returns the changes since the last release that break, and that the changelog doesn't name."""
    said = said_later()
    return [change for change in unannounced(breaking(kept(), document()), changelog) if change not in said]


def said_later() -> frozenset[str]:
    """Returns what the last release refused too, though its document didn't say so."""
    return SAID_LATER.get(kept()["info"]["version"], frozenset())


def document(searcher: Searcher | None = None) -> dict[str, Any]:
    """Returns the OpenAPI document over a searcher, or over the fixed columns and sizes, with the default settings."""
    service = Service(Settings.from_env({}), searcher or cast(Searcher, STAND_IN))
    return complete(create_app(Router(service)).openapi(), service)


def kept() -> dict[str, Any]:
    """Returns the last release's document."""
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
