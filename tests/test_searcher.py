"""The searcher against a full sort over the stored embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import Export, stored_values
from keyword_corpora import blended

from handler.clock import Clock
from handler.errors import ArtifactError
from handler.hits import Hit
from handler.scores import Embeddings
from handler.searcher import Searcher


@pytest.mark.parametrize("k", [1, 5, 1000])
@pytest.mark.parametrize("query", ["europe climate change storm", "football", "a recipe with cheese"])
def test_as_a_full_sort(searcher: Searcher, artifact: Path, texts: list[str], query: str, k: int) -> None:
    scores = stored_values(artifact).astype(np.float64) @ searcher.encoder.encode([query])[0].astype(
        np.float64
    )
    order = np.argsort(-scores, kind="stable")[:k].tolist()
    hits = searcher.search(query, k, "semantic")
    assert [hit.index for hit in hits] == order
    assert [hit.text for hit in hits] == [texts[index] for index in order]
    np.testing.assert_allclose([hit.score for hit in hits], scores[order], atol=1e-6)


@pytest.mark.parametrize("share", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "query", ["europe climate change storm", "football", "unheard", "to be or not to be"]
)
def test_hybrid_as_a_full_sort(searcher: Searcher, artifact: Path, query: str, share: float | None) -> None:
    assert searcher.local.keywords is not None
    vector = searcher.encoder.encode([query])
    cosines = Embeddings.load(artifact, searcher.manifest.count, searcher.manifest.dim).all_scores(vector)[0]
    asked = searcher.local.keywords.query(query)
    scores = blended(cosines, asked, 0.5 if share is None else share)
    order = np.argsort(-scores, kind="stable")[:7].tolist()
    hits = searcher.search(query, 7, share=share)
    assert [hit.index for hit in hits] == order
    assert [np.float32(hit.score) for hit in hits] == scores[order].tolist()
    assert [np.float32(hit.cosine) for hit in hits if hit.cosine is not None] == cosines[order].tolist()
    parts = None if asked is None else asked.all_scores()[order].tolist()
    assert [hit.keyword for hit in hits] == ([None] * 7 if parts is None else pytest.approx(parts))


def test_keywords_alone_find_what_holds_a_word(searcher: Searcher, texts: list[str]) -> None:
    hits = searcher.search("storms", 1000, "keyword")
    assert hits
    assert {hit.index for hit in hits} == {row for row, text in enumerate(texts) if "storm" in text.lower()}
    assert all(hit.cosine is None and hit.score == hit.keyword for hit in hits)
    assert searcher.search("unheard", 5, "keyword") == []


def test_matches_of_a_hit(searcher: Searcher) -> None:
    (hit,) = searcher.search("storm", 1)
    assert {hit.text[match.start : match.end].lower() for match in hit.matches} <= {"storm", "storms"}
    assert {match.term for match in hit.matches} == {"storm"}
    assert searcher.search("storm", 1, "semantic")[0].matches == ()
    assert hit.fields()["matches"] == [match._asdict() for match in hit.matches]


def test_an_artifact_without_keywords_searches_by_meaning(
    export: Export, corpus_file: Path, tmp_path: Path
) -> None:
    export(corpus_file, tmp_path / "out", keywords=False)
    without = Searcher.load(tmp_path / "out")
    assert without.modes == ("semantic",)
    hits = without.search("storm", 3)
    assert hits == without.search("storm", 3, "semantic", 0.7)
    assert [hit.keyword for hit in hits] == [None] * 3
    for mode in ("hybrid", "keyword"):
        with pytest.raises(
            ArtifactError, match=f"no keywords, so the mode {mode} can't be used: run `seeklet"
        ):
            without.search("storm", 3, mode)


@pytest.mark.parametrize(
    ("mode", "share"), [("fuzzy", None), (None, 1.5), (None, -0.1), (None, float("nan"))]
)
def test_other_modes_and_shares_are_refused(
    searcher: Searcher, mode: str | None, share: float | None
) -> None:
    with pytest.raises(ValueError, match=r"not one of|not a number from 0 to 1"):
        searcher.search("storm", 1, mode, share)


def test_a_least_score_that_is_no_number_is_refused(searcher: Searcher) -> None:
    for mode in searcher.modes:
        with pytest.raises(ValueError, match="min_score is NaN, not a number"):
            searcher.search("storm", 1, mode, min_score=float("nan"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"k": "3"}, "k is '3', not a whole number"),
        ({"k": 3.0}, "k is 3.0, not a whole number"),
        ({"offset": None}, "offset is None, not a whole number"),
        ({"share": "0.5"}, "share is '0.5', not a number"),
        ({"min_score": [0.5]}, "min_score is [0.5], not a number"),
    ],
)
def test_what_is_no_number_is_refused_by_its_name(
    searcher: Searcher, options: dict[str, Any], sentence: str
) -> None:
    for asked in (searcher.search, lambda query, **more: searcher.search_many([query], **more)):
        with pytest.raises(TypeError) as raised:
            asked("storm", **options)
        assert str(raised.value) == sentence


def test_numbers_may_be_numpys(searcher: Searcher) -> None:
    given: dict[str, Any] = {
        "k": np.int64(3),
        "offset": np.uint8(1),
        "share": np.float32(0.5),
        "min_score": np.float32(-1),
    }
    plain = {name: value.item() for name, value in given.items()}
    assert searcher.search("storm", **given) == searcher.search("storm", **plain)


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_a_query_that_is_no_text_is_refused(searcher: Searcher, mode: str) -> None:
    query: Any
    for query in (None, 5, b"storm"):
        with pytest.raises(TypeError, match=r"the query .* is no text"):
            searcher.search_many(["storm", query], 3, mode=mode)


def test_less_than_one_thread_is_refused(artifact: Path) -> None:
    with pytest.raises(ValueError, match="threads is 0: give 1 or more"):
        Searcher.load(artifact, threads=0)


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_a_single_string_is_not_a_list_of_queries(searcher: Searcher, mode: str) -> None:
    with pytest.raises(TypeError, match="search_many takes a sequence of queries: put 'storm' in a list"):
        searcher.search_many("storm", 3, mode=mode)


def test_a_document_finds_itself(searcher: Searcher, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        assert searcher.search(text, 1)[0].index == index


def test_a_hit_is_whole(searcher: Searcher, texts: list[str]) -> None:
    (hit,) = searcher.search(texts[3], 1, "semantic")
    assert isinstance(hit, Hit)
    assert (hit.id, hit.index, hit.text) == ("t3", 3, texts[3])
    assert set(hit.metadata) == {"topic"}
    assert hit.score == pytest.approx(hit.cosine, abs=1e-3) == pytest.approx(1, abs=1e-3)


def test_a_score_has_no_more_digits_than_a_float32(searcher: Searcher) -> None:
    scores = [hit.score for hit in searcher.search("a storm over the sea", 20)]
    assert {type(score) for score in scores} == {float}
    assert [str(score) for score in scores] == [str(np.float32(score)) for score in scores]


def test_stored_vectors_are_what_the_encoder_gives(
    searcher: Searcher, artifact: Path, texts: list[str]
) -> None:
    np.testing.assert_allclose(stored_values(artifact), searcher.encoder.encode(texts), atol=1 / 254)


def test_every_way_to_search_takes_the_options_of_search(searcher: Searcher) -> None:
    clocks = [Clock(watched=True) for _ in range(3)]
    options: dict[str, Any] = {
        "mode": "semantic",
        "share": 0.3,
        "offset": 1,
        "min_score": -1.0,
        "filter": {},
        "exact": True,
    }
    (one,) = searcher.search_many(["storm"], 3, **options, clock=clocks[0])
    assert [hit.id for hit in one] == [
        hit.id for hit in searcher.search("storm", 3, **options, clock=clocks[1])
    ]
    searcher.like(one[0].id, 3, **options, clock=clocks[2])
    assert [[each.query for each in clock.searches or ()] for clock in clocks] == [
        ["storm"],
        ["storm"],
        [None],
    ]
