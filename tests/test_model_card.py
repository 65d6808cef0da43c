"""A model's card names its languages, and an export says before it embeds where the texts are in none of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export.build.language import choose_terms
from export.build.language_check import is_foreign
from export.build.pipeline import Summary
from export.build.progress import Progress
from export.build.summary import describe
from export.model.card import read_languages
from export.model.places import default_folder
from export.model.source_model import SourceModel, find_model

Export = Callable[..., Summary]
GERMAN = "Die Stürme erreichen das westliche Europa\nWie backe ich Brot in einem Ofen?\n"
ENGLISH = "Winter storms reach the west of Europe\nHow do I bake bread in the oven?\n"


def with_card(folder: Path, text: str | None) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    if text is not None:
        (folder / "README.md").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: en\nlicense: mit\n---\n# A model", ("en",)),
        ("---\nlanguage:\n- en\n- de\n---\n", ("en", "de")),
        ("---\nlanguage: [multilingual, en]\n---\n", ("multilingual", "en")),
        ("---\nlicense: mit\n---\n", ()),
        ("---\nlanguage: no\n---\n", ("no",)),  # YAML's false
        ("---\nlanguage:\n- en\n- no\n---\n", ("en", "no")),
        ("---\nlanguage: {a: b}\n---\n", ()),
        ("---\nlanguage: [en\n---\n", ()),
        ("---\n- en\n---\n", ()),
        ("# A model without metadata", ()),
        ("", ()),
        (None, ()),
    ],
)
def test_the_languages_of_a_card(card: str | None, languages: tuple[str, ...], tmp_path: Path) -> None:
    assert read_languages(with_card(tmp_path, card)) == languages


def test_a_card_of_other_bytes_than_utf8_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"---\nlanguage: en\nname: \xff\n---\n")
    assert read_languages(tmp_path) == ()


def test_the_default_model_is_for_english() -> None:
    model = find_model(None, None, None)
    assert model.languages == read_languages(default_folder()) == ("en",)
    assert SourceModel.from_json(model.to_json()) == model


RUSSIAN = "Зимние бури достигают Европы\n"


@pytest.mark.parametrize(
    ("texts", "language", "known", "foreign"),
    [
        (GERMAN, None, ["en"], "de"),
        (GERMAN, None, ["en", "de-AT"], None),
        (GERMAN, None, ["en", "DE_at"], None),
        (GERMAN, None, ["multilingual", "en"], None),
        (GERMAN, None, ["en", "code"], None),
        (GERMAN, None, [], None),
        (RUSSIAN, None, ["en", "ja"], "ru"),
        # A language of the same letters is found as Russian.
        (RUSSIAN, None, ["en", "uk"], None),
        (RUSSIAN, "ru", ["en", "uk"], "ru"),
        (RUSSIAN, "uk-UA", ["en", "uk"], None),
        ("Bosch GSR 12V\n", None, ["de"], None),
    ],
)
def test_a_language_that_a_card_does_not_name(
    texts: str, language: str | None, known: list[str], foreign: str | None
) -> None:
    _, code = choose_terms(texts.splitlines(), language)
    assert (code if is_foreign(code, known, found=language is None) else None) == foreign


@pytest.mark.parametrize(
    ("texts", "card", "language", "warned"),
    [
        (GERMAN, "---\nlanguage: en\n---\n", None, True),
        (GERMAN, "---\nlanguage: en\n---\n", "en", False),
        (ENGLISH, "---\nlanguage: en\n---\n", "de", True),
        (ENGLISH, "---\nlanguage: en\n---\n", None, False),
        (GERMAN, "---\nlanguage: [en, de]\n---\n", None, False),
        (GERMAN, None, None, False),
    ],
)
def test_an_export_warns_before_it_embeds(
    export: Export,
    tiny_model: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    texts: str,
    card: str | None,
    language: str | None,
    warned: bool,
) -> None:
    model = with_card(Path(shutil.copytree(tiny_model, tmp_path / "model")), card)
    corpus = tmp_path / "texts.txt"
    corpus.write_text(texts)
    options: dict[str, Any] = {"model": str(model), "language": language, "progress": Progress()}
    summary = export(corpus, tmp_path / "out", **options)
    said = capfd.readouterr().err
    assert ("warning: the corpus is in the language de, and the card of model names 'en'" in said) is warned
    if warned:
        assert said.index("warning:") < said.index("embedding")
    assert ("warning: the corpus is in" in describe(summary, tmp_path / "out")) is warned
    assert not export(corpus, tmp_path / "out", **options).warnings, "nothing was made"


def test_a_warning_sends_a_terminal_nothing_but_text(
    export: Export, tiny_model: Path, tmp_path: Path
) -> None:
    card = '---\nlanguage: "en-\\e[2J"\n---\n'
    model = with_card(Path(shutil.copytree(tiny_model, tmp_path / "model")), card)
    corpus = tmp_path / "texts.txt"
    corpus.write_text(GERMAN)
    (warning,) = export(corpus, tmp_path / "out", model=str(model)).warnings
    assert r"names 'en-\x1b[2J'" in warning
    assert warning.isprintable()


@pytest.mark.parametrize("keywords", [True, False])
def test_a_warning_names_no_option_that_would_be_refused(
    export: Export, tiny_model: Path, tmp_path: Path, keywords: bool
) -> None:
    model = with_card(Path(shutil.copytree(tiny_model, tmp_path / "model")), "---\nlanguage: en\n---\n")
    corpus = tmp_path / "texts.txt"
    corpus.write_text(GERMAN)
    (warning,) = export(corpus, tmp_path / "out", model=str(model), keywords=keywords).warnings
    assert ("--language" in warning) is keywords
