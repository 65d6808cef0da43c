"""What the adapters for LangChain and LlamaIndex share. The adapters themselves: test_langchain.py, test_llama_index.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT

from handler.passages import Span
from seeklet import Hit, OptionError, RemoteSearcher, Searcher
from seeklet.adapters import content, open_searcher, search


def test_either_an_artifact_or_a_url(artifact: Path) -> None:
    assert isinstance(open_searcher(artifact, None), Searcher)
    remote = open_searcher(None, "http://localhost", None, 5)
    assert isinstance(remote, RemoteSearcher)
    assert (remote.url, remote.timeout) == ("http://localhost", 5)
    for both, given in (((artifact, "http://localhost"), "both"), ((None, None), "neither")):
        with pytest.raises(OptionError, match=f"an artifact or a url, and {given} was given: give one"):
            open_searcher(*both)
    with pytest.raises(OptionError, match="api_key and timeout are of a service"):
        open_searcher(artifact, None, "key")


def test_the_later_settings_come_first_and_none_is_the_default(artifact: Path) -> None:
    searcher = Searcher.load(artifact)
    found = search(searcher, "a storm", {"k": 5, "mode": "keyword", "share": None}, {"k": 2})
    assert found == searcher.search("a storm", 2, "keyword")
    assert len(found) == 2
    own = {"k": 3, "filter": {"topic": "climate"}, "mode": "keyword"}
    assert search(searcher, "a storm", own, {"filter": None, "mode": None}) == searcher.search("a storm", 3)
    with pytest.raises(OptionError, match=r"there is no option 'top_k': the options are k, mode, share"):
        search(searcher, "a storm", {"top_k": 2})


def test_the_passage_alone() -> None:
    whole = Hit("1", 0, 0.5, "ab cd", {})
    cut = Hit("1", 0, 0.5, "ab cd", {}, passage=Span(3, 5))
    assert [content(hit, passages) for hit in (whole, cut) for passages in (False, True)] == [
        "ab cd",
        "ab cd",
        "ab cd",
        "cd",
    ]


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("langchain", "langchain_core", "langchain"), ("llama_index", "llama_index.core", "llama-index")],
)
def test_without_the_extra(module: str, package: str, extra: str) -> None:
    script = (
        f"import seeklet\ntry: import seeklet.{module}\nexcept seeklet.SeekletError as error: print(error)"
    )
    # -S: nothing that is installed is found.
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == (
        f'seeklet.{module} needs {package}, not installed here: pip install "seeklet[{extra}]"\n'
    ), done.stderr
