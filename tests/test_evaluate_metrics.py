"""Figures of rankings against the definitions written out, and where it is installed, trec_eval's own code."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged import by_definition

from seeklet.evaluation.metrics import figure_names, measure

GAINS = st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0, 3.0]), min_size=1, max_size=150)
MISSED = st.lists(st.sampled_from([1.0, 2.0]), max_size=12)


@given(GAINS, MISSED, st.integers(11, 200))
def test_as_by_definition(found: list[float], missed: list[float], depth: int) -> None:
    gains = [gain for gain in [*found, *missed] if gain > 0]
    if gains:
        (figures,) = measure(np.array([found]), gains, depth)
        assert figures.tolist() == pytest.approx(by_definition(found, missed, depth))


@given(GAINS, MISSED)
def test_rankings_are_measured_alike_together_and_alone(found: list[float], missed: list[float]) -> None:
    gains = [*(gain for gain in found if gain > 0), *missed]
    if gains:
        rankings = np.array([found, found[::-1]])
        together = measure(rankings, gains, 100)
        alone = [measure(ranking[None], gains, 100)[0] for ranking in rankings]
        np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_figures_by_hand() -> None:
    # The only right one at rank 3: 1 / log2 4.
    assert measure(np.array([[0.0, 0.0, 1.0]]), [1.0], 100).tolist() == [[0.5, 1, 1, pytest.approx(1 / 3)]]
    # Nothing is found, and fewer documents than ranks.
    assert measure(np.zeros((2, 3)), [1.0], 100).tolist() == [[0, 0, 0, 0]] * 2
    assert measure(np.zeros((1, 0)), [1.0], 100).tolist() == [[0, 0, 0, 0]]
    # Linear gain: grade 3 under grade 1 gives (1 + 3 / log2 3) / (3 + 1 / log2 3).
    assert measure(np.array([[1.0, 3.0]]), [1.0, 3.0], 100)[0, 0] == pytest.approx(0.79671, abs=1e-5)


@pytest.mark.parametrize(
    ("depth", "names"),
    [
        (100, ["ndcg@10", "recall@10", "recall@100", "mrr@10"]),
        (10, ["ndcg@10", "recall@10", "mrr@10"]),
        (3, ["ndcg@10", "recall@3", "mrr@10"]),
    ],
)
def test_the_depth_of_the_recall(depth: int, names: list[str]) -> None:
    found = np.zeros((1, 120))
    found[0, [0, 5, 50]] = 1
    figures = dict(zip(figure_names(depth), measure(found, [1.0] * 4, depth)[0].tolist(), strict=True))
    assert list(figures) == names
    for cut, recall in ((3, 0.25), (10, 0.5), (100, 0.75)):
        assert figures.get(f"recall@{cut}", recall) == recall


@pytest.mark.skipif(importlib.util.find_spec("pytrec_eval") is None, reason="needs pytrec_eval")
def test_as_trec_eval() -> None:
    import pytrec_eval  # type: ignore[import-not-found]

    random = np.random.default_rng(0)
    grades = {f"d{i}": int(grade) for i, grade in enumerate(random.integers(0, 4, 300))}
    order = [f"d{i}" for i in random.permutation(300)]
    run = {name: -float(rank) for rank, name in enumerate(order)}
    theirs = pytrec_eval.RelevanceEvaluator({"q": grades}, {"ndcg_cut.10", "recall.10,100"}).evaluate(
        {"q": run}
    )
    found = np.array([[float(grades[name]) for name in order]])
    figures = measure(found, [grade for grade in grades.values() if grade], 100)[0]
    wanted = [theirs["q"][name] for name in ("ndcg_cut_10", "recall_10", "recall_100")]
    assert figures[:3].tolist() == pytest.approx(wanted)
