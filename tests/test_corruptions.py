"""Damage to an artifact is refused or does no harm: a small share of what `make soak` runs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exports import made_up, write_texts
from tiny import make_model
from unsigned import unsign

from export.build.pipeline import Summary
from handler.artifact import DOCUMENTS_FILE, IDS_FILE
from soak import corruptions, swaps
from soak.answers import IntactError, ask, ask_intact, make_event, make_events
from soak.corruptions import BYTES, FAILED, FATES, FILES, HARMLESS, REFUSED, WRONG, Change, choose, flip


def figures_of(tmp_path: Path, *arguments: Path | str) -> tuple[int, dict[str, Any]]:
    """The status and the figures of the command."""
    status = corruptions.main([*map(str, arguments), "--json", str(tmp_path / "figures.json")])
    return status, json.loads((tmp_path / "figures.json").read_text())


def test_no_changed_byte_of_a_small_artifact_is_served(tiny_artifact: Path, tmp_path: Path) -> None:
    status, figures = figures_of(tmp_path, tiny_artifact, "--count", "60")
    assert status == 0
    total: Counter[str] = Counter()
    for counts in figures["at load"].values():
        total.update(counts)
    # Harmless are the token counts, which no start reads, and spaces in the manifest.
    assert total[REFUSED] + total[HARMLESS] == 60
    assert total[REFUSED] > 50
    assert figures["served wrong, by file"] == {}


def test_of_an_older_artifact_verify_finds_what_a_load_serves(tiny_artifact: Path, tmp_path: Path) -> None:
    """Shows too that a wrong answer is noticed."""
    older = Path(shutil.copytree(tiny_artifact, tmp_path / "older"))
    unsign(older)
    status, figures = figures_of(tmp_path, older, "--count", "60", "--seed", "1")
    assert status == 0
    assert figures["served wrong, by file"]
    assert figures["passed verify"] == dict.fromkeys(FATES, 0) | {
        HARMLESS: figures["passed verify"][HARMLESS]
    }


def test_a_promise_that_is_broken_gives_status_1() -> None:
    change = choose({"a": 10}, 0, 0)
    for fate, verified, kept in (
        (WRONG, False, True),
        (WRONG, True, False),
        (FAILED, True, False),
        ("crashed", False, False),
    ):
        told = {"fate": fate, "why": "", "verified": verified}
        assert corruptions.is_kept(corruptions.count_fates(iter([(change, told)]))) is kept


def test_bytes_are_chosen_over_files_and_over_bytes(tmp_path: Path) -> None:
    sizes = {"small": 1, "large": 999, "empty": 0}
    changes = [choose(sizes, 3, number) for number in range(2000)]
    assert changes == [choose(sizes, 3, number) for number in range(2000)]
    assert changes != [choose(sizes, 4, number) for number in range(2000)]
    names = Counter((change.spread, change.file) for change in changes)
    assert set(names) == {(FILES, "small"), (FILES, "large"), (BYTES, "small"), (BYTES, "large")} - (
        set() if names[BYTES, "small"] else {(BYTES, "small")}
    )
    assert abs(names[FILES, "small"] - 500) < 100
    assert names[BYTES, "small"] < 10
    (tmp_path / "large").write_bytes(bytes(999))
    for change in changes[:20]:
        if change.file == "large":
            flip(tmp_path, change)
            assert (tmp_path / "large").read_bytes()[change.place] == change.flipped != 0
            flip(tmp_path, change)
    assert (tmp_path / "large").read_bytes() == bytes(999)


def test_the_requests_read_every_document_file(tiny_artifact: Path) -> None:
    outcome = ask(tiny_artifact, make_events(tiny_artifact))
    assert outcome.refused is None
    assert outcome.answers == ask(tiny_artifact, make_events(tiny_artifact)).answers
    assert all(answer is not None and json.loads(answer)[0] == 200 for answer in outcome.answers)


def test_nothing_is_judged_where_the_intact_artifact_is_refused(
    tiny_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each change of it once counted as a crash."""
    bad = Path(shutil.copytree(tiny_artifact, tmp_path / "bad"))
    flip(bad, Change(FILES, IDS_FILE, 100, 1))
    out = tmp_path / "figures.json"
    for main, arguments in ((corruptions.main, [bad, "--count", "3"]), (swaps.main, [bad, tiny_artifact])):
        assert main([*map(str, arguments), "--json", str(out)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        (sentence,) = told.err.splitlines()
        assert sentence.startswith("error: soak.")
        assert f"with status 1: the intact artifact {bad} is refused: {bad / IDS_FILE}" in sentence
        assert not out.exists()


def test_nothing_is_judged_where_the_intact_artifact_answers_with_500(
    tiny_artifact: Path, tmp_path: Path
) -> None:
    older = Path(shutil.copytree(tiny_artifact, tmp_path / "older"))
    unsign(older)
    # The first character of the first line.
    flip(older, Change(FILES, DOCUMENTS_FILE, 0, 1))
    events = [make_event("GET", "/info"), make_event("POST", "/documents", {"indexes": [0]})]
    with pytest.raises(IntactError, match=r"older answers 1 of 2 requests with 500: run `seeklet verify`"):
        ask_intact(older, events)
    assert ask_intact(tiny_artifact, events) == ask(tiny_artifact, events).answers


def test_the_other_artifact_is_one(
    tiny_artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder has no file to bring: its damages were once left out."""
    assert swaps.main([str(tiny_artifact), str(tmp_path)]) == 2
    assert f"{tmp_path} has no manifest.json, so it is not an artifact" in capsys.readouterr().err


@pytest.fixture(scope="module")
def other(tiny_export: Callable[..., Summary], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of other documents and another model, both of the same sizes."""
    folder = tmp_path_factory.mktemp("other")
    model = make_model(folder / "model", model_type="distilbert")
    tiny_export(write_texts(folder / "texts.txt", made_up(61)), folder / "out", model=str(model))
    return folder / "out"


def test_no_cut_swapped_or_mixed_file_is_served(tiny_artifact: Path, other: Path, tmp_path: Path) -> None:
    assert swaps.main([str(tiny_artifact), str(other), "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["served wrong"] == []
    kinds = figures["at load"]
    assert set(kinds) == {kind for kind, _ in swaps.damages(tiny_artifact)}
    assert kinds["another format"][REFUSED] == 2
    assert kinds["missing"] == dict.fromkeys(FATES, 0) | {REFUSED: len(list(tiny_artifact.iterdir()))}
    # The token counts, whose size is the same: no start reads them.
    assert [counts[HARMLESS] for counts in kinds.values() if counts[HARMLESS] > 2] == []


def test_older_artifacts_are_served_wrong_until_they_are_verified(
    tiny_artifact: Path, other: Path, tmp_path: Path
) -> None:
    older = Path(shutil.copytree(tiny_artifact, tmp_path / "older"))
    unsign(older)
    assert swaps.main([str(older), str(other), "--json", str(tmp_path / "figures.json")]) == 0
    served = json.loads((tmp_path / "figures.json").read_text())["served wrong"]
    assert f"lines rotated: {DOCUMENTS_FILE}" not in served  # its lines have other lengths
    assert "halves exchanged: model.onnx.data" in served
