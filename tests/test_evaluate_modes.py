"""An evaluation of made-up scores against full sorts: every mode and share, ties, wins, the queries that tell most."""

from __future__ import annotations

import json

import numpy as np
import pytest
from judged import MadeUp, by_definition, evaluate_keywords, evaluate_made_up, helpful_keywords, row

from seeklet.evaluation.judgements import judgements_of
from seeklet.evaluation.results import Answer, Wins
from seeklet.evaluation.scores import QueryScores, rank, rank_by_keywords
from seeklet.evaluation.text import heading

KEYS = {"a": {"d3": 2.0, "d9": 1.0}, "b": ["d4"], "c": ["d0", "d150"], "d": {"d7": 0.5}}


def full_sort(scores: QueryScores, mode: str, share: float) -> list[int]:
    """Every document that the mode can answer with, by a sort of (score, index)."""
    cosines, keywords = scores.cosines, scores.keywords
    if mode == "keyword":
        found = [] if keywords is None else [i for i in range(len(keywords)) if keywords[i] > 0]
        return [] if keywords is None else sorted(found, key=lambda i: (-float(keywords[i]), i))
    blended = cosines
    if keywords is not None:
        blended = np.float32(1 - share) * cosines + np.float32(share) * keywords
    return sorted(range(len(cosines)), key=lambda i: (-float(blended[i]), i))


def test_every_way_as_a_full_sort() -> None:
    random = np.random.default_rng(0)
    scores = {}
    for query in KEYS:
        # Few different values, so that there are many ties.
        cosines, keywords = (random.integers(0, 9, (2, 200)) / 8).astype(np.float32)
        scores[query] = QueryScores(cosines, keywords * (random.random(200) < 0.5).astype(np.float32))
    scores["d"] = QueryScores(scores["d"].cosines, None)
    evaluation = evaluate_made_up(MadeUp(scores), judgements_of(KEYS), present=0.35)
    shares = [line.share for line in evaluation.lines]
    assert shares == [0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1]
    assert [line.mode for line in evaluation.lines] == ["semantic", *["hybrid"] * 11, "keyword"]
    assert (evaluation.now.mode, evaluation.now.share) == ("hybrid", 0.35)
    for place, line in enumerate(evaluation.lines):
        wanted = []
        for query, relevant in KEYS.items():
            gains = relevant if isinstance(relevant, dict) else dict.fromkeys(relevant, 1.0)
            found = [gains.get(f"d{i}", 0.0) for i in full_sort(scores[query], line.mode, line.share)]
            missed = list(gains.values())
            for gain in found:
                if gain:
                    missed.remove(gain)
            wanted.append(by_definition(found, missed, 100))
        assert [figure.mean for figure in line.figures.values()] == pytest.approx(np.mean(wanted, axis=0))
        assert evaluation.ndcg[:, place].tolist() == pytest.approx([figures[0] for figures in wanted])
        for over, base in ((line.over_semantic, 0), (line.over_present, evaluation.place_of_now)):
            gain = (evaluation.ndcg[:, place] - evaluation.ndcg[:, base]).mean()
            assert (over is None) == (place == base)
            assert over is None or over.mean == pytest.approx(gain)


def test_equal_scores_are_ranked_by_index() -> None:
    scores = QueryScores(row(*[0.5] * 30), row(*[0.0] * 15, *[1.0] * 15))
    assert rank(scores, 0, 5).tolist() == [0, 1, 2, 3, 4]
    assert rank(scores, 0.5, 5).tolist() == rank_by_keywords(scores, 5).tolist() == [15, 16, 17, 18, 19]
    assert rank(scores, 1, 20).tolist() == [*range(15, 30), 0, 1, 2, 3, 4]
    assert rank_by_keywords(scores, 20).tolist() == list(range(15, 30))
    assert rank(scores, 0, 99).tolist() == list(range(30))
    assert rank_by_keywords(QueryScores(scores.cosines, None), 5).tolist() == []
    assert rank(QueryScores(scores.cosines, None), 1, 2).tolist() == [0, 1]


def test_a_document_has_the_score_of_its_best_row() -> None:
    random = np.random.default_rng(0)
    firsts = np.array([0, 1, 4, 9, 10, 17, 30])
    cosines, keywords = (random.integers(0, 5, (2, 40)) / 4).astype(np.float32)
    scores = QueryScores(cosines, keywords, firsts)
    for share in (0.0, 0.5, 1.0):
        rows = full_sort(QueryScores(cosines, keywords), "hybrid", share)
        documents = [int(firsts.searchsorted(place, "right")) - 1 for place in rows]
        assert rank(scores, share, 4).tolist() == list(dict.fromkeys(documents))[:4]
    keywords[10:] = 0
    assert sorted(rank_by_keywords(scores, 40).tolist()) == [
        document for document in range(4) if keywords[firsts[document] : firsts[document + 1]].any()
    ]


