"""Texts with keywords, easy and hostile, their index, and the slow way to score them."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.build.write_keywords import write_keywords
from handler.keywords import Keywords
from handler.postings import KeywordQuery
from handler.terms import analyzer
from handler.words import Analyzer

F32 = NDArray[np.float32]
K1, B = 0.9, 0.4


def words(count: int, seed: int = 0) -> list[str]:
    """Different made-up words that have no ending and so are their own stems."""
    chooser = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(chooser.choices("bcdfghjklmnpqrtvwxz", k=5)) + "o"] = None
    return list(made)


def zipf_texts(count: int, vocabulary: int = 400, seed: int = 0) -> list[str]:
    """Texts whose words are as uneven as a language's: the first of `words` is in most of them."""
    rng = np.random.default_rng(seed)
    names = np.array(words(vocabulary))
    weights = 1 / np.arange(1, vocabulary + 1)
    return [
        " ".join(rng.choice(names, rng.integers(1, 12), p=weights / weights.sum()).tolist())
        for _ in range(count)
    ]


def open_keywords(directory: Path, texts: list[str], analyze: Analyzer | None = None) -> Keywords:
    """Writes the keyword index of the texts, and opens it."""
    analyze = analyze or analyzer("english")
    write_keywords(texts, directory, analyze)
    return Keywords.load(directory, len(texts), lambda: analyze)


def slow_bm25(texts: list[str], query: str) -> NDArray[np.float64] | None:
    """The keyword part of every text by the formula, word by word in float64, with no rounding of impacts."""
    analyze = analyzer("english")
    rows = [Counter(analyze.term(word.text) for word in analyze.words(text)) for text in texts]
    mean = sum(row.total() for row in rows) / len(rows)
    terms = {analyze.term(word.text) for word in analyze.words(query)}
    holders = {term: sum(term in row for row in rows) for term in terms}
    idf = {term: math.log(1 + (len(rows) - n + 0.5) / (n + 0.5)) for term, n in holders.items() if n}
    if not idf:
        return None
    parts = []
    for row in rows:
        norm = K1 * (1 - B + B * row.total() / mean)
        parts.append(sum(idf[term] * row[term] / (row[term] + norm) for term in idf) / sum(idf.values()))
    return np.array(parts)


def blended(cosines: F32, keywords: KeywordQuery | None, share: float) -> F32:
    """Every row's score, as the documents define it."""
    if keywords is None:
        return cosines
    if share == 1:
        return keywords.all_scores()
    scores: F32 = np.float32(1 - share) * cosines + np.float32(share) * keywords.all_scores()
    return scores
