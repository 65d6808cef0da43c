"""Promises of the documents that no other test keeps. docs/reliability.md has the table of all."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answering import AnsweringServer, answering_server
from command import run_seeklet
from filter_oracle import open_columns
from http_events import make_event
from lambda_tools import ROOT

from handler.columns import COUNTED
from handler.encoder import Encoder
from handler.function import Function
from handler.searcher import Searcher
from seeklet import RemoteSearcher, SeekletError

# They hold no promise of their own.
NO_PROMISES = {"benchmarks.md", "glossary.md", "index.md", "licences.md", "promises.md", "reliability.md"}
CODE = [
    path for room in ("handler", "export", "seeklet", "layers", "dev") for path in (ROOT / room).rglob("*.py")
]


def get(function: Function, path: str, query: str = "", **headers: str) -> dict[str, Any]:
    event = make_event("GET", path, rawQueryString=query)
    event["headers"] |= headers
    return function(event)


@pytest.fixture
def searching(function: Function, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is embedded and searched for from now on."""
    done: list[str] = []
    search, encode = Searcher.answer, Encoder.encode

    def searched(self: Searcher, *args: Any, **named: Any) -> Any:
        done.append("search")
        return search(self, *args, **named)

    def encoded(self: Encoder, *args: Any, **named: Any) -> Any:
        done.append("encode")
        return encode(self, *args, **named)

    monkeypatch.setattr(Searcher, "answer", searched)
    monkeypatch.setattr(Encoder, "encode", encoded)
    return done


def test_health_does_no_work(function: Function, searching: list[str]) -> None:
    assert get(function, "/health")["statusCode"] == 200
    assert searching == []
    assert get(function, "/search", "q=storm")["statusCode"] == 200
    assert searching == ["search", "encode"]


def test_ready_is_503_where_a_search_finds_nothing(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get(function, "/ready")["statusCode"] == 200
    monkeypatch.setattr(Searcher, "search", lambda *_args, **_named: [])
    answered = get(function, "/ready")
    assert (answered["statusCode"], json.loads(answered["body"])["code"]) == (503, "not_ready")


def test_a_known_tag_is_answered_without_a_search(function: Function, searching: list[str]) -> None:
    etag = get(function, "/search", "q=storm")["headers"]["etag"]
    searching.clear()
    assert get(function, "/search", "q=storm", **{"if-none-match": etag})["statusCode"] == 304
    assert searching == []


def test_the_mode_keyword_runs_no_model(function: Function, searching: list[str]) -> None:
    assert get(function, "/search", "q=storm&mode=keyword")["statusCode"] == 200
    assert searching == ["search"]


def test_info_reads_the_manifest_alone(artifact: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "artifact"))
    for path in folder.iterdir():
        if path.name != "manifest.json":
            path.write_bytes(bytes(path.stat().st_size))
    done = run_seeklet("info", folder, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["count"] == json.loads((artifact / "manifest.json").read_text())["count"]


def test_facets_have_a_hundred_values_at_most(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"text {number}", "n": f"v{number}"}) for number in range(COUNTED + 1)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    columns, _ = open_columns(tmp_path, tmp_path / "corpus.jsonl", ["n"])
    assert columns is not None
    assert len(columns.counts("n", None)) == COUNTED == 100


@pytest.fixture
def failing() -> Iterator[AnsweringServer]:
    with answering_server() as server:
        server.answer(503, b"{}")
        yield server


def test_nothing_is_asked_twice(failing: AnsweringServer) -> None:
    with pytest.raises(SeekletError):
        RemoteSearcher(failing.url).search("a storm")
    assert len(failing.asked) == 1


def test_a_function_without_a_database_doesnt_import_its_client(artifact: Path) -> None:
    script = "import json, sys, handler.app; handler.app.handler(json.load(open(sys.argv[1])), None); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, "events/search.json"],
        cwd=ROOT,
        env={"ARTIFACT_DIR": str(artifact), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout.split()
    assert "handler.routes.search" in loaded
    assert not {"pg8000", "handler.postgres.engine", "botocore", "boto3", "fastapi"} & set(loaded)


def test_one_module_alone_reads_the_functions_environment() -> None:
    reading = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "handler").rglob("*.py")
        if re.search(r"os\.(environ\b|getenv)", path.read_text())
    }
    # The entry hands it to settings.py; the package itself sets one variable, before ONNX Runtime reads it.
    assert reading == {"handler/app.py", "handler/__init__.py"}


def test_no_module_has_more_than_250_lines() -> None:
    long = {str(path.relative_to(ROOT)): n for path in CODE if (n := path.read_text().count("\n")) > 250}
    assert not long


def test_nothing_is_unpickled() -> None:
    # torch's own reader of weights is asked for weights alone.
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"} & set(names), path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called, named = ast.unparse(node.func), {word.arg: word.value for word in node.keywords}
                if called == "torch.load":
                    assert ast.unparse(named["weights_only"]) == "True", path
                if called in ("np.load", "numpy.load"):
                    assert "allow_pickle" not in named or ast.unparse(named["allow_pickle"]) == "False", path


@pytest.mark.parametrize("name", ["reliability.md", "promises.md"])
def test_each_row_has_a_proof_that_is_there(name: str) -> None:
    page = (ROOT / "docs" / name).read_text()
    proofs = re.findall(r"tests/(\w+\.py)(?:::(\w+))?", page)
    assert len(proofs) > 50
    for module, test in proofs:
        source = (ROOT / "tests" / module).read_text()
        assert not test or re.search(rf"^def {test}\(", source, re.MULTILINE), f"{module}::{test}"
    # The figures of long runs come after the tables.
    for line in page.split("\n## What was run in full")[0].splitlines():
        if line.startswith("| ") and not line.endswith("| proof |"):
            assert re.search(r"tests/\w+\.py|`make [a-z-]+|`python -m|nobody can prove it", line), line


def test_every_document_has_its_promises_in_the_list() -> None:
    listed = re.findall(r"^## (.+)", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE)
    names = {name.strip() for line in listed for name in line.split(",")}
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} | {"README.md", "SECURITY.md"}
    assert pages - NO_PROMISES <= names
