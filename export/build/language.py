"""The language of a corpus, and the kind of terms that suits it.

English is told from other languages by its script and by the small words that carry its grammar. It names a language
only to choose the terms: a corpus of two languages counts as the more frequent one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from random import Random

from export.build.language_words import FUNCTION_WORDS, ISO_639_1, SCRIPTS
from handler.errors import OptionError
from handler.folding import fold

# A sample of so many texts, and so many characters of each.
SAMPLE = 2_000
CHARS = 1_000
# Where fewer than one in so many words is a small word, the texts are names and not sentences.
MOST_WORDS = 50
UNKNOWN = "und"  # ISO 639's code for an undetermined language
# The languages that are found in texts.
FOUND = (FUNCTION_WORDS.keys() | SCRIPTS.keys()) - {"latin"}

_WORD = re.compile(r"[^\W\d_]+")


def choose_terms(texts: Iterable[str], language: str | None) -> tuple[str, str]:
    """Returns the kind of terms for a corpus, `english` or `pieces`, and the code of its language.

    language is a code as read_code takes it, or None to find it in the texts; "und" where they show none. Texts of Latin
    letters with hardly any small words, such as names of products, count as English. Raises OptionError where the code is
    unknown.
    """
    if language is None:
        language = find_language(texts)
        return ("english" if language in ("en", UNKNOWN) else "pieces"), language
    code = read_code(language)
    return ("english" if code == "en" else "pieces"), code


def read_code(language: str) -> str:
    """Reads a code of ISO 639-1, with or without a region; raises OptionError where it is unknown."""
    code = primary(language)
    if code not in ISO_639_1:
        raise OptionError(
            f"--language {language!a:.40} is no language code: give two letters of ISO 639-1, such as en, de or zh, or "
            "leave the option out"
        )
    return code


def primary(language: str) -> str:
    """Returns a code without its region, in small letters: de for de-AT, de_AT and DE."""
    return language.strip().lower().replace("_", "-").partition("-")[0]


def find_language(texts: Iterable[str]) -> str:
    """Returns the code of the language that most of a sample's words belong to, or "und"."""
    scripts: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for text in _sample(texts):
        folded = fold(text[:CHARS]).text
        for script, pattern in SCRIPTS.items():
            scripts[script] += sum(map(len, pattern.findall(folded)))
        words.update(_WORD.findall(folded))
    if not scripts.total():
        return UNKNOWN
    script = _most(scripts)
    # Japanese writes most of its nouns in Han characters.
    if script == "zh" and scripts["ja"] > scripts["zh"] / 10:
        return "ja"
    if script != "latin":
        return script
    counts = Counter({code: sum(words[word] for word in small) for code, small in FUNCTION_WORDS.items()})
    found = _most(counts)
    return found if counts[found] and counts[found] * MOST_WORDS >= words.total() else UNKNOWN


def _most(counts: Counter[str]) -> str:
    """Returns the most frequent; of equal ones the first in the alphabet, with English before all."""
    return min(counts, key=lambda name: (-counts[name], name != "en", name))


def _sample(texts: Iterable[str]) -> list[str]:
    """Returns SAMPLE of the texts, each with the same chance, or all where there are fewer: always the same ones."""
    kept: list[str] = []
    random = Random(0)
    for number, text in enumerate(texts):
        place = number if number < SAMPLE else random.randrange(number + 1)
        if place < SAMPLE:
            kept[place : place + 1] = [text]
    return kept
