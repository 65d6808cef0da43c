"""`import seeklet`: the names it promises, their examples, and what importing it loads."""

from __future__ import annotations

import doctest
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import seeklet
import seeklet.terminal
from handler.errors import SeekletError

ROOT = Path(__file__).parent.parent
PAPERS = """\
doi,title,abstract
10.1/storm,Winter storms,reach western Europe
10.1/bread,A slow dough,makes better bread
10.1/trade,The ministers,agree on tariffs
"""
ERRORS = {
    "ArtifactError",
    "CorpusError",
    "EngineError",
    "EvaluationError",
    "ExportError",
    "ModelError",
    "OptionError",
    "OutputError",
    "RequestError",
    "SeekletError",
    "SettingsError",
    "VerifyError",
}
NAMES = {
    "Encoder",
    "Hit",
    "Match",
    "RemoteSearcher",
    "Searcher",
    "Span",
    "__version__",
    "evaluate",
    "export",
    "verify",
}


def test_the_public_names() -> None:
    """A name that goes, or comes, is a decision: programs rely on them."""
    assert set(seeklet.__all__) == set(dir(seeklet)) == NAMES | ERRORS
    for name in seeklet.__all__:
        assert getattr(seeklet, name) is not None
    assert all(issubclass(getattr(seeklet, name), SeekletError) for name in ERRORS)
    with pytest.raises(AttributeError, match="no attribute 'Sercher'"):
        seeklet.Sercher  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_in_one_place() -> None:
    assert seeklet.__version__ == __import__("handler").__version__
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in pyproject
    assert f'"{seeklet.__version__}"' not in pyproject


def loaded_by(statement: str) -> set[str]:
    script = f"import sys, json; before = set(sys.modules); {statement}; print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(json.loads(done.stdout))


BUILDING = {"fastapi", "mangum", "uvicorn", "torch", "transformers", "optimum", "onnx", "tqdm", "export"}
BUILDING |= {"langchain_core", "llama_index"}


def test_importing_it_loads_little() -> None:
    assert not loaded_by("import seeklet") & (
        BUILDING | {"onnxruntime", "numpy", "tokenizers", "handler.app"}
    )
    assert not loaded_by("import seeklet; seeklet.RemoteSearcher('http://localhost')") & {
        "numpy",
        "onnxruntime",
    }
    loaded = loaded_by("from seeklet import *; Searcher, Hit, Encoder")
    assert {"onnxruntime", "numpy"} <= loaded
    assert not loaded & (BUILDING | {"tokenizers", "handler.app"})


@pytest.mark.parametrize("module", ["seeklet.cli", "dev.background", "dev.smoke", "dev.invoke"])
def test_the_command_line_loads_no_more_than_it_needs(module: str) -> None:
    """`make smoke` and `make invoke` run by a Python that has none of it."""
    assert not loaded_by(f"import {module}") & (BUILDING | {"onnxruntime", "numpy", "handler.app"})


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run: papers.csv, and its artifact."""
    folder = tmp_path_factory.mktemp("papers")
    (folder / "papers.csv").write_text(PAPERS)
    seeklet.export(folder / "papers.csv", folder / "artifact", text=["title", "abstract"], id="doi")
    return folder


def examples() -> list[doctest.DocTest]:
    documented = {"seeklet": seeklet, "seeklet.terminal.printable": seeklet.terminal.printable}
    documented["seeklet.terminal.cut"] = seeklet.terminal.cut
    documented |= {f"seeklet.{name}": getattr(seeklet, name) for name in NAMES - {"__version__"}}
    parser = doctest.DocTestParser()
    names = {name: getattr(seeklet.terminal, name) for name in ("printable", "cut")}
    return [
        parser.get_doctest(inspect.getdoc(thing) or "", dict(names), name, None, None)
        for name, thing in sorted(documented.items())
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_the_examples_run(example: doctest.DocTest, papers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(papers)
    assert example.examples, "has no example"
    told: list[str] = []
    doctest.DocTestRunner().run(example, out=told.append)
    assert not told, "".join(told)


def test_every_error_says_when_it_is_raised() -> None:
    for name in ERRORS:
        assert inspect.getdoc(getattr(seeklet, name))


def test_a_single_string_is_not_a_list_of_columns(papers: Path) -> None:
    with pytest.raises(TypeError, match=r"text takes a sequence of column names: put 'title' in a list"):
        seeklet.export(papers / "papers.csv", papers / "other", text="title")


def test_an_export_is_checked_unless_it_is_asked_not_to_be(papers: Path, tmp_path: Path) -> None:
    corpus = papers / "papers.csv"
    with pytest.raises(seeklet.VerifyError, match=r"cosine mean is 0\.99"):
        seeklet.export(corpus, tmp_path / "a", text=["title"], min_cosine_mean=1)
    assert not (tmp_path / "a").exists()
    summary = seeklet.export(corpus, tmp_path / "b", text=["title"], metadata=["doi"], check=False)
    assert summary.manifest.verify is None
    with pytest.raises(seeklet.VerifyError, match=r"cosine least is 0\.99"):
        seeklet.verify(tmp_path / "b", min_cosine_least=1)


@pytest.mark.parametrize(
    ("statement", "what"),
    [("seeklet.export('c', 'o', text=['t'])", "export"), ("seeklet.verify('o')", "verify")],
)
def test_without_the_extra(statement: str, what: str) -> None:
    """One sentence, before anything is read."""
    script = f"import seeklet\ntry: {statement}\nexcept seeklet.SeekletError as error: print(error)"
    # -S: nothing that is installed is found.
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(f"{what} needs torch, "), done.stderr
    index = " --extra-index-url https://download.pytorch.org/whl/cpu (that index is for Linux without an NVIDIA GPU)"
    assert done.stdout.endswith(
        f'not installed here: pip install "seeklet[export]"{index if sys.platform == "linux" else ""}\n'
    )
