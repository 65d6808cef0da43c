"""Model folders that are refused, each with the name of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_folders import MODULES, make_folder, read
from model_refusals import REFUSALS
from tiny import write_json

from handler.errors import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "my-model")


@pytest.mark.parametrize("what", REFUSALS)
def test_refused_by_name(folder: Path, what: str) -> None:
    read(folder)
    break_it, sentence = REFUSALS[what]
    break_it(folder)
    with pytest.raises(ModelError) as refused:
        read(folder)
    assert str(refused.value).startswith(sentence.replace("{f}", str(folder)))
    assert "\n" not in str(refused.value)


def test_a_module_of_the_folder_is_not_imported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    (folder / "own_pooling.py").write_text(f"open({str(trace)!r}, 'w')\n")
    write_json(folder / "modules.json", [MODULES[0], {**MODULES[1], "type": "own_pooling.Pooling"}])
    # Even where Python would find it.
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(ModelError, match=r"own_pooling\.Pooling"):
        read(folder)
    assert not trace.exists()
