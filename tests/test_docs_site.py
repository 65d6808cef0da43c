"""What dev/docs_site.py does to the pages while the site is built."""

from __future__ import annotations

import re

from documents import ROOT

from dev.docs_site import (
    PAGES_OF,
    command_help,
    glossary_words,
    link_words,
    links_from_top,
    outward_links,
    with_help,
)


def test_a_glossary_word_is_linked_once_and_only_in_running_text() -> None:
    html = (
        "<h1>Artifact</h1><p>An <code>artifact</code> and two <em>Artifacts</em>, one artifact.</p>"
        "<pre>recipe</pre><p><a href='x'>recipe</a> recipes-like, a recipe</p>"
    )
    linked = link_words(html, ["artifact", "recipe"], "../glossary/")
    assert linked == (
        "<h1>Artifact</h1><p>An <code>artifact</code> and two <em>"
        '<a class="term" href="../glossary/#artifact">Artifacts</a></em>, one artifact.</p>'
        "<pre>recipe</pre><p><a href='x'>recipe</a> recipes-like, a "
        '<a class="term" href="../glossary/#recipe">recipe</a></p>'
    )


def test_the_longest_word_wins() -> None:
    assert link_words("<p>an outlier unit</p>", ["outlier unit", "unit"], "g") == (
        '<p>an <a class="term" href="g#outlier-unit">outlier unit</a></p>'
    )


def test_the_glossary_is_in_order_and_has_the_words_of_single_pages() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert headings == sorted(headings, key=str.casefold)
    assert all((ROOT / "docs" / page).exists() for pages in PAGES_OF.values() for page in pages)
    assert set(glossary_words(text)) >= PAGES_OF.keys() | {
        "artifact",
        "recipe",
        "scan",
        "survivor",
        "journal",
    }


def test_links_out_of_the_documents_lead_to_the_repository() -> None:
    text = (
        "[code](../handler/bound.py) [page](http.md#errors) [rules](../CONTRIBUTING.md#rules) ![p](../p.svg)"
    )
    assert outward_links(text, "exact-search.md", "https://host/seeklet/") == (
        "[code](https://host/seeklet/blob/main/handler/bound.py) [page](http.md#errors) "
        "[rules](contributing.md#rules) ![p](../p.svg)"
    )
    assert outward_links("[code](../../handler/app.py)", "adr/0001.md", "") == "code"
    assert outward_links("[log](../../CHANGELOG.md)", "adr/0001.md", "") == "[log](../changelog.md)"


def test_links_of_the_top_documents_are_moved() -> None:
    assert links_from_top("[a](docs/http.md#errors) [b](SECURITY.md) [c](Makefile) [d](https://x/y)") == (
        "[a](http.md#errors) [b](security.md) [c](../Makefile) [d](https://x/y)"
    )


def test_help_is_what_the_command_prints(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import sys

    monkeypatch.setenv("SEEKLET_PYTHON", sys.executable)
    assert command_help(["query"]).startswith("usage: seeklet query ")
    assert with_help("a\n<!-- help: seeklet query -->\nb") == f"a\n```text\n{command_help(['query'])}\n```\nb"
    assert with_help("<!-- help: seeklet -->").startswith("```text\nusage: seeklet COMMAND")


def test_every_package_of_the_site_is_pinned_by_hash() -> None:
    text = (ROOT / "requirements-docs.txt").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert {"mkdocs-material", "mkdocstrings-python"} <= {line.partition("==")[0] for line in lines}
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==\S+(\s+--hash=sha256:[0-9a-f]{64})+\s*", line), line
