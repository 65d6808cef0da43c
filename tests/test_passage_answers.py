"""Passages in answers: over HTTP, with and without FastAPI, by `seeklet query`, and in what an artifact says of itself."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from answering import answering_server
from command import run_in_terminal, run_seeklet
from exports import arguments, conversions_in
from http_events import EVENTS, stable
from texts import TEXTS

from export.build.options import BuildOptions
from export.build.pipeline import build
from export.build.progress import Progress
from handler.function import Function
from handler.schemas.similar import SimilarResponse
from handler.searcher import Searcher
from handler.settings import Settings
from seeklet.asking import ask_folder, ask_url
from seeklet.targets import Question

LONG = " ".join(f"{text.text}." for text in TEXTS)
SHORT = "Bread."


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("passages") / "corpus.txt"
    path.write_text(f"{LONG}\n{SHORT}\n")
    return path


@pytest.fixture(scope="module")
def passages(
    corpus: Path, tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An artifact of one long and one short document, with passages."""
    out = tmp_path_factory.mktemp("with-passages") / "out"
    options = BuildOptions(
        corpus=str(corpus), text=["text"], model=str(tiny_model), out=out, thresholds=None, passages=True
    )
    with conversions_in(str(tiny_cache)):
        build(options, Progress(quiet=True))
    return out


@pytest.fixture(scope="module")
def answering(passages: Path) -> Function:
    return Function.load(Settings.from_env({"ARTIFACT_DIR": str(passages), "THREADS": "1"}))


def similar(function: Function, **more: Any) -> Any:
    event = copy.deepcopy(EVENTS["similar"])
    event["body"] = json.dumps({"text": TEXTS[9].text, "num_results": 5, **more})
    return function(event)


def test_an_answer_has_each_document_once_with_its_passage(answering: Function) -> None:
    answer = json.loads(similar(answering)["body"])
    SimilarResponse.model_validate(answer)
    assert [result["index"] for result in answer["results"]] == [0, 1]
    spans = [result["passage"] for result in answer["results"]]
    assert TEXTS[9].text in LONG[spans[0]["start"] : spans[0]["end"]]
    assert 0 < spans[0]["end"] - spans[0]["start"] < len(LONG)
    assert spans[1] == {"start": 0, "end": len(SHORT)}
    first = answer["results"][0]
    assert answer["text"][0] == f"Item:{LONG} (index: 0 score:{first['score']})"


def test_the_same_bytes_with_fastapi(answering: Function) -> None:
    by_app = Function(answering.settings, answering.searcher, direct=False)
    assert stable(similar(by_app)) == stable(similar(answering))


def test_no_field_without_passages(tiny_artifact: Path) -> None:
    function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(tiny_artifact)}))
    for result in json.loads(similar(function)["body"])["results"]:
        assert set(result) == {"id", "index", "score", "text", "metadata"}


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "keyword"])
def test_a_folder_and_a_url_give_the_same_results(answering: Function, passages: Path, mode: str) -> None:
    question = Question(TEXTS[9].text, 5, mode)
    by_folder = ask_folder(passages)(question)
    answer = similar(answering, mode=mode, matches=True)["body"]
    assert by_folder == json.loads(answer)["results"]
    assert by_folder[0]["index"] == 0
    with answering_server() as server:
        server.answer(200, answer.encode())
        assert ask_url(server.url, None)(question) == by_folder


def test_keywords_find_documents_by_their_best_passage(passages: Path) -> None:
    searcher = Searcher.load(passages)
    (hit,) = searcher.search("stale", 5, "keyword")
    assert (hit.index, hit.cosine) == (0, None)
    assert hit.passage is not None
    assert "stale" in hit.text[hit.passage.start : hit.passage.end]
    assert [hit.index for hit in searcher.search("bread", 5, "keyword")] == [1, 0]


def test_the_table_shows_the_passage(passages: Path) -> None:
    status, shown = run_in_terminal("query", TEXTS[9].text, passages, columns=120)
    assert status == 0
    hit = Searcher.load(passages).search(TEXTS[9].text, 1)[0]
    assert hit.passage is not None
    assert hit.text[hit.passage.start :][:60] in shown
    assert hit.passage.start > 0


def test_an_artifact_says_how_it_is_cut(passages: Path) -> None:
    rows = Searcher.load(passages).manifest.rows
    status, shown = run_in_terminal("info", passages, columns=200)
    assert status == 0
    assert f"  passages    {rows:,}, 22 tokens at most, overlap 5 at most\n" in shown
    assert ": 2 documents, " in shown


@pytest.mark.usefixtures("use_tiny_cache")
def test_the_command(corpus: Path, tiny_model: Path, passages: Path, tmp_path: Path) -> None:
    options = arguments(corpus, tmp_path / "out", tiny_model)
    done = run_seeklet("export", *options, "--passages", "--passage-overlap", "0")
    assert done.returncode == 0, done.stderr.decode()
    assert "  documents              2   " in done.stdout.decode()
    rows = Searcher.load(tmp_path / "out").manifest.rows
    assert f"  passages    {rows:>12,}   22 tokens at most, overlap 0 at most\n" in done.stdout.decode()
    done = run_seeklet("export", *options, "--passage-tokens", "20")
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "error: --passage-tokens is given without --passages: add --passages, or leave --passage-tokens out\n"
    )
