"""Writes keywords.safetensors: the corpus's words, their terms, and the rows that hold each term, with an impact.

    texts -> words -> terms -> (term, row, frequency) -> sorted by term -> impacts

An impact is BM25's part for a term's frequency in a row, in whole steps. handler/keywords.py has the score, and
docs/keywords.md the formula. This module chooses no language: language.py does.
"""

from __future__ import annotations

import binascii
from array import array
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from export.build.write_documents import read_row_texts
from handler.artifact import KEYWORDS_FILE
from handler.keywords import term_key
from handler.postings import MOST_IMPACT
from handler.terms import analyzer
from handler.words import Analyzer

# BM25's constants. docs/keywords.md has the measurements.
K1 = 0.9
B = 0.4
# Raise it with every change that gives other bytes for the same texts.
KEYWORDS_VERSION = 4

_MOST_FREQUENT = 2**16 - 1


class _Vocabulary:
    """The corpus's words and the terms that they stand for, numbered as they are first seen."""

    def __init__(self, analyze: Analyzer) -> None:
        self._analyzer = analyze
        self.words: dict[str, int] = {}
        self.terms: dict[str, int] = {}

    def term(self, word: str) -> int:
        number = self.words.get(word)
        if number is None:
            term = self._analyzer.term(word)
            number = self.words[word] = self.terms.setdefault(term, len(self.terms))
        return number

    def keys(self) -> dict[str, int]:
        """Returns the number of each key: of the corpus's words, and of its terms, for words that it lacks."""
        terms = list(self.terms)
        # To stem takes the most time, and a word of the corpus was stemmed before.
        terms_of_words = [
            terms[self.words[term]] if term in self.words else self._analyzer.term(term) for term in terms
        ]
        keys = map(term_key, terms, terms_of_words)
        return dict(zip(keys, range(len(terms)), strict=True)) | self.words


def index_keywords(
    directory: Path, terms: str, language: str, share: float, tokenizer: Any
) -> dict[str, Any]:
    """Writes the keyword index of the rows in `directory`; returns what the manifest says of it.

    `terms` and `language` are what choose_terms returns.
    """
    figures = write_keywords(read_row_texts(directory), directory, analyzer(terms, tokenizer))
    return {"terms": terms, "language": language, "share": share, "k1": K1, "b": B, **figures}


def write_keywords(texts: Iterable[str], directory: Path, analyze: Analyzer) -> dict[str, Any]:
    """Writes the keyword index of the rows' texts; returns its figures: terms and postings.

    The same texts give the same bytes.
    """
    vocabulary = _Vocabulary(analyze)
    terms, frequencies, distinct, lengths = array("I"), array("H"), array("I"), array("I")
    for text in texts:
        words = analyze.words(text)
        counts = Counter([vocabulary.term(word.text) for word in words])
        terms.extend(counts)
        frequencies.extend(min(count, _MOST_FREQUENT) for count in counts.values())
        distinct.append(len(counts))
        lengths.append(len(words))
    by_row = _Postings(
        np.frombuffer(terms, np.uint32),
        np.repeat(np.arange(len(distinct), dtype=np.int32), np.frombuffer(distinct, np.uint32)),
        np.frombuffer(frequencies, np.uint16),
    )
    tensors = by_row.tensors(np.frombuffer(lengths, np.uint32), len(vocabulary.terms))
    (directory / KEYWORDS_FILE).write_bytes(save(tensors | _word_table(vocabulary.keys())))
    return {"distinct_terms": len(vocabulary.terms), "postings": len(terms)}


class _Postings:
    """(term, row, frequency) of every term in every row, in the order of the rows. Each is (p,)."""

    def __init__(
        self, terms: NDArray[np.uint32], rows: NDArray[np.int32], frequencies: NDArray[np.uint16]
    ) -> None:
        self._terms = terms
        self._rows = rows
        self._frequencies = frequencies

    def tensors(self, lengths: NDArray[np.uint32], terms: int) -> dict[str, NDArray[Any]]:
        """Sorts by term, and computes the impacts; `lengths` are the words of each row, (rows,)."""
        order = self._terms.argsort(kind="stable")
        rows = self._rows[order]
        ends = np.zeros(terms + 1, np.uint32)
        np.cumsum(np.bincount(self._terms, minlength=terms), out=ends[1:])
        return {"term_ends": ends, "rows": rows, "impacts": impacts(self._frequencies[order], rows, lengths)}


def impacts(
    frequencies: NDArray[np.uint16], rows: NDArray[np.int32], lengths: NDArray[np.uint32]
) -> NDArray[np.uint8]:
    """Computes tf / (tf + k1 (1 - b + b length / mean length)) in steps of 1/255, 1 at least. -> (p,) uint8."""
    mean = max(float(lengths.mean()) if len(lengths) else 1.0, 1e-9)
    saturation = K1 * (1 - B + B * lengths / mean)
    parts = frequencies / (frequencies + saturation[rows])
    steps: NDArray[np.uint8] = np.maximum(np.rint(MOST_IMPACT * parts), 1).astype(np.uint8)
    return steps


def _word_table(words: dict[str, int]) -> dict[str, NDArray[Any]]:
    """Returns the words' texts and terms, in the order of their CRC-32."""
    keys = [word.encode() for word in words]
    crcs = np.array([binascii.crc32(key) for key in keys], np.uint32)
    order = crcs.argsort(kind="stable")
    sorted_keys = [keys[i] for i in order.tolist()]
    ends = np.zeros(len(keys) + 1, np.uint32)
    np.cumsum([len(key) for key in sorted_keys], out=ends[1:])
    return {
        "word_crc32": crcs[order],
        "word_ends": ends,
        "word_terms": np.array(list(words.values()), np.uint32)[order],
        "words": np.frombuffer(b"".join(sorted_keys), np.uint8),
    }
