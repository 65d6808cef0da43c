"""Intervals against the textbook's, and the choice of a share: how often chance alone would make one."""

from __future__ import annotations

import numpy as np
import pytest
from judged import evaluate_keywords, evaluate_made_up, row
from scipy.stats import norm

from seeklet.evaluation.choosing import choose
from seeklet.evaluation.judgements import judgements_of
from seeklet.evaluation.statistics import SAMPLES, Interval, intervals, sample_means, surely_gained


def test_an_interval_is_as_wide_as_the_normal_one() -> None:
    values = np.random.default_rng(1).random((400, 3))
    half = norm.ppf(0.975) * values.std(0) / 20
    for interval, mean, width in zip(intervals(values), values.mean(0), half, strict=True):
        assert interval.mean == pytest.approx(mean)
        assert (interval.low, interval.high) == pytest.approx((mean - width, mean + width), abs=0.06 * width)


def test_the_samples_are_the_same_every_time() -> None:
    values = np.random.default_rng(1).random((50, 2))
    assert sample_means(values).tolist() == sample_means(values.copy()).tolist()
    # Paired: a difference's samples are the samples' difference.
    differences = sample_means(values[:, :1] - values[:, 1:])
    both = sample_means(values)
    np.testing.assert_allclose(differences[:, 0], both[:, 0] - both[:, 1], atol=1e-12)
    assert sample_means(np.zeros((3_000_000 // SAMPLES * 4, 1))).shape == (SAMPLES, 1)


def test_one_query_has_no_interval() -> None:
    assert intervals(np.array([[0.25]])) == [Interval(0.25, None, None)]
    assert intervals(np.full((5, 1), 0.5)) == [Interval(0.5, 0.5, 0.5)]


def test_the_best_of_eleven_by_chance_is_seldom_sure() -> None:
    """Eleven candidates that gain nothing: without a correction, one of them seems better in about a fifth of the runs."""
    random = np.random.default_rng(2)
    runs, sure, naive = 200, 0, 0
    for _ in range(runs):
        differences = random.normal(0, 0.2, (60, 11))
        sure += bool(surely_gained(differences).max() > 0)
        naive += any(interval.low is not None and interval.low > 0 for interval in intervals(differences))
    assert naive > 0.12 * runs
    assert sure < 0.06 * runs


def test_a_gain_that_is_there_is_sure() -> None:
    differences = np.random.default_rng(3).normal([0.0, 0.1, -0.1], 0.2, (200, 3))
    gained = surely_gained(differences)
    assert gained[0] < 0 < gained[1] < 0.1
    assert gained[2] < -0.1
    # What equals the present choice, and what gains the same for every query, vary by nothing.
    assert surely_gained(np.zeros((30, 2))).tolist() == [-np.inf, -np.inf]


def test_a_better_share_is_chosen() -> None:
    evaluation = evaluate_keywords(120, present=0.1)
    choice = choose(evaluation)
    best = max(evaluation.lines[:-1], key=lambda line: line.figures["ndcg@10"].mean)
    assert choice.share == best.share > 0.1
    assert f"the share becomes {best.share:g}: it gains " in choice.why
    assert " over 0.1, at least 0." in choice.why


def test_a_share_that_may_be_chance_is_not_chosen() -> None:
    for seed in range(5):
        choice = choose(evaluate_keywords(30, help_of=0.2, seed=seed))
        assert choice.share is None
        assert choice.why.startswith("the share stays 0.5: ")


def test_the_present_share_is_best() -> None:
    evaluation = evaluate_keywords(60, help_of=0.5, present=0.5)
    best = max(evaluation.lines[:-1], key=lambda line: line.figures["ndcg@10"].mean)
    choice = choose(evaluate_keywords(60, help_of=0.5, present=best.share))
    assert choice == (None, f"the share stays {best.share:g}: no other has a higher nDCG@10")


def test_few_queries_choose_nothing() -> None:
    choice = choose(evaluate_keywords(19, present=0.0))
    assert choice.share is None
    assert choice.why == "the share stays 0: 19 queries are too few to choose by, at least 20 are needed"


def test_without_keywords_nothing_is_chosen() -> None:
    from judged import MadeUp

    from seeklet.evaluation.scores import QueryScores

    source = MadeUp({"a": QueryScores(row(1, 0, 0), None)})
    evaluation = evaluate_made_up(source, judgements_of({"a": ["d0"]}), documents=3, present=None)
    assert choose(evaluation) == (None, "nothing is chosen: the artifact has no keywords")
