"""`seeklet query` of an artifact: the table, the JSON, queries from standard input, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command import refusal, run_in_terminal, run_seeklet

from seeklet import Searcher
from seeklet.cli import main
from seeklet.commands.query import table
from seeklet.terminal import columns

QUERY = "storms in Europe"


def expected(artifact: Path, query: str, k: int) -> list[dict[str, object]]:
    return [hit.fields() for hit in Searcher.load(artifact).search(query, k)]


def test_json_where_it_is_piped(artifact: Path) -> None:
    done = run_seeklet("query", QUERY, artifact, "-k", "3")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {"query": QUERY, "results": expected(artifact, QUERY, 3)}


def test_a_table_in_a_terminal(artifact: Path) -> None:
    status, shown = run_in_terminal("query", QUERY, artifact, columns=60)
    assert status == 0
    head, *lines = shown.splitlines()
    assert head.split() == ["rank", "score", "id", "text"]
    hits = expected(artifact, QUERY, 5)
    assert len(lines) == len(hits)
    for rank, (line, hit) in enumerate(zip(lines, hits, strict=True), start=1):
        assert len(line) <= 60
        shown_rank, score, name, text = line.split(maxsplit=3)
        assert (shown_rank, score, name) == (str(rank), f"{hit['score']:.4f}", hit["id"])
        assert str(hit["text"]).startswith(text.removesuffix("..."))
    status, shown = run_in_terminal("query", QUERY, artifact, "--json")
    assert json.loads(shown)["results"] == hits


def test_nothing_found_in_a_terminal(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, shown = run_in_terminal("query", "zzzz", artifact, "--mode", "keyword")
    assert (status, shown) == (0, "no document holds these words\n")
    # A program reads an empty list.
    assert main(["query", "zzzz", str(artifact), "--mode", "keyword"], {}) == 0
    assert json.loads(capsys.readouterr().out)["results"] == []


def test_each_line_of_standard_input_is_a_query(artifact: Path) -> None:
    lines = "\ufeffstorms in Europe\r\n\n  \nbread, cake\n漢字".encode()
    done = run_seeklet("query", "-", artifact, "-k", "2", stdin=lines)
    assert done.returncode == 0
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [
        {"query": query, "results": expected(artifact, query, 2)}
        for query in ("storms in Europe", "bread, cake", "漢字")
    ]
    done = run_seeklet("query", "-", artifact, stdin=b"storm\n\xff\n")
    assert (done.returncode, len(done.stdout.splitlines())) == (2, 1)
    assert done.stderr.decode() == "error: line 2 of standard input is not UTF-8: convert it first\n"


def row(**other: object) -> dict[str, object]:
    return {"id": "a", "index": 0, "score": 0.5, "text": "text", "metadata": {}, **other}


def test_texts_and_ids_are_cut_and_made_harmless() -> None:
    results = [
        row(text="\x1b]0;title\x07" + "long " * 50),
        row(id="漢字" * 30, text="漢字" * 60),
        row(id="\x9b2J", score=-0.25),
    ]
    lines = table(results, 80)
    assert all(columns(line) <= 80 for line in lines)
    assert all(line.isprintable() for line in lines)
    assert lines[1].startswith("   1   0.5000  a ")
    assert "␛]0;title␇long long" in lines[1]
    assert "漢字..." in lines[2]
    assert lines[3] == f"   3  -0.2500  {'�2J':31}  text"
    # 14 wide characters and the dots take 31 columns. Each column begins where the head says.
    assert {columns(line[: line.rindex("  ")]) for line in (lines[0], lines[3])} == {4 + 2 + 7 + 2 + 31}
    assert table([], 80) == ["rank    score  id  text"]


def test_a_narrow_terminal_gets_longer_lines() -> None:
    assert table([row(text="x" * 50)], 10)[1].endswith("x" * 17 + "...")


def test_the_default_artifact(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["query", QUERY], {}) == 2
    assert capsys.readouterr().err == (
        "error: which artifact? There is no ./artifact and no ./build/artifact: "
        "name its folder, or set ARTIFACT_DIR\n"
    )
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "artifact").symlink_to(artifact)
    assert main(["query", QUERY], {}) == 0
    answer = capsys.readouterr().out
    assert json.loads(answer)["results"] == expected(artifact, QUERY, 5)
    # The nearer one comes first, the environment's before both.
    (tmp_path / "artifact").mkdir()
    assert main(["query", QUERY], {}) == 2
    assert capsys.readouterr().err.startswith("error: artifact has no manifest.json")
    assert main(["query", QUERY], {"ARTIFACT_DIR": str(artifact)}) == 0
    assert capsys.readouterr().out == answer


def test_arguments_in_the_wrong_order(tmp_path: Path, artifact: Path) -> None:
    folder = tmp_path / "my artifact"
    folder.mkdir()
    wrong = "the query comes first, then the target: seeklet query "
    assert refusal(run_seeklet("query", folder, "two words")) == f"{wrong}'two words' '{folder}'"
    assert refusal(run_seeklet("query", "http://x", "a")) == f"{wrong}a http://x"
    missing = "is a target, and the query is missing: seeklet query TEXT"
    assert refusal(run_seeklet("query", artifact)) == f"{artifact} {missing} {artifact}"
    assert refusal(run_seeklet("query", "http://x")) == f"http://x {missing} http://x"
    # A word that is a folder's name too is a query, where the target says so.
    done = run_seeklet("query", "tests", artifact)
    assert json.loads(done.stdout)["query"] == "tests"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_query(text: str, artifact: Path) -> None:
    assert refusal(run_seeklet("query", text, artifact)) == "the query is empty: seeklet query TEXT"


def test_a_query_longer_than_a_file_name(
    artifact: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "storm " * 1000
    assert main(["query", long], {"ARTIFACT_DIR": str(artifact)}) == 0
    assert json.loads(capsys.readouterr().out)["results"] == expected(artifact, long, 5)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert main(["query", long, "x" * 300], {}) == 2
    assert capsys.readouterr().err.startswith("error: there is no artifact folder xxx")


def test_a_query_that_is_not_unicode(artifact: Path) -> None:
    assert refusal(run_seeklet("query", "\udcff", artifact)).startswith("the query is not UTF-8: check")


def test_a_damaged_artifact(tiny_artifact: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_artifact, damaged)
    (damaged / "documents.jsonl").write_bytes(b"")
    assert refusal(run_seeklet("query", QUERY, damaged)).startswith(f"{damaged}/documents.jsonl has 0 bytes,")
    assert refusal(run_seeklet("query", QUERY, tmp_path)).startswith(f"{tmp_path} has no manifest.json")
    assert refusal(run_seeklet("query", QUERY, "no/folder")) == (
        "there is no artifact folder no/folder: name one, or a URL, or a deployed function"
    )


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (["--mode", "semantic"], ("semantic",)),
        (["--mode", "keyword"], ("keyword",)),
        (["--mode", "hybrid", "--share", "0.25"], ("hybrid", 0.25)),
        (["--share", "1"], ("hybrid", 1.0)),
    ],
)
def test_a_mode_and_a_share(artifact: Path, options: list[str], arguments: tuple[Any, ...]) -> None:
    done = run_seeklet("query", QUERY, artifact, "-k", "4", *options)
    hits = Searcher.load(artifact).search(QUERY, 4, *arguments)
    assert json.loads(done.stdout)["results"] == [hit.fields() for hit in hits]


def test_a_share_of_another_mode_is_refused(artifact: Path) -> None:
    done = run_seeklet("query", QUERY, artifact, "--mode", "keyword", "--share", "0.5")
    assert (done.returncode, done.stderr.decode()) == (
        2,
        "error: --share is for --mode hybrid, not keyword: leave one of them out\n",
    )
