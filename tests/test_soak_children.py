"""The child processes of the long proofs: what they write, how they end, and what is said where they can't begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from soak import corruptions, hostile_requests, mixed_events, swaps
from soak.children import CrashError, StartError, lines_of_child

# Ends the child by itself where its parent waits for ever.
HEAD = "import os, signal, sys\nfrom soak.children import tell\nsignal.alarm(60)\n"


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[dict[str, Any]]]:
    """Runs code as a child, and returns what it told."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(code: str) -> list[dict[str, Any]]:
        (tmp_path / "code_of_child.py").write_text(HEAD + code)
        return list(lines_of_child("code_of_child", []))

    return run


def test_a_child_may_write_much_to_standard_error(child: Callable[[str], list[dict[str, Any]]]) -> None:
    noise = "sys.stderr.write('noise ' * 100_000)\nsys.stderr.flush()\n"
    assert child(f"tell(number=1)\n{noise}tell(number=2)\n") == [{"number": 1}, {"number": 2}]


def test_a_crash_is_told_with_its_last_words(child: Callable[[str], list[dict[str, Any]]]) -> None:
    with pytest.raises(CrashError, match=r"(?s)^status 1: Traceback .*ValueError: no \u00e9$"):
        child("tell(number=1)\nraise ValueError('no \u00e9')\n")
    with pytest.raises(CrashError, match=r"^status -9: \u00e9{2000}$"):
        child(
            "tell(number=1)\nprint('\u00e9' * 9_000, file=sys.stderr, flush=True)\nos.kill(os.getpid(), 9)\n"
        )


def test_a_child_that_told_nothing_has_not_begun(child: Callable[[str], list[dict[str, Any]]]) -> None:
    said = "code_of_child failed before it began, with status"
    with pytest.raises(StartError, match=f"^{said} 1: no room: take less$"):
        child("sys.exit('a warning\\nerror: no room: take less')\n")
    with pytest.raises(StartError, match=rf"(?s)^{said} 1: Traceback .*ValueError: no$"):
        child("raise ValueError('no')\n")
    with pytest.raises(StartError, match=f"^{said} -9: it said nothing$"):
        child("os.kill(os.getpid(), 9)\n")
    assert child("pass\n") == []


@pytest.mark.parametrize(
    ("main", "arguments"),
    [
        (corruptions.main, ["ARTIFACT", "--count", "3"]),
        (swaps.main, ["ARTIFACT", "ARTIFACT"]),
        (hostile_requests.main, ["ARTIFACT", "--count", "3"]),
        (mixed_events.main, ["ARTIFACT", "--count", "3"]),
    ],
    ids=["corruptions", "swaps", "hostile requests", "mixed events"],
)
def test_a_proof_that_can_not_begin_says_why(
    main: Callable[[Sequence[str]], int],
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    artifact = tmp_path / "nowhere"
    assert main([str(artifact) if each == "ARTIFACT" else each for each in arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (sentence,) = told.err.splitlines()
    assert sentence.startswith("error: ")
    assert f"there is no artifact folder {artifact}: name one" in sentence
