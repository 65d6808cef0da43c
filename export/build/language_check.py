"""Whether a model is for the language of a corpus, as far as the model's card says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from export.build.language import FOUND, UNKNOWN, primary
from export.build.language_words import ISO_639_1
from export.build.options import BuildOptions
from export.model.source_model import SourceModel


def is_foreign(code: str, known: Sequence[str], *, found: bool) -> bool:
    """Tells whether a corpus's language is none of those that a card names; `found` says whether it was found in the texts.

    If the card names something that can't be compared, it may be any language: more than a code, such as "multilingual", or
    one that isn't found in texts, such as Ukrainian, whose texts count as Russian.
    """
    codes = {primary(name) for name in known}
    if not codes or not codes <= (FOUND if found else ISO_639_1):
        return False
    return code != UNKNOWN and code not in codes


def warn_of_language(code: str, options: BuildOptions, model: SourceModel) -> Iterator[str]:
    """Yields a warning where the texts are in a language that the model isn't for."""
    if not is_foreign(code, model.languages, found=options.language is None):
        return
    warning = (
        f"the corpus is in the language {code}, and the card of {model.model_id} names {', '.join(model.languages)!a:.80}: "
        "answers by meaning will be weak. docs/models.md has models for more languages"
    )
    # --language is for keywords: it is refused without them.
    if options.keywords:
        warning += ". If the texts are in another language than that, name it by --language"
    yield warning
