"""What is English about the terms: the stop words, and the stemmer, which is imported when it is first needed.

It finds no words: terms_english.py does.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType

# Words that carry the grammar and not the subject: articles, the most frequent prepositions and conjunctions, forms of
# be, have and do, the words that questions begin with, and the person who asks. A longer list gave worse answers, none
# gave no better ones and half as many postings again (docs/keywords.md).
_STOP_WORDS = """
    a an the this that these there then such no not and or but if
    as at by for in into of on to with
    am are be been is was have has had do does did can could should would will
    how what when where which who why
    i me my we you your it he she they their
    arent cant couldnt didnt doesnt dont hadnt hasnt havent im isnt ive shouldnt wasnt wont wouldnt
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def load_stemmer() -> Callable[[str], str]:
    """Imports snowballstemmer's English stemmer alone: its package imports those of 30 languages.

    Raises ModuleNotFoundError where the package isn't installed.
    """
    name = "handler._snowball"
    if name not in sys.modules:
        spec = importlib.util.find_spec("snowballstemmer")
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError("snowballstemmer is not installed: pip install snowballstemmer")
        package = ModuleType(name)
        # The stemmers' modules import each other by relative names, so any parent with this path will do.
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules[name] = package
    module = importlib.import_module(f"{name}.english_stemmer")

    def stem(word: str) -> str:
        # A stemmer keeps its word in itself, and the server answers on several threads.
        stemmed: str = module.EnglishStemmer().stemWord(word)
        return stemmed

    return stem