def test_wins_and_the_queries_that_tell_most() -> None:
    scores = {
        "keywords win": QueryScores(row(1, 0.9, 0), row(0, 0.4, 0)),
        "keywords lose": QueryScores(row(1, 0.9, 0), row(0, 0, 0.9)),
        "all the same": QueryScores(row(1, 0, 0), row(1, 0, 0)),
        "no known word": QueryScores(row(1, 0, 0), None),
    }
    right = {"keywords win": ["d1"], "keywords lose": ["d0"], "all the same": ["d0"], "no known word": ["d0"]}
    evaluation = evaluate_made_up(MadeUp(scores), judgements_of(right), documents=3)
    assert evaluation.wins == {
        ("hybrid", "semantic"): Wins(1, 0, 3),
        ("hybrid", "keyword"): Wins(2, 0, 2),
        ("keyword", "semantic"): Wins(1, 2, 1),
    }
    assert [case.query for case in evaluation.cases] == ["keywords win", "keywords lose", "no known word"]
    win, lose, unknown = (case.answers for case in evaluation.cases)
    assert lose["semantic"][:3] == (1, 1, "d0")
    assert lose["keyword"][:3] == (0, None, "d2")
    assert unknown["keyword"] == Answer(0, None, None, None)
    assert (win["semantic"].rank, win["hybrid"].rank, win["keyword"].rank) == (2, 1, 1)
    assert evaluation.cases[0].relevant == ["d1"]
    assert evaluation.differences == pytest.approx([1 - 1 / np.log2(3), 0, 0, 0])


def test_a_share_of_0_is_semantic() -> None:
    evaluation = evaluate_keywords(30, present=0.0)
    assert [line.share for line in evaluation.lines] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1]
    assert evaluation.now is evaluation.lines[0]
    assert evaluation.wins["hybrid", "semantic"] == Wins(0, 0, 30)


def test_a_share_of_1_is_not_the_mode_keyword() -> None:
    scores = {"a": QueryScores(row(0, 1), None)}
    evaluation = evaluate_made_up(MadeUp(scores), judgements_of({"a": ["d1"]}), documents=2, present=1.0)
    assert (evaluation.now.mode, evaluation.now.figures["ndcg@10"].mean) == ("hybrid", 1)
    assert evaluation.lines[-1].figures["ndcg@10"].mean == 0


def test_what_is_left_out_is_counted() -> None:
    judgements = judgements_of({"q0": ["d0", "none"], "q1": ["none"], "q2": []})
    evaluation = evaluate_made_up(helpful_keywords(3), judgements)
    assert (evaluation.queries, evaluation.unjudged, evaluation.unknown) == (1, 2, 2)
    assert evaluation.lines[0].figures["recall@100"] == (1, None, None)
    assert evaluation.fields()["textless"] == 0
    assert not any("text isn't" in line for line in heading(evaluation))
    evaluation = evaluate_made_up(helpful_keywords(3), judgements._replace(textless=2))
    assert evaluation.fields()["textless"] == 2
    assert "left out: 2 judged queries whose text isn't in the file of queries" in heading(evaluation)


def test_one_query_for_each_that_is_done() -> None:
    from handler.documents import Document
    from seeklet.evaluation.evaluating import evaluate

    done: list[int] = []
    texts = [Document(f"d{i}", "", {}) for i in range(200)]
    judgements = judgements_of({"q0": ["d0"], "q1": ["d1"], "q2": ["none"]})
    evaluate(
        helpful_keywords(2),
        texts,
        judgements,
        artifact="a",
        present=0.5,
        start=lambda total: lambda: done.append(total),
    )
    assert done == [2, 2]


def test_json_has_all_of_it() -> None:
    evaluation = evaluate_keywords(25)
    found = json.loads(json.dumps(evaluation.fields(), allow_nan=False))
    assert found["queries"] == 25
    assert (found["present"], found["saved"]) == (0.5, None)
    assert [(line["mode"], line["share"]) for line in found["lines"]][-1] == ("keyword", 1)
    line = found["lines"][5]
    assert line["ndcg@10"]["mean"] == evaluation.now.figures["ndcg@10"].mean
    assert line["over_present"] is None
    assert set(line["over_semantic"]) == {"mean", "low", "high"}
    assert {wins["won"] + wins["lost"] + wins["tied"] for wins in found["wins"]} == {25}
    assert found["cases"][0]["keyword"]["ndcg"] >= 0
