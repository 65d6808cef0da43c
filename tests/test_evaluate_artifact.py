"""Evaluations of a tiny artifact: the ids that Searcher.search gives, the manifest with a chosen share, a comparison."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exports import files, write_texts
from judged import FEW, evaluate_keywords

import seeklet
from export.build.pipeline import Summary
from handler.artifact import Artifact
from handler.checksums import fields_crc32
from handler.errors import EvaluationError
from handler.searcher import Searcher
from seeklet.evaluation.choosing import save_share
from seeklet.evaluation.comparing import compare, overlap, rank_biased_overlap
from seeklet.evaluation.scores import SearcherScores, rank, rank_by_keywords

QUERIES = [
    "storm in europe",
    "cheese soup",
    "zzzz qqqq",
    "the a of",
    "",
    "Olive harvest is the poorest since 1990",
]


@pytest.fixture
def own_tiny(tiny_artifact: Path, tmp_path: Path) -> Path:
    """A copy of the tiny artifact that a test may change."""
    return Path(shutil.copytree(tiny_artifact, tmp_path / "own"))


@pytest.fixture
def without_keywords(export: Callable[..., Summary], corpus_file: Path, tmp_path: Path) -> Path:
    export(corpus_file, tmp_path / "plain", id="id", keywords=False)
    return tmp_path / "plain"


@pytest.mark.parametrize("k", [0, -1, 2.5, "5", None])
def test_a_depth_that_is_no_count(tiny_artifact: Path, k: Any) -> None:
    with pytest.raises(ValueError, match=f"k is {k!r}: give a whole number above 0"):
        seeklet.evaluate(tiny_artifact, {"storm": ["t0"]}, k=k)


def test_less_than_one_thread_is_refused(artifact: Path) -> None:
    for ask in (
        lambda: seeklet.evaluate(artifact, {"storm": ["1"]}, threads=0),
        lambda: seeklet.verify(artifact, threads=0),
    ):
        with pytest.raises(ValueError, match="threads is 0: give 1 or more"):
            ask()


@pytest.mark.parametrize("k", [1, 10, 1000])
def test_the_rankings_are_those_of_a_search(tiny_artifact: Path, k: int) -> None:
    searcher = Searcher.load(tiny_artifact)
    source = SearcherScores(searcher)
    found = dict(zip(QUERIES, source.scores(QUERIES), strict=True))
    assert found["storm in europe"].keywords is not None
    assert found["zzzz qqqq"].keywords is None
    for query, scores in found.items():
        for share in (0.0, 0.05, 0.3, 0.5, 0.77, 1.0):
            hits = searcher.search(query, k, "hybrid", share)
            assert rank(scores, share, k).tolist() == [hit.index for hit in hits], (query, share)
        hits = searcher.search(query, k, "semantic")
        assert rank(scores._replace(keywords=None), 0, k).tolist() == [hit.index for hit in hits]
        hits = searcher.search(query, k, "keyword")
        assert rank_by_keywords(scores, k).tolist() == [hit.index for hit in hits], query


def test_the_rankings_are_those_of_a_search_with_the_scan(fresh: Path) -> None:
    searcher = Searcher.load(fresh)
    assert Artifact.open(fresh).has_scan
    queries = [searcher.local.documents[place].text for place in range(0, 2000, 190)]
    for query, scores in zip(queries, SearcherScores(searcher).scores(queries), strict=True):
        for share in (0.0, 0.2, 0.5, 0.9):
            ids = [hit.index for hit in searcher.search(query, 5, "hybrid", share)]
            assert rank(scores, share, 5).tolist() == ids


def test_the_rankings_are_those_of_a_search_over_passages(
    export: Callable[..., Summary], texts: list[str], tmp_path: Path
) -> None:
    """Documents of one to ten sentences, each found by its best passage."""
    documents = [". ".join(texts[place : place + 1 + place % 10]) + "." for place in range(0, 60, 2)]
    export(write_texts(tmp_path / "long.txt", documents), tmp_path / "out", passages=True)
    searcher = Searcher.load(tmp_path / "out")
    assert searcher.local.passages is not None
    assert searcher.manifest.rows > searcher.manifest.count == 30
    for query, scores in zip(QUERIES, SearcherScores(searcher).scores(QUERIES), strict=True):
        for share in (0.0, 0.3, 0.5, 1.0):
            hits = searcher.search(query, 12, "hybrid", share)
            assert rank(scores, share, 12).tolist() == [hit.index for hit in hits], (query, share)
        hits = searcher.search(query, 12, "keyword")
        assert rank_by_keywords(scores, 12).tolist() == [hit.index for hit in hits], query
    evaluation = seeklet.evaluate(tmp_path / "out", {"storm in europe": ["1"]})
    assert evaluation.documents == 30


def test_figures_as_from_searches(tiny_artifact: Path) -> None:
    """Recall and the reciprocal rank are counted from what Searcher.search gives, mode by mode."""
    evaluation = seeklet.evaluate(tiny_artifact, FEW, k=20)
    searcher = Searcher.load(tiny_artifact)
    for line in evaluation.lines:
        recalls, ranks = [], []
        for query, relevant in FEW.items():
            share = line.share if line.mode == "hybrid" else None
            ids = [hit.id for hit in searcher.search(query, 20, line.mode, share)]
            recalls.append(len(set(ids) & set(relevant)) / len(relevant))
            ranks.append(max((1 / (ids.index(name) + 1) for name in relevant if name in ids[:10]), default=0))
        assert line.figures["recall@20"].mean == pytest.approx(sum(recalls) / 3)
        assert line.figures["mrr@10"].mean == pytest.approx(sum(ranks) / 3)
    assert (evaluation.documents, evaluation.queries, evaluation.present) == (61, 3, 0.5)


def test_the_number_of_threads_changes_nothing(tiny_artifact: Path) -> None:
    one, two = (seeklet.evaluate(tiny_artifact, FEW, threads=threads) for threads in (1, 2))
    assert one.fields() == two.fields()


def test_an_artifact_without_keywords(without_keywords: Path) -> None:
    evaluation = seeklet.evaluate(without_keywords, FEW, choose=True)
    assert [(line.mode, line.share) for line in evaluation.lines] == [("semantic", 0)]
    assert (evaluation.present, evaluation.saved, evaluation.wins) == (None, None, {})


def test_ids_of_another_artifact(tiny_artifact: Path) -> None:
    with pytest.raises(EvaluationError, match="it says '10', the artifact has 't0': export with --id COLUMN"):
        seeklet.evaluate(tiny_artifact, {"storm": ["10"]})


def test_a_share_is_written_and_nothing_else(own_tiny: Path) -> None:
    before, manifest = files(own_tiny), json.loads((own_tiny / "manifest.json").read_text())
    (own_tiny / "manifest.json").chmod(0o640)
    save_share(own_tiny, 0.3, 0.5)
    after = files(own_tiny)
    assert {name for name in after if before.get(name) != after[name]} == {"manifest.json"}
    manifest["keywords"]["share"] = 0.3
    manifest["manifest_crc32"] = fields_crc32(manifest)
    assert json.loads((own_tiny / "manifest.json").read_text()) == manifest
    assert stat.S_IMODE((own_tiny / "manifest.json").stat().st_mode) == 0o640
    Artifact.open(own_tiny).check_hashes()
    # What answers from now on.
    by_default, asked = (
        Searcher.load(own_tiny).search("storm in europe", 20, None, share) for share in (None, 0.3)
    )
    assert [(hit.id, hit.score) for hit in by_default] == [(hit.id, hit.score) for hit in asked]


def test_a_manifest_that_changed_meanwhile_is_left_alone(own_tiny: Path) -> None:
    save_share(own_tiny, 0.3, 0.5)
    before = files(own_tiny)
    with pytest.raises(
        EvaluationError, match=r"manifest\.json has changed since it was read: evaluate again"
    ):
        save_share(own_tiny, 0.7, 0.5)
    assert files(own_tiny) == before


def test_a_share_that_is_none_is_not_written(own_tiny: Path) -> None:
    before = files(own_tiny)
    with pytest.raises(seeklet.ArtifactError, match=r"keywords has terms .* and share 7"):
        save_share(own_tiny, 7, 0.5)
    assert files(own_tiny) == before


def test_the_next_export_keeps_a_chosen_share(
    export: Callable[..., Summary], corpus_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(corpus_file, out, id="id")
    save_share(out, 0.3, 0.5)
    again = export(corpus_file, out, id="id")
    assert again.up_to_date
    assert again.manifest.keywords is not None
    assert (again.manifest.keywords["share"], Artifact.open(out).manifest) == (0.3, again.manifest)
    other = export(corpus_file, out, id="id", share=0.4)
    assert not other.up_to_date
    assert other.manifest.keywords is not None
    assert other.manifest.keywords["share"] == 0.4


def test_choosing_through_the_whole(own_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty queries that are the documents' own words, in another order: the words find more than a random model does."""
    searcher = Searcher.load(own_tiny)
    queries = {}
    for place in range(len(searcher.local.documents)):
        document = searcher.local.documents[place]
        queries[" ".join(sorted(document.text.split())[:3])] = [document.id]
    save_share(own_tiny, 0.0, 0.5)
    evaluation = seeklet.evaluate(own_tiny, queries, choose=True)
    assert evaluation.saved is not None
    assert evaluation.final.share == evaluation.saved > 0
    keywords = Artifact.open(own_tiny).manifest.keywords
    assert keywords is not None
    assert keywords["share"] == evaluation.saved
    gained = evaluation.final.over_present
    assert gained is not None
    assert gained.low is not None
    assert gained.low > 0
    again = seeklet.evaluate(own_tiny, queries, choose=True)
    assert (again.present, again.saved) == (evaluation.saved, None)


