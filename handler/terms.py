"""Terms: finds the words of a text that keywords are counted by, the same way in the corpus and in a query.

    english  splits at spaces and signs; its terms are English stems                   terms_english.py
    pieces   takes the word pieces of the model's own tokenizer, for every language    terms_pieces.py

It counts nothing and knows no index.
"""

from __future__ import annotations

from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY

if TYPE_CHECKING:
    from handler.words import Analyzer

KINDS = ("english", "pieces")


def analyzer(kind: str, tokenizer: Any | None = None) -> Analyzer:
    """Returns the analyzer of that kind; `pieces` needs a tokenizer of the tokenizers package, which may truncate.

    Words beyond the tokenizer's limit are found all the same. Raises ArtifactError where the kind is unknown.
    """
    # An artifact has one kind: its module alone is imported.
    if kind == "english":
        from handler.terms_english import English

        return English()
    if kind != "pieces":
        known = ", ".join(KINDS)
        raise ArtifactError(f"the artifact's kind of terms is {kind!a:.40}, this code has {known}: {REMEDY}")
    if tokenizer is None:
        raise TypeError("the kind pieces needs the model's tokenizer")
    from handler.terms_pieces import Pieces

    return Pieces(tokenizer)
