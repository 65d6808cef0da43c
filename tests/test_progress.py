"""What the bars say, as standard error has it."""

from __future__ import annotations

import pytest

from export.build.progress import Progress


@pytest.mark.parametrize(("known", "speed_known"), [(1000, False), (990, True)])
def test_documents_from_an_earlier_run_are_no_speed(
    known: int, speed_known: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress().embedding(1000) as bar:
        bar.update(1000, known=known)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "1000/1000" in last
    assert ("? rows/s" not in last) == speed_known


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True).embedding(1000) as bar:
        bar.update(1000, known=1000)
    assert capsys.readouterr().err == ""
