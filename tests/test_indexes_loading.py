"""INDEXES: an index is loaded when it is asked for, shares its encoder, and is let go where memory is short."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fake_s3 import FakeS3
from indexed import Artifacts, found, loaded, right, send, serve
from releases import QUERY, make_releases, point, publish, upload
from tiny import make_model

from handler import indexes
from handler.artifact import ENCODER_FILES
from handler.errors import ArtifactError
from handler.function import Function
from handler.manifest import Manifest
from handler.searcher import Searcher


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Three artifacts of one model, and one, x, of another. Not to be changed."""
    folder = tmp_path_factory.mktemp("indexes")
    other = make_model(tmp_path_factory.mktemp("model") / "other", hidden=48)
    made = make_releases(folder, tiny_model, tiny_cache, "abc")
    return made | make_releases(folder, other, tiny_cache, "x")


@pytest.fixture
def function(artifacts: Artifacts) -> Function:
    """A function over three folders: news is a, faq is b, other is x."""
    return serve({"news": artifacts["a"], "faq": artifacts["b"], "other": artifacts["x"]})


def test_an_index_is_loaded_when_it_is_asked_for(function: Function) -> None:
    assert loaded(function) == ["news"]
    found(function, "/other/search")
    assert loaded(function) == ["news", "other"]


