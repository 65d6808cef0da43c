"""The API of the last release, which programs ask: what has changed since is harmless, or in the changelog."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from api_documents import BASE, BREAKING, HARMLESS
from http_events import make_event

import dev.openapi
from dev.api_changes import breaking, unannounced
from dev.openapi import CHANGELOG, document, kept, said_later, unsaid
from handler.function import Function


def test_nothing_breaks_that_the_changelog_does_not_say() -> None:
    assert unsaid(CHANGELOG.read_text(encoding="utf-8")) == []
    assert set(breaking(kept(), document())) >= said_later(), "delete what is no difference any more"


def test_a_release_keeps_its_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed, changelog = kept(), tmp_path / "CHANGELOG.md"
    changed["paths"]["/gone"] = {"get": {"responses": {}}}
    monkeypatch.setattr(dev.openapi, "KEPT", tmp_path / "openapi.json")
    monkeypatch.setattr(dev.openapi, "ROOT", tmp_path)
    monkeypatch.setattr(dev.openapi, "CHANGELOG", changelog)
    dev.openapi.KEPT.write_text(json.dumps(changed))
    changelog.write_text("## [Unreleased]\n\n- Less.\n")
    assert dev.openapi.main() == 2
    assert "GET /gone: it is gone" in capsys.readouterr().err
    assert kept() == changed
    changelog.write_text("## [Unreleased]\n\n- Breaking: `GET /gone` is gone.\n")
    assert dev.openapi.main() == 0
    assert kept() == document()
    # What a release says later is of that release alone.
    monkeypatch.setattr(dev.openapi, "document", next_release)
    assert dev.openapi.main() == 0
    test_nothing_breaks_that_the_changelog_does_not_say()


def next_release() -> dict[str, Any]:
    """Today's document as the next release keeps it."""
    today = document()
    return {**today, "info": {**today["info"], "version": "next"}}


def test_the_document_that_is_kept_is_of_the_last_release() -> None:
    versions = re.findall(r"^## \[(\d\S*)\]", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert kept()["info"]["version"] == versions[0], "a release is done with `make openapi`"


def test_the_document_is_what_the_function_serves(function: Function) -> None:
    served = function(make_event("GET", "/openapi.json"))
    assert document(function.source.current().searcher) == json.loads(served["body"])


# --- a made-up document and its changes


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_is_found(name: str) -> None:
    change, message = BREAKING[name]
    changed = copy.deepcopy(BASE)
    change(changed)
    found = breaking(BASE, changed)
    assert any(line.endswith(f": {message}") for line in found), found


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_is_none(name: str) -> None:
    changed = copy.deepcopy(BASE)
    HARMLESS[name](changed)
    assert breaking(BASE, changed) == []


def test_the_changelog_lets_a_change_through() -> None:
    changed = copy.deepcopy(BASE)
    del changed["paths"]["/find"]["post"]
    changes = breaking(BASE, changed)
    said = "# Changelog\n\n## [Unreleased]\n\n- More.\n- Breaking: nobody\n  asks `POST /find`.\n\n## [1.0]\n"
    assert unannounced(changes, said) == []
    for wrong in (
        said.replace("Breaking:", "Changed:"),
        said.replace("`POST /find`", "`POST /finds`"),
        # Of the last release.
        said.replace("# Changelog", "# Changelog\n\n## [Unreleased]").replace(
            "## [Unreleased]\n\n- M", "## [1.1]\n\n- M"
        ),
        "",
    ):
        assert unannounced(changes, wrong) == ["POST /find: it is gone"]
