"""The wheel and the sdist: what is in them, and whether they answer a query where nothing else is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from seeklet import Searcher, __version__
from seeklet.extras import PACKAGES

pytestmark = pytest.mark.package

ROOT = Path(__file__).parent.parent
CORE = {"numpy", "onnxruntime", "snowballstemmer", "tokenizers"}
QUERY = "storms in Europe"
PAPERS = "doi,title\n10.1/storm,Winter storms reach western Europe\n10.1/bread,Bread of a slow dough\n"


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """One command away from this repository; what it printed."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of wheel and sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return dist / f"seeklet-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    return dist / f"seeklet-{__version__}.tar.gz"


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"seeklet-{__version__}.dist-info/METADATA").decode())


def sources() -> set[str]:
    """Every file of the packages."""
    return {
        str(path.relative_to(ROOT))
        for package in ("seeklet", "handler", "export")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_packages_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == sources()
    assert {"seeklet/py.typed", "handler/py.typed", "export/py.typed"} <= names
    assert f"seeklet-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_sdist_holds_what_the_wheel_is_made_of(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if name.count("/")}
    files = {name for name in names if name.partition("/")[0] in ("seeklet", "handler", "export")}
    assert sources() <= files
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    client = {
        "package.json",
        "README.md",
        "seeklet.js",
        "seeklet.d.ts",
        "seeklet-search.js",
        "seeklet-search.d.ts",
    }
    assert {name for name in names if name.startswith("clients/js/")} == {
        f"clients/js/{name}" for name in client
    }
    assert not {
        name for name in names if name.startswith(("tests", "dev", "benchmarks", "soak", "build", "layers"))
    }


def test_the_metadata(metadata: Message) -> None:
    assert {label.partition(",")[0] for label in metadata.get_all("Project-URL", [])} >= {"Source", "Issues"}
    assert metadata["Keywords"]
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["License-Expression"] == "Apache-2.0"
    requirements = metadata.get_all("Requires-Dist", [])
    core = {requirement.split(">")[0] for requirement in requirements if "extra ==" not in requirement}
    assert core == CORE
    assert set(metadata.get_all("Provides-Extra", [])) == {*PACKAGES, "bench", "test", "umap"}


def new_environment(folder: Path, *requirements: str) -> Path:
    """An empty environment with these packages; its folder of programs."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", *requirements, cwd=folder.parent)
    return folder / "bin"


def installed(programs: Path, cwd: Path) -> set[str]:
    listed = json.loads(run(programs / "python", "-m", "pip", "list", "--format", "json", cwd=cwd))
    return {package["name"].lower() for package in listed}


def test_the_core_answers_a_query(wheel: Path, artifact: Path, tmp_path: Path) -> None:
    programs = new_environment(tmp_path / "core", str(wheel))
    packages = installed(programs, tmp_path)
    assert packages >= {"seeklet", *CORE}
    assert not packages & {
        "fastapi",
        "mangum",
        "uvicorn",
        "torch",
        "transformers",
        "onnx",
        "botocore",
        "pyarrow",
    }
    run(programs / "python", "-c", "import seeklet", cwd=tmp_path)
    answer = json.loads(run(programs / "seeklet", "query", QUERY, artifact, "-k", "2", cwd=tmp_path))
    # Other versions of ONNX Runtime may differ in a score's last bits.
    assert [result["id"] for result in answer["results"]] == [
        hit.id for hit in Searcher.load(artifact).search(QUERY, 2)
    ]
    assert json.loads(run(programs / "seeklet", "info", artifact, cwd=tmp_path))["dim"] == 384
    (tmp_path / "queries.csv").write_text(f"query,relevant\n{QUERY},t0\n")
    found = json.loads(run(programs / "seeklet", "evaluate", artifact, "queries.csv", "--json", cwd=tmp_path))
    assert found["queries"] == 1
    for command in ("export", "verify", "serve", "demo-corpus", "evaluate"):
        assert f"usage: seeklet {command}" in run(programs / "seeklet", command, "--help", cwd=tmp_path)
    for arguments, extra in (
        (["export", "--corpus", "c", "--text", "t", "--out", "o"], "export"),
        (["verify", str(artifact)], "export"),
        (["serve", str(artifact)], "serve"),
        (["demo-corpus", "f"], "demo"),
        (["query", "a", "a-function"], "aws"),
    ):
        done = subprocess.run(
            [programs / "seeklet", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert f'not installed here: pip install "seeklet[{extra}]"' in done.stderr
        assert done.stderr.count("\n") == 1


def test_with_export_a_corpus_becomes_an_artifact(sdist: Path, tmp_path: Path) -> None:
    programs = new_environment(tmp_path / "export", f"{sdist}[export]")
    (tmp_path / "papers.csv").write_text(PAPERS)
    command = ("export", "--corpus", "papers.csv", "--text", "title", "--id", "doi", "--out", "artifact")
    summary = run(programs / "seeklet", *command, cwd=tmp_path, SEEKLET_CACHE=str(tmp_path / "cache"))
    assert summary.startswith("artifact: done in ")
    answer = json.loads(run(programs / "seeklet", "query", QUERY, cwd=tmp_path))
    assert [result["id"] for result in answer["results"]] == ["10.1/storm", "10.1/bread"]