def test_requests_at_once_load_it_once(function: Function, artifacts: Artifacts) -> None:
    barrier, answers = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        answers.append(found(function, "/faq/search"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    searchers = set()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    searchers.add(id(function.source.current("faq").searcher))
    assert answers == [right(artifacts["b"])] * 8


def test_one_encoder_is_shared_where_the_model_is_the_same(function: Function) -> None:
    encoders = {name: function.source.current(name).searcher.encoder for name in ("news", "faq", "other")}
    assert encoders["news"] is encoders["faq"]
    assert encoders["news"] is not encoders["other"]


def size(artifact: Path, without: tuple[str, ...] = ()) -> int:
    manifest = Manifest.parse((artifact / "manifest.json").read_bytes(), "")
    return sum(entry.bytes for name, entry in manifest.files.items() if name not in without)


def test_the_one_that_was_used_longest_ago_is_let_go(
    artifacts: Artifacts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seeklet")
    places: dict[str, Path | str] = {
        "a": artifacts["a"],
        "b": artifacts["b"],
        "c": artifacts["c"],
        "x": artifacts["x"],
    }
    # Room for two of one model, which counts once, and for the one of the other model.
    room = size(artifacts["a"]) + size(artifacts["b"], without=ENCODER_FILES) + size(artifacts["x"])
    function = serve(places, MAX_INDEX_BYTES=str(room))
    for name in "abc":
        found(function, f"/{name}/search")
    assert loaded(function) == ["a", "b", "c"]
    found(function, "/b/search")
    watched = {name: weakref.ref(function.source.current(name).searcher) for name in "cb"}
    found(function, "/x/search")
    # c first, and that was enough; a was used before it, and is the default one.
    assert loaded(function) == ["a", "b", "x"]
    assert [watched[name]() is not None for name in "cb"] == [False, True]
    assert [text for text in caplog.messages if "let go" in text] == ["index c: let go, memory is needed"]
    # It is loaded again when it is asked for.
    assert found(function, "/c/search") == right(artifacts["c"])
    assert "c" in loaded(function)


def test_two_that_come_at_once_fit_too(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    places: dict[str, Path | str] = {name: artifacts[name] for name in "abx"}
    # Room for any one beside the default one.
    room = size(artifacts["a"]) + max(size(artifacts["b"], without=ENCODER_FILES), size(artifacts["x"]))
    function = serve(places, MAX_INDEX_BYTES=str(room))
    expected = [right(artifacts[name]) for name in "bx"]
    both = threading.Barrier(2, timeout=60)
    load = Searcher.load

    def load_together(*arguments: Any, **options: Any) -> Searcher:
        both.wait()
        return load(*arguments, **options)

    monkeypatch.setattr("handler.loading.Searcher.load", load_together)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(found, function, f"/{name}/search") for name in "bx"]
        assert [one.result() for one in asked] == expected
    assert loaded(function) in (["a", "b"], ["a", "x"])


def test_one_index_beside_the_default_one_is_always_loaded(artifacts: Artifacts) -> None:
    places: dict[str, Path | str] = {name: artifacts[name] for name in "abx"}
    function = serve(places, MAX_INDEX_BYTES="1")
    for name in ("b", "x", "b"):
        assert found(function, f"/{name}/search") == right(artifacts[name])
        assert loaded(function) == ["a", name]


def test_an_index_that_can_not_be_loaded_doesnt_disturb_the_others(
    artifacts: Artifacts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    late = tmp_path / "late"
    function = serve({"news": artifacts["a"], "late": late})
    status, answer, headers = send(function, "POST", "/late/search", {"query": QUERY})
    assert (status, answer["code"], headers["retry-after"]) == (503, "index_unavailable", "1")
    assert "it is tried again in 1 s" in answer["detail"]
    assert str(tmp_path) not in answer["detail"]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert f"index late can't be loaded: there is no artifact folder {late}" in errors[0]
    assert found(function, "/news/search") == right(artifacts["a"])


def test_an_index_that_can_not_be_loaded_is_tried_less_and_less_often(
    artifacts: Artifacts, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("handler.backoff.monotonic", lambda: now[0])
    late = tmp_path / "late"
    function = serve({"news": artifacts["a"], "late": late})
    tried_at: list[float] = []
    for _ in range(130):
        caplog.clear()
        status, _, headers = send(function, "POST", "/late/search", {"query": QUERY})
        assert status == 503
        if caplog.records:
            tried_at.append(now[0] - 1000)
        else:
            # Who waits as long as the answer says finds that it is tried.
            assert now[0] + int(headers["retry-after"]) - 1000 in (1, 3, 7, 15, 31, 61, 91, 121, 151)
        now[0] += 1
    assert tried_at == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    late.symlink_to(artifacts["b"])
    now[0] += 30
    assert found(function, "/late/search") == right(artifacts["b"])


def waiting(threads: list[threading.Thread]) -> int:
    """How many of some threads wait within indexes.py."""
    frames = sys._current_frames()
    tops = [frames.get(thread.ident or 0) for thread in threads]
    return sum(top is not None and top.f_code.co_filename == indexes.__file__ for top in tops)


def test_requests_at_once_fail_once(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    function = serve({"news": artifacts["a"], "faq": artifacts["b"]})
    begun, let_go, loads, answers = threading.Event(), threading.Event(), [], []

    def fail(*arguments: Any, **options: Any) -> Searcher:
        loads.append(arguments)
        begun.set()
        let_go.wait(60)
        raise ArtifactError("S3 is silent")

    def ask() -> None:
        answers.append(send(function, "POST", "/faq/search", {"query": QUERY})[0])

    with monkeypatch.context() as patched:
        patched.setattr("handler.loading.Searcher.load", fail)
        # However long a thread takes to go on, it is too early for the next try.
        patched.setattr("handler.backoff.monotonic", lambda: 1000.0)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        threads[0].start()
        begun.wait()
        for thread in threads[1:]:
            thread.start()
        seen = 0
        while seen < 20:
            seen = seen + 1 if waiting(threads) == 3 else 0
            time.sleep(0.002)
        let_go.set()
        for thread in threads:
            thread.join()
    # Each would have waited for a load of its own.
    assert (answers, len(loads)) == ([503] * 4, 1)
    monkeypatch.setattr("handler.backoff.monotonic", lambda: 1001.0)
    assert found(function, "/faq/search") == right(artifacts["b"])


def test_an_index_that_has_failed_holds_one_thread_alone(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = serve({"news": artifacts["a"], "faq": artifacts["b"]})
    begun, let_go = threading.Event(), threading.Event()

    def fail(*_arguments: Any, **_options: Any) -> Searcher:
        raise ArtifactError("S3 is silent")

    def be_slow(*_arguments: Any, **_options: Any) -> Searcher:
        begun.set()
        let_go.wait(60)
        raise ArtifactError("S3 is silent")

    def ask() -> int:
        return int(send(function, "POST", "/faq/search", {"query": QUERY})[0])

    monkeypatch.setattr("handler.loading.Searcher.load", fail)
    monkeypatch.setattr("handler.backoff.monotonic", lambda: 1000.0)
    assert ask() == 503
    monkeypatch.setattr("handler.backoff.monotonic", lambda: 1001.0)
    monkeypatch.setattr("handler.loading.Searcher.load", be_slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask)
        assert begun.wait(60)
        # It would wait as long as the first one does, and nobody lets that one go.
        assert ask() == 503
        assert not first.done()
        let_go.set()
        assert first.result() == 503


def test_its_line_names_an_index_that_can_not_be_loaded(
    artifacts: Artifacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    function = serve({"news": artifacts["a"], "late": tmp_path / "late"}, LOG_REQUESTS="on")
    paths = {"/late/search": "late", "/news/search": "news", "/secret/search": "", "/search": ""}
    statuses = [send(function, "POST", path, {"query": QUERY})[0] for path in paths]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert statuses == [line["status"] for line in lines] == [503, 200, 404, 200]
    # What isn't an index's name is a caller's text.
    assert [line["index"] for line in lines] == [*paths.values()]


def test_a_default_that_can_not_be_loaded_stops_the_start(artifacts: Artifacts) -> None:
    with pytest.raises(ArtifactError, match="there is no artifact folder /nowhere/a"):
        serve({"news": "/nowhere/a", "faq": artifacts["b"]})


# --- on S3


def test_folders_and_pointers_on_s3(
    s3: FakeS3, artifacts: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    s3.objects.clear()
    publish(s3, artifacts["a"])
    for path in artifacts["b"].iterdir():
        s3.objects[f"faq/v1/{path.name}"] = path.read_bytes()
    function = serve({"news": "s3://bucket/search/current", "faq": "s3://bucket/faq/v1"}, REFRESH_SECONDS="1")
    assert found(function, "/news/search") == right(artifacts["a"])
    assert found(function, "/faq/search") == right(artifacts["b"])
    assert function.source.current("faq").release is None

    release = publish(s3, artifacts["c"])
    function.resume()
    assert function({"source": "aws.events"})["status"] == "warm"
    assert found(function, "/news/search") == right(artifacts["c"])
    assert found(function, "/faq/search") == right(artifacts["b"])
    (news, _) = send(function, "GET", "/indexes")[1]["indexes"]
    assert (news["release"], news["documents"]) == (release.id, 12)
    assert len(list(tmp_path.iterdir())) == 2

    # A bad release of one index is refused there, and a missing one is told.
    point(s3, upload(s3, artifacts["x"], damaged="documents.jsonl"))
    function.resume()
    function({"source": "aws.events"})
    assert found(function, "/news/search") == right(artifacts["c"])