def test_the_least_ndcg(tiny_artifact: Path) -> None:
    mean = seeklet.evaluate(tiny_artifact, FEW).now.figures["ndcg@10"].mean
    seeklet.evaluate(tiny_artifact, FEW, min_ndcg=mean)
    with pytest.raises(
        EvaluationError, match=rf"has nDCG@10 {mean:.4f} \(hybrid 0\.5\), the least allowed is 1"
    ):
        seeklet.evaluate(tiny_artifact, FEW, min_ndcg=1)
    assert evaluate_keywords(30).final.share == 0.5


def test_overlap_by_hand() -> None:
    assert overlap("abc", "cxa") == pytest.approx(2 / 3)
    assert (overlap("", ""), overlap("a", ""), overlap("abcd", "ab")) == (1, 0, 0.5)
    assert (rank_biased_overlap("abc", "abc"), rank_biased_overlap("abc", "xyz")) == (1, 0)
    # Overlaps 0, 1, 1 of weights 0.9, 0.81, 0.729.
    assert rank_biased_overlap("abc", "bac") == pytest.approx((0.81 + 0.729) / (0.9 + 0.81 + 0.729))
    # A change at the top weighs more than one at the end.
    assert rank_biased_overlap("abcd", "abdc") > rank_biased_overlap("abcd", "bacd")


def test_an_artifact_beside_itself_and_another(tiny_artifact: Path, without_keywords: Path) -> None:
    first, second = Searcher.load(tiny_artifact), Searcher.load(without_keywords)
    queries = [query for query in QUERIES if query]
    same = compare(("a", first), ("a", first), queries)
    assert (same.overlap, same.biased, same.firsts_changed, same.changes) == (1, 1, 0, [])
    assert same.histogram == [*[0] * 10, 5]
    found = compare(("a", first), ("b", second), queries)
    answers = [[[hit.id for hit in side.search(query, 10)] for side in (first, second)] for query in queries]
    shared = [len(set(one) & set(other)) for one, other in answers]
    assert found.histogram == [shared.count(number) for number in range(11)]
    assert found.overlap == pytest.approx(sum(shared) / 50)
    assert found.firsts_changed == sum(one[0] != other[0] for one, other in answers) / 5
    assert [change.biased for change in found.changes] == sorted(change.biased for change in found.changes)
    assert found.changes[0].query in queries
    json.dumps(found.fields(), allow_nan=False)
