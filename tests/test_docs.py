"""What the documents say is there: links, commands, variables, files of the artifact."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from handler.artifact import ALL_FILES
from handler.manifest import Manifest
from seeklet.commands.export import build_parser

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts[:-1])
    and path.relative_to(ROOT).parts[0] != "build"
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        if not link.startswith(("http://", "https://")):
            assert (document.parent / link).exists(), link


def test_every_make_target_that_is_named_exists() -> None:
    makefile = "\n".join(
        path.read_text(encoding="utf-8") for path in [ROOT / "Makefile", *ROOT.glob("mk/*.mk")]
    )
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        named = set(
            re.findall(r"(?:^|`)make ([a-z][a-z-]*)", document.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert named <= targets, document.name


def test_every_option_that_is_named_exists() -> None:
    known = {option for action in build_parser()._actions for option in action.option_strings}
    for document in DOCUMENTS:
        for command in re.findall(
            r"^python -m export (--.*)$", document.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert set(re.findall(r"--[a-z-]+", command)) <= known, command


def test_every_variable_is_in_the_readme() -> None:
    code = (ROOT / "handler" / "settings.py").read_text(encoding="utf-8")
    variables = set(re.findall(r'"([A-Z][A-Z_]+)"', code)) - {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
    }
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert variables == set(re.findall(r"^\| `([A-Z_]+)` \|", readme, re.MULTILINE))


def test_every_file_and_field_of_the_artifact_is_described() -> None:
    text = (ROOT / "docs" / "artifact-format.md").read_text(encoding="utf-8")
    for name in (*ALL_FILES, *Manifest.__dataclass_fields__):
        assert f"`{name}`" in text, name
