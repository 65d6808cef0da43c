"""INDEXES: several artifacts in one function, loaded when they are asked for, and let go where memory is short."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from indexed import Artifacts, found, loaded, right, send, serve
from releases import QUERY, make_releases
from tiny import make_model

from handler.errors import ArtifactError, SettingsError
from handler.folders import Folders
from handler.function import Function
from handler.memory import available_bytes
from handler.searcher import Searcher
from handler.settings import Settings


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


def test_each_index_answers_at_its_path(function: Function, artifacts: Artifacts) -> None:
    for name, artifact in (("news", "a"), ("faq", "b"), ("other", "x")):
        assert found(function, f"/{name}/search") == right(artifacts[artifact])
        # Every route is there, as of a function over that artifact alone.
        alone = Function(function.settings, Searcher.load(artifacts[artifact]))
        for method, path, body in (
            ("GET", "/search", ""),
            ("GET", "/health", ""),
            ("GET", "/ready", ""),
            ("GET", "/info", ""),
            ("GET", f"/documents/{artifact}-3", ""),
            ("POST", "/documents", {"indexes": [0, 1]}),
            ("POST", "/similar", {"text": QUERY}),
            ("POST", "/embed", {"inputs": QUERY}),
            ("POST", "/v1/embeddings", {"input": QUERY, "model": "any"}),
            ("GET", "/v1/models", ""),
            ("POST", "/v1/vector_stores/any/search", {"query": QUERY}),
            ("GET", "/map/points", ""),
            ("GET", "/", ""),
            ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
            ("POST", "/similar", {"text": ""}),
            ("PUT", "/search", ""),
            ("GET", "/nowhere", ""),
        ):
            query = "q=storms" if (method, path) == ("GET", "/search") else ""
            status, answer, headers = send(function, method, f"/{name}{path}", body, query)
            expected = send(alone, method, path, body, query)
            if path == "/nowhere":
                assert (status, expected[0]) == (404, 404)
            else:
                assert (status, answer, headers.get("etag")) == (*expected[:2], expected[2].get("etag"))


def test_without_a_name_the_first_one_answers_or_the_artifact_of_its_own(artifacts: Artifacts) -> None:
    places: dict[str, Path | str] = {"news": artifacts["a"], "faq": artifacts["b"]}
    assert found(serve(places), "/search") == right(artifacts["a"])
    listed = send(serve(places), "GET", "/indexes")[1]["indexes"]
    assert [(one["name"], one["default"], one["loaded"], one["documents"]) for one in listed] == [
        ("news", True, True, 12),
        ("faq", False, False, None),
    ]
    own = serve(places, ARTIFACT_DIR=str(artifacts["c"]))
    assert found(own, "/search") == right(artifacts["c"])
    assert [one["default"] for one in send(own, "GET", "/indexes")[1]["indexes"]] == [False, False]
    assert loaded(own) == []


def test_folders_need_no_place_for_what_is_fetched(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", fail)
    assert found(serve({"news": artifacts["a"], "faq": artifacts["b"]}), "/faq/search") == right(
        artifacts["b"]
    )
    with pytest.raises(ArtifactError, match="nothing can be fetched: No usable temporary directory"):
        _ = Folders().parent


def test_a_function_over_one_artifact_lists_none(artifacts: Artifacts) -> None:
    function = Function(Settings.from_env({}), Searcher.load(artifacts["a"]))
    assert send(function, "GET", "/indexes")[:2] == (200, {"indexes": []})
    assert send(function, "POST", "/news/search", {"query": QUERY})[1]["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/nowhere/search", 404, "no_index"),
        ("GET", "/nowhere/health", 404, "no_index"),
        ("GET", "/nowhere/documents/a/b", 404, "no_index"),
        ("PUT", "/nowhere/search", 405, "method_not_allowed"),
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/nowhere/else", 404, "not_found"),
        ("GET", "/news/openapi.json", 404, "not_found"),
        ("GET", "/news/news/health", 404, "not_found"),
        ("POST", "/NEWS/search", 404, "no_index"),
    ],
)
def test_a_wrong_path_is_told(function: Function, method: str, path: str, status: int, code: str) -> None:
    answered, answer, _ = send(function, method, path)
    assert (answered, answer["code"]) == (status, code)
    if code == "no_index":
        assert "there are news, faq, other" in answer["detail"]


def test_a_name_alone_leads_to_its_page(function: Function) -> None:
    status, _, headers = send(function, "GET", "/news", query="q=storms")
    assert (status, headers["location"]) == (308, "news/?q=storms")
    status, _, headers = send(function, "GET", "/news/", query="q=storms")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_key_is_asked_for_before_anything_is_loaded(artifacts: Artifacts) -> None:
    function = serve({"news": artifacts["a"], "faq": artifacts["b"]}, API_KEY="secret")
    assert send(function, "POST", "/faq/search", {"query": QUERY})[0] == 403
    assert send(function, "GET", "/faq/")[0] == 200
    assert send(function, "GET", "/indexes")[0] == 403
    listed = send(function, "GET", "/indexes", **{"x-api-key": "secret"})[1]["indexes"]
    # The page is the same for all, and it loads no index.
    assert [one["name"] for one in listed] == ["news", "faq"]


def test_without_a_key_nobody_learns_which_indexes_there_are(artifacts: Artifacts) -> None:
    function = serve({"news": artifacts["a"], "faq": artifacts["b"]}, API_KEY="secret")
    for path in ("", "/", "/map", "/health", "/search", "/documents/a", "/map/points"):
        there, nowhere = (send(function, "GET", f"/{name}{path}") for name in ("faq", "nowhere"))
        assert there[:2] == nowhere[:2]
        assert there[0] == (200 if path in ("/", "/map") else 403)
    listed = send(function, "GET", "/indexes", **{"x-api-key": "secret"})[1]["indexes"]
    assert [one["loaded"] for one in listed] == [True, False]
    status, _, headers = send(function, "GET", "/faq", **{"x-api-key": "secret"})
    assert (status, headers["location"]) == (308, "faq/")


def test_direct_events_name_an_index(function: Function, artifacts: Artifacts) -> None:
    for event in (
        {"index": "faq", "query": QUERY, "k": 5},
        {"index": "faq", "text": QUERY, "mode": "hybrid"},
    ):
        assert [hit["id"] for hit in function(event)["results"]] == right(artifacts["b"])
    assert [hit["id"] for hit in function({"query": QUERY, "k": 5})["results"]] == right(artifacts["a"])
    for name in ("nowhere", "documents", "../a", 5, None, ["faq"]):
        error = function({"index": name, "query": QUERY})
        assert (error["code"], error["field"], error["status"]) == ("no_index", "index", 404)
        error = function({"index": name, "text": QUERY})["error"]
        assert (error["code"], error["field"]) == ("no_index", "index")
    alone = Function(Settings.from_env({}), Searcher.load(artifacts["a"]))
    assert alone({"index": "faq", "query": QUERY})["code"] == "invalid_request"


def test_fastapi_gives_the_same_answers(function: Function, artifacts: Artifacts) -> None:
    other = Function(function.settings, source=function.source, direct=False)
    assert found(other, "/faq/search") == right(artifacts["b"])
    assert send(other, "POST", "/nowhere/search")[1]["code"] == "no_index"
    assert send(other, "GET", "/openapi.json")[0] == 200


# --- the settings


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("news", "INDEXES has 'news': write name="),
        ("news=", "INDEXES has 'news=': write name="),
        ("News=a", "INDEXES has 'News=a': write name="),
        ("-news=a", "INDEXES has '-news=a': write name="),
        ("a/b=c", "INDEXES has 'a/b=c': write name="),
        ("n" * 64 + "=a", "INDEXES has 'nnn"),
        ("news=a,news=b", "INDEXES names 'news' twice"),
        ("news=s3://b//c", "INDEXES has 's3://b//c', which is not s3://bucket/prefix"),
    ],
)
def test_a_value_that_names_no_indexes(value: str, told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env({"INDEXES": value})
    assert told in str(raised.value)


def test_a_value_that_names_some() -> None:
    settings = Settings.from_env({"INDEXES": " news=s3://bucket/a/current/ , faq=/opt/faq,"})
    assert [tuple(place) for place in settings.indexes] == [
        ("news", "s3://bucket/a/current"),
        ("faq", "/opt/faq"),
    ]
    assert Settings.from_env({}).indexes == ()
    assert Settings.from_env({}).max_index_bytes is None
    assert Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}).max_index_bytes == 2**29


@pytest.mark.parametrize("name", ["search", "documents", "v1", "mcp", "map", "docs", "indexes", "health"])
def test_a_routes_name_is_no_index(name: str, artifacts: Artifacts) -> None:
    with pytest.raises(SettingsError, match=f"INDEXES has the name '{name}', which is a route's"):
        serve({name: artifacts["a"]})


def test_the_memory_is_the_containers_where_that_is_less(tmp_path: Path) -> None:
    machine = available_bytes([])
    assert machine > 2**20
    wanted: Callable[[str], int] = lambda text: available_bytes([_written(tmp_path / "limit", text)])  # noqa: E731
    assert wanted("1048576\n") == 2**20
    assert wanted("max\n") == machine
    assert wanted(str(2**63)) == machine
    assert available_bytes([tmp_path / "nowhere"]) == machine


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
