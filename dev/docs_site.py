"""`make docs`: the hooks that MkDocs calls while it builds the site. mkdocs.yml names this file under `hooks`.

SECURITY.md, CONTRIBUTING.md and CHANGELOG.md become pages. `<!-- help: seeklet query -->` becomes the text that this
command's --help prints. A link out of docs/ leads to the repository. The first use of a glossary's word on a page is a
link to the glossary.
"""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Page of the site -> file at the top of the repository.
COPIED = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md", "security.md": "SECURITY.md"}
GLOSSARY = "glossary.md"
# On most pages these words have their everyday meaning. On SEARCH_PAGES they mean what the glossary says.
SEARCH_PAGES = ("exact-search.md", "adr/0004-scan-columns.md")
SEARCH_WORDS = (
    "block",
    "bound",
    "candidate",
    "head",
    "height",
    "hit",
    "index",
    "row",
    "slack",
    "sum",
    "tail",
    "threshold",
    "unit",
)
PAGES_OF = dict.fromkeys(SEARCH_WORDS, SEARCH_PAGES) | {"layer": ("deploy.md", "cdk.md", "terraform.md")}
# Elements in which no link is put.
CLOSED = {"a", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "script", "style", "svg", "button"}
COLUMNS = "80"


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages whose text is at the top of the repository."""
    from mkdocs.structure.files import File

    for page, name in COPIED.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=links_from_top(text)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs names it
    """Inserts the commands' help, and makes links out of docs/ lead to the repository."""
    return outward_links(with_help(markdown), page.file.src_uri, config.repo_url)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """Links the glossary's words."""
    from mkdocs.utils import get_relative_url

    source = page.file.src_uri
    if source == GLOSSARY:
        return html
    text = (ROOT / "docs" / GLOSSARY).read_text(encoding="utf-8")
    words = [word for word in glossary_words(text) if source in PAGES_OF.get(word, (source,))]
    return link_words(html, words, get_relative_url(files.get_file_from_path(GLOSSARY).url, page.url))


def links_from_top(text: str) -> str:
    """Rewrites the relative links of a document of the top folder for a place in docs/."""

    def moved(match: re.Match[str]) -> str:
        target = match[1]
        if "://" in target or target.startswith("#"):
            return match[0]
        name, _, anchor = target.partition("#")
        pages = {name: page for page, name in COPIED.items()}
        place = pages.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else f"../{name}")
        return f"]({place}{'#' if anchor else ''}{anchor})"

    return re.sub(r"\]\(([^)\s]+)\)", moved, text)


def with_help(markdown: str) -> str:
    """Replaces each `<!-- help: seeklet NAME -->` by that command's help, in a block of its own."""

    def shown(match: re.Match[str]) -> str:
        return f"```text\n{command_help(match[1].split())}\n```"

    return re.sub(r"<!-- help: seeklet ?([a-z-]*) -->", shown, markdown)


def command_help(words: list[str]) -> str:
    """Returns what `seeklet WORDS --help` prints. The command needs its own packages, so it runs in .venv."""
    python = os.environ.get("SEEKLET_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    done = subprocess.run(
        [python, "-m", "seeklet", *words, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": COLUMNS},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.rstrip()


def outward_links(markdown: str, source: str, repository: str | None) -> str:
    """Makes links to files outside docs/ lead to the repository; without its address, only their text stays."""

    def led(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        name, _, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(source), name))
        pages = {name: page for page, name in COPIED.items()}
        if "://" in target or not name or path.startswith("docs/"):
            return match[0]
        if path in pages:
            place = posixpath.relpath(pages[path], posixpath.dirname(source) or ".")
            return f"[{label}]({place}{'#' if anchor else ''}{anchor})"
        return f"[{label}]({repository.rstrip('/')}/blob/main/{path})" if repository else label

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", led, markdown)


def glossary_words(text: str) -> list[str]:
    """Returns the glossary's words, its headings of the third level, longest first."""
    return sorted(re.findall(r"^### (.+)$", text, re.MULTILINE), key=len, reverse=True)


def link_words(html: str, words: list[str], glossary: str) -> str:
    """Makes each word's first occurrence in running text a link to its entry at the address `glossary`."""
    left = {word.lower(): word for word in words}
    if not left:
        return html
    # A plural is the same word.
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, left))})(s?)\b(?!-)", re.IGNORECASE)

    def linked(match: re.Match[str]) -> str:
        word = left.pop(match[1].lower(), None)
        if word is None:
            return match[0]
        anchor = word.lower().replace(" ", "-")
        return f'<a class="term" href="{glossary}#{anchor}">{match[0]}</a>'

    pieces, depth = re.split(r"(<[^>]*>)", html), 0
    for place, piece in enumerate(pieces):
        tag = re.match(r"<(/?)([a-z][a-z0-9]*)", piece)
        if tag is None:
            if depth == 0:
                pieces[place] = pattern.sub(linked, piece)
        elif tag[2] in CLOSED and not piece.endswith("/>"):
            depth += -1 if tag[1] else 1
    return "".join(pieces)
