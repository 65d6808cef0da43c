"""The workflows: pinned, with few rights, and nothing unhashed where a role of AWS may be taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from lambda_tools import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_pin_actions_by_commit_and_ask_for_little(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses
    for action, comment in uses:
        assert action.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
        assert action.startswith("./") or re.fullmatch(r"\s+# v[\d.]+", comment), (
            f"{action}: of which version?"
        )
    assert workflow["permissions"] == {"contents": "read"}
    assert not re.search(r"AWS_(SECRET_)?ACCESS_KEY", text), "no long-lived keys"


def test_workflows_run_make_targets_that_exist() -> None:
    makefiles = [ROOT / "Makefile", *(ROOT / "mk").glob("*.mk")]
    targets = set(
        re.findall(
            r"^([a-z][a-z-]*):",
            "\n".join(path.read_text(encoding="utf-8") for path in makefiles),
            re.MULTILINE,
        )
    )
    assert len(WORKFLOWS) == 2
    for path in WORKFLOWS:
        named = set(
            re.findall(r"^\s*(?:- )?(?:run: )?make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert named
        assert named <= targets, path
