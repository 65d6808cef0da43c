"""`seeklet evaluate` as a user types it: tables, JSON, reports, refusals, progress, and what it needs to be installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import ROOT, refusal, run_in_terminal, run_seeklet
from exports import Export, write_texts
from judged import FEW, write_few

from seeklet.cli import main
from seeklet.progress import Counter


@pytest.fixture
def few(tmp_path: Path) -> Path:
    return write_few(tmp_path)


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs `seeklet evaluate`, which must do its work and complain of nothing; returns what it printed."""

    def run(*arguments: str | Path) -> str:
        assert main(["evaluate", *map(str, arguments), "--quiet"], {}) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs `seeklet evaluate`, which must fail with one sentence; returns it."""

    def run(*arguments: str | Path) -> str:
        assert main(["evaluate", *map(str, arguments)], {}) == 2
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        assert errors.startswith("error: ")
        return errors

    return run


def test_tables(tiny_artifact: Path, few: Path, typed: Callable[..., str]) -> None:
    shown = typed(tiny_artifact, few)
    assert f"{tiny_artifact}, 61 documents: 3 queries of {few}\n" in shown
    assert [line.split()[0] for line in shown.splitlines() if " 0." in line][:2] == ["semantic", "hybrid"]
    told = shown.partition("the queries on which the modes differ most\n")[2].splitlines()
    assert told[0].strip() in FEW
    assert [line.split()[0] for line in told[1:4]] == ["semantic", "hybrid", "keyword"]


def test_json_and_a_report(tiny_artifact: Path, few: Path, typed: Callable[..., str], tmp_path: Path) -> None:
    found = json.loads(
        typed(tiny_artifact, few, "--json", "--report", tmp_path / "new" / "a.html", "-k", "5")
    )
    assert (found["queries"], found["depth"]) == (3, 5)
    assert "recall@5" in found["lines"][0]
    assert "choice" not in found
    # A folder that isn't there is made, as the export makes --out's.
    html = (tmp_path / "new" / "a.html").read_text(encoding="utf-8")
    assert f"{found['lines'][0]['ndcg@10']['mean']:.3f}" in html


def test_choosing_says_why_it_keeps_the_share(
    tiny_artifact: Path, few: Path, typed: Callable[..., str]
) -> None:
    before = (tiny_artifact / "manifest.json").read_bytes()
    why = "the share stays 0.5: 3 queries are too few to choose by, at least 20 are needed"
    assert typed(tiny_artifact, few, "--choose").endswith(f"\n\n{why}\n")
    assert json.loads(typed(tiny_artifact, few, "--choose", "--json"))["choice"] == why
    assert (tiny_artifact / "manifest.json").read_bytes() == before


def test_a_pipeline_that_fails(tiny_artifact: Path, few: Path, tmp_path: Path) -> None:
    done = run_seeklet("evaluate", tiny_artifact, few, "--min-ndcg", "1", "--report", tmp_path / "a.html")
    assert done.returncode == 2
    # The tables and the report are there, to see why.
    assert b"nDCG@10" in done.stdout
    assert (tmp_path / "a.html").exists()
    assert re.fullmatch(
        r"error: \S+ has nDCG@10 0\.\d{4} \(hybrid 0\.5\), the least allowed is 1: look at the queries it loses "
        r"\(--report FILE\.html\), or lower --min-ndcg\n",
        done.stderr.decode(),
    )
    assert run_seeklet("evaluate", tiny_artifact, few, "--min-ndcg", "0").returncode == 0


def test_a_comparison(tiny_artifact: Path, typed: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "queries.txt").write_text("storm\ncheese\n")
    arguments = ("--compare", tiny_artifact, tiny_artifact, tmp_path / "queries.txt")
    shown = typed(*arguments, "--report", tmp_path / "a.html")
    assert "documents that both have in their first 10: 100.0%\n" in shown
    assert "changed most" not in shown
    assert json.loads(typed(*arguments, "--json"))["histogram"] == [*[0] * 10, 2]
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    # Judgements do too, and folders of BEIR; only their queries are read.
    assert "3 queries" in typed("--compare", tiny_artifact, tiny_artifact, write_few(tmp_path))


def test_a_comparison_of_artifacts_without_a_common_id(
    tiny_artifact: Path, export: Export, refused: Callable[..., str], few: Path, tmp_path: Path
) -> None:
    export(write_texts(tmp_path / "corpus.txt", ["storm", "cheese"]), tmp_path / "old")
    assert refused("--compare", tmp_path / "old", tiny_artifact, few, "--quiet") == (
        f"error: {tmp_path}/old and {tiny_artifact} share no id, so their answers can't be compared: one has '1', the "
        "other 't0': export both with the same --id COLUMN\n"
    )


def test_refusals(tiny_artifact: Path, few: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("query,relevant\nstorm,1\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "queries.txt").write_text("storm\n")
    for arguments, sentence in (
        ((tmp_path / "none", few), "there is no artifact folder "),
        ((few, tiny_artifact), "the artifact comes first, then the queries: seeklet evaluate "),
        ((tiny_artifact, tmp_path / "none.csv"), "none.csv: there is no such file: check the path"),
        ((tiny_artifact, tmp_path / "empty.csv"), "empty.csv has no rows under a header"),
        ((tiny_artifact, tmp_path), "has no queries.jsonl, so it is no folder in BEIR's layout"),
        (
            (tiny_artifact, tmp_path / "other.csv"),
            "it says '1', the artifact has 't0': export with --id COLUMN",
        ),
        (
            (tiny_artifact, few, "--query", "text"),
            "there is no column 'text'; the columns are: 'query', 'relevant'",
        ),
        ((tiny_artifact, few, "--min-ndcg", "2"), "argument --min-ndcg: '2' is not between 0 and 1"),
        ((tiny_artifact, few, "-k", "0"), "argument -k/--k: '0' is not a whole number above 0"),
        ((tiny_artifact, few, "--report", tmp_path), "is a folder: name another file as --report"),
        (
            (tiny_artifact, few, "--report", few / "new" / "a.html"),
            f"{few}/new/a.html can't be written, for {few} is a file: name another file as --report",
        ),
        ((tiny_artifact, few, "--report", few), "few.csv is what is read, or lies in it: name another file"),
        (
            (tiny_artifact, few, "--report", tiny_artifact / "manifest.json"),
            "manifest.json is what is read, or lies in it: name another file as --report",
        ),
        (
            (tiny_artifact, few, "--compare", tiny_artifact, "--choose"),
            "--choose needs judgements, and --compare",
        ),
        ((tiny_artifact, few, "--compare", tiny_artifact, "--min-ndcg", "0"), "--min-ndcg needs judgements"),
        ((tiny_artifact, few, "--compare", tiny_artifact, "-k", "9"), "-k needs judgements, and --compare"),
        (
            (tiny_artifact, tmp_path / "queries.txt", "--compare", tiny_artifact, "--query", "text"),
            "queries.txt has a query on each line, and has no columns to choose",
        ),
        ((tiny_artifact, few, "--compare", tmp_path / "none"), "there is no artifact folder "),
    ):
        assert sentence in refused(*arguments, "--quiet"), arguments


def test_hostile_texts_on_a_terminal(tiny_artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    path.write_text('query,relevant\n"\x1b[2J<script>",t1\nstorm\u202e,t2\n', encoding="utf-8")
    status, shown = run_in_terminal("evaluate", tiny_artifact, path)
    assert status == 0
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "␛[2J<script>" in shown


def test_it_needs_no_package_of_the_export(tiny_artifact: Path, few: Path) -> None:
    script = f"""
import sys
from seeklet.cli import main
status = main(["evaluate", {str(tiny_artifact)!r}, {str(few)!r}, "--quiet", "--json"], {{}})
heavy = {{"torch", "transformers", "optimum", "onnx", "pyarrow", "tqdm", "scipy", "fastapi"}}
sys.exit(status or ", ".join(heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_interrupted_arguments_are_answered_at_once() -> None:
    assert "the following arguments are required: DIR, QUERIES" in refusal(run_seeklet("evaluate"))


def test_a_counter_shows_its_last_line_only_where_the_work_is_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with Counter("evaluating", 1000, "queries") as counter:
        for _ in range(6):
            counter.add(100)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "evaluating: 300 of 1,000 queries, 28 s left"
    assert lines[-1].startswith("evaluating: 600 of 1,000 queries, ")
    assert len(lines) == 3
    with Counter("evaluating", 2, "queries", quiet=True) as counter:
        counter.add(2)
    assert capsys.readouterr().err == ""
