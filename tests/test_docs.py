"""What the documents say is there: links, commands, variables, error codes, files of the artifact, pages of the site."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from documents import DOCUMENTS, ROOT

from benchmarks.report import MAKERS
from handler.artifact import ALL_FILES
from handler.manifest import Manifest
from handler.settings import Settings
from seeklet.cli import COMMANDS

DOCS = ROOT / "docs"
# Pages that dev/docs_site.py makes of the project's top documents.
MADE = {"changelog.md", "contributing.md", "security.md"}


def anchors(document: Path) -> set[str]:
    """The addresses of a document's headings, as GitHub and MkDocs both make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if not link.startswith(("http://", "https://")):
            path, _, anchor = link.partition("#")
            target = document.parent / path if path else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_exists(document: Path) -> None:
    rooms = "seeklet|handler|export|layers|dev|benchmarks|soak|tests|events|docs"
    for name in re.findall(
        rf"`((?:{rooms})/[\w./-]*\.(?:py|json|txt|md|svg))\b", document.read_text(encoding="utf-8")
    ):
        assert (ROOT / name).exists(), name


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


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_is_named_exists(name: str) -> None:
    help_text = COMMANDS[name].build_parser(f"seeklet {name}").format_help()
    known = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", help_text))
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8").replace("\\\n", " ")
        for command in re.findall(rf"(?:seeklet|python -m export) {name}\b([^`|\n]*)", text):
            assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", command)) <= known, command


def test_every_command_has_a_section() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## seeklet (\S+)$", text, re.MULTILINE)) == set(COMMANDS)
    assert re.findall(r"^<!-- help: seeklet (\S+) -->$", text, re.MULTILINE) == re.findall(
        r"^## seeklet (\S+)$", text, re.MULTILINE
    )


def test_every_variable_is_in_the_http_reference() -> None:
    code = (ROOT / "handler" / "settings.py").read_text(encoding="utf-8")
    variables = set(re.findall(r'"([A-Z][A-Z_]+)"', code)) - {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
    }
    table = re.findall(
        r"^\| `([A-Z_]+)` \| ([^|]*)\|", (DOCS / "http.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert variables == {name for name, _ in table}
    settings = Settings.from_env({})
    for name, default in table:
        if default.strip().isdigit():
            assert getattr(settings, name.lower()) == int(default), name


def test_every_error_code_is_in_the_http_reference_with_its_status() -> None:
    raised: set[tuple[int, str]] = set()
    for path in (ROOT / "handler").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "RequestError"
            ):
                status, code = (getattr(argument, "value", None) for argument in node.args[:2])
                if isinstance(status, int) and isinstance(code, str):
                    raised.add((status, code))
            # What a database's faults are called; handler/responses.py answers them with 503.
            elif isinstance(node, ast.Constant) and path.parent.name == "postgres":
                raised |= {(503, code) for code in re.findall("^index_[a-z]+$", str(node.value))}
    table = re.findall(
        r"^\| (\d{3}) \| `(\w+)` \|", (DOCS / "http.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {(int(status), code) for status, code in table} == raised


def test_every_file_and_field_of_the_artifact_is_described() -> None:
    text = (DOCS / "artifact-format.md").read_text(encoding="utf-8")
    for name in (*ALL_FILES, *Manifest._fields):
        assert f"`{name}`" in text, name


def test_one_querys_life_names_functions_that_are_there() -> None:
    text = (DOCS / "query-life.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\| \d+ \| `(?:(\w+)\.)?(\w+)` in \[`\w+\.py`\]\(\.\./(\S+)\)", text, re.MULTILINE)
    assert len(steps) == 13
    for owner, name, path in steps:
        code = (ROOT / path).read_text(encoding="utf-8")
        assert not owner or f"class {owner}" in code, owner
        assert f"def {name}(" in code or re.search(rf"^{name}\b", code, re.MULTILINE), name


def test_every_page_is_in_the_sites_table_of_contents() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    pages = MADE | {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert sorted(re.findall(r"\S+\.md$", nav, re.MULTILINE)) == sorted(pages)


def test_the_readmes_figures_are_filled_by_the_report() -> None:
    marks = re.findall(
        r"^<!-- figures: (\w+) -->$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert marks == ["summary"]
    assert set(marks) <= set(MAKERS)


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
