"""Before a SnapStart snapshot the function answers once; elsewhere it knows nothing of SnapStart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lambda_tools import ROOT, SAM_VENV

from handler.errors import SeekletError
from handler.function import Function
from handler.settings import Settings
from handler.snapstart import prime, prime_before_snapshot

# As snapshot-restore-py 1.0.0 keeps what is registered; the real one runs in the tests marked aws.
STAND_IN = """
registry = []
def register_before_snapshot(function, *arguments, **named):
    registry.append((function, arguments, named))
    return function
def get_before_snapshot():
    return registry
"""
# What awslambdaric's lambda_runtime_hooks_runner does, told what was asked of the function meanwhile.
PROBE = """
import json, sys
import handler.app as app
from snapshot_restore_py import get_before_snapshot
report = {"queries": [], "loaded": "fastapi" in sys.modules, "hooks": len(get_before_snapshot())}
search = app.handler.searcher.search
def spy(query, *more, **named):
    hits = search(query, *more, **named)
    report["queries"].append([query, len(hits), *more[1:2]])
    return hits
app.handler.searcher.search = spy
hooks = get_before_snapshot()
while hooks:
    function, arguments, named = hooks.pop()
    report["shown"] = repr((function, arguments, named))
    function(*arguments, **named)
report["primed"] = "fastapi" in sys.modules
report["tokenizers"] = "tokenizers" in sys.modules
print(json.dumps(report))
"""


def run_probe(artifact: Path, packages: Path | None, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), *([str(packages)] if packages else [])])
    return subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "ARTIFACT_DIR": str(artifact), **variables},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with the stand-in as snapshot_restore_py."""
    (tmp_path / "snapshot_restore_py.py").write_text(STAND_IN)
    return tmp_path


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A folder with .venv-sam's snapshot_restore_py, and nothing else of it."""
    found = next(SAM_VENV.glob("lib/python*/site-packages/snapshot_restore_py.py"), None)
    if found is None:
        pytest.skip("needs snapshot-restore-py in .venv-sam: make sam-setup")
    (tmp_path / "snapshot_restore_py.py").write_bytes(found.read_bytes())
    return tmp_path


@pytest.mark.parametrize("packages", ["stand_in", pytest.param("real", marks=pytest.mark.aws)])
def test_the_hook_makes_a_search(packages: str, artifact: Path, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(packages)
    done = run_probe(
        artifact, folder, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start", API_KEY="k3y-of-the-test!"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["hooks"] == 1
    (query, hits, mode), other, again = report["queries"]
    assert query.isascii()
    assert (hits, mode) == (1, "semantic")
    # The tokenizers package is imported for a text that isn't ASCII, so it is in the snapshot too.
    assert not other[0].isascii()
    assert report["tokenizers"]
    # The second search, in the artifact's own mode, brings the keywords into the snapshot.
    assert again == [query, 1]
    assert (report["loaded"], report["primed"]) == (False, True)
    assert "k3y" not in report["shown"]


@pytest.mark.parametrize("limit", [{"MAX_RESULTS": "1"}, {"MAX_RESPONSE_BYTES": "200"}], ids=str)
def test_a_function_whose_limits_refuse_a_request_is_published(
    limit: dict[str, str], artifact: Path, stand_in: Path
) -> None:
    done = run_probe(artifact, stand_in, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start", **limit)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["queries"]


def test_nothing_is_registered_without_snapstart(artifact: Path, stand_in: Path) -> None:
    for kind in ("on-demand", "provisioned-concurrency"):
        done = run_probe(artifact, stand_in, AWS_LAMBDA_INITIALIZATION_TYPE=kind)
        assert json.loads(done.stdout)["hooks"] == 0


def test_without_the_package_it_starts_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    resumed: list[bool] = []
    prime_before_snapshot(lambda event, context: {}, Settings.from_env({}), lambda: resumed.append(True))
    assert resumed == [True]
    assert "snapshot_restore_py" in caplog.text


def test_a_function_that_can_not_answer_is_not_published() -> None:
    def fail(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"statusCode": 500, "body": "a defect"}

    def fail_pings(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"statusCode": 200} if "requestContext" in event else {"error": {"code": "internal_error"}}

    with pytest.raises(SeekletError, match=r"POST /similar .* 500: a defect"):
        prime(fail, Settings.from_env({}), lambda: None)
    with pytest.raises(SeekletError, match="internal_error"):
        prime(fail_pings, Settings.from_env({}), lambda: None)


@pytest.mark.parametrize(
    "variables",
    [
        {"MAX_RESULTS": "1"},
        {"MAX_RESULTS": "4", "MAX_BATCH": "1"},
        {"MAX_TEXT_LENGTH": "1"},
        {"MAX_BODY_BYTES": "5"},
    ],
)
def test_small_limits_are_no_reason_not_to_publish(artifact: Path, variables: dict[str, str]) -> None:
    function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(artifact), **variables}))
    resumed: list[bool] = []
    prime(function, function.settings, lambda: resumed.append(True))
    assert resumed == [True]
