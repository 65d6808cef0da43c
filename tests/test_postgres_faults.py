"""A published corpus while its database fails: each request gets the right answer or a clear 503, and nothing else."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from database_proxy import Proxy
from database_search import publish_artifact
from http_events import post
from postgres import Postgres, postgres
from texts import TEXTS

from handler.errors import ArtifactError, UnavailableError
from handler.function import Function
from handler.postgres.address import parse_address
from handler.settings import Settings

pytestmark = pytest.mark.scale

QUERIES = [text.text for text in TEXTS[:6]]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture(scope="module")
def published(tiny_artifact: Path, server: Postgres) -> Path:
    """The artifact, which is published too."""
    publish_artifact(tiny_artifact, server.uri)
    return tiny_artifact


@pytest.fixture
def proxy(server: Postgres) -> Iterator[Proxy]:
    with (
        TemporaryDirectory(prefix="seeklet-proxy-") as folder,
        Proxy(Path(folder), Path(server.socket)) as made,
    ):
        yield made


Load = Callable[..., Function]


@pytest.fixture
def load(published: Path) -> Load:
    """Loads a function over the database at an address."""

    def make(uri: str, **variables: str) -> Function:
        given = {"ARTIFACT_DIR": str(published), "INDEX_URI": uri, "INDEX_TIMEOUT_MS": "1000", **variables}
        return Function.load(Settings.from_env(given))

    return make


def ask(function: Function, query: str, **more: Any) -> tuple[int, Any]:
    return post(function, json.dumps({"query": query, "k": 5, **more}), "/search")


def refused(answer: tuple[int, Any], *codes: str) -> bool:
    """Whether it is a 503 with one of these codes, whose text tells nothing of the inside."""
    status, problem = answer
    assert status == 503, answer
    assert problem["code"] in codes, problem
    assert "postgres" not in problem["detail"]
    return True


@pytest.fixture
def right(published: Path) -> dict[str, Any]:
    """The answers of the artifact's own files."""
    function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(published)}))
    return {query: ask(function, query)[1] for query in QUERIES}


def test_stopped_and_started(server: Postgres, load: Load, right: dict[str, Any]) -> None:
    function = load(server.uri)
    assert ask(function, QUERIES[0]) == (200, right[QUERIES[0]])
    for mode in ("fast", "immediate"):
        server.stop(mode)
        try:
            assert refused(ask(function, QUERIES[0]), "index_unavailable")
            assert refused(ask(function, QUERIES[1]), "index_unavailable")
            assert function({"source": "aws.events"}, None)["error"]["code"] == "index_unavailable"
        finally:
            server.start()
        assert ask(function, QUERIES[1]) == (200, right[QUERIES[1]])


def test_restarted_between_two_events(server: Postgres, load: Load, right: dict[str, Any]) -> None:
    function = load(server.uri)
    assert ask(function, QUERIES[0])[0] == 200
    server.stop()
    server.start()
    assert ask(function, QUERIES[0]) == (200, right[QUERIES[0]])


def test_a_start_while_the_database_is_away(server: Postgres, load: Load, right: dict[str, Any]) -> None:
    server.stop()
    try:
        function = load(server.uri)
        assert refused(ask(function, QUERIES[0]), "index_unavailable")
    finally:
        server.start()
    assert ask(function, QUERIES[0]) == (200, right[QUERIES[0]])


def test_slow(server: Postgres, load: Load, right: dict[str, Any]) -> None:
    """A table that is locked is waited for, but only so long."""
    function = load(server.uri, INDEX_TIMEOUT_MS="300")
    assert ask(function, QUERIES[0])[0] == 200
    (release,) = {row[0] for row in server.run("SELECT release FROM seeklet.release")}
    locker = server.connect()
    try:
        locker.run("BEGIN")
        locker.run(f"LOCK TABLE seeklet_{release}.rows IN ACCESS EXCLUSIVE MODE")
        assert refused(ask(function, QUERIES[0]), "index_timeout")
        locker.run("ROLLBACK")
    finally:
        locker.close()
    assert ask(function, QUERIES[0]) == (200, right[QUERIES[0]])


def test_silent(proxy: Proxy, load: Load, right: dict[str, Any]) -> None:
    """A network that swallows the answers is waited for, but only so long; a late answer is never taken for another's."""
    function = load(proxy.uri, INDEX_TIMEOUT_MS="200")
    assert ask(function, QUERIES[0])[0] == 200
    proxy.silent = True
    assert refused(ask(function, QUERIES[1]), "index_timeout")
    proxy.silent = False
    assert ask(function, QUERIES[2]) == (200, right[QUERIES[2]])


def test_cut_at_any_byte_of_an_answer(proxy: Proxy, load: Load, right: dict[str, Any]) -> None:
    function = load(proxy.uri)
    chooser = random.Random(5)
    kept = lost = 0
    for _ in range(150):
        query = chooser.choice(QUERIES)
        proxy.cut_after = chooser.randrange(1, 12_000)
        before = proxy.accepted
        status, answer = ask(function, query)
        assert (status, answer) == (200, right[query]) or refused((status, answer), "index_unavailable")
        kept += status == 200
        lost += proxy.accepted > before
    # It is sent again on a new connection, so that few requests fail.
    assert lost > 20
    assert kept > 140


def test_cut_while_it_waits(proxy: Proxy, load: Load, right: dict[str, Any]) -> None:
    """A connection that ends in the middle of a statement, again and again."""
    function = load(proxy.uri)
    proxy.delay = 0.01
    ends = threading.Event()

    def cut() -> None:
        while not ends.wait(0.06):
            proxy.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        answers = [(query, *ask(function, query)) for query in QUERIES * 8]
    finally:
        ends.set()
        cutter.join()
    for query, status, answer in answers:
        assert (status, answer) == (200, right[query]) or refused((status, answer), "index_unavailable")
    proxy.delay = 0
    assert ask(function, QUERIES[0]) == (200, right[QUERIES[0]])


def test_no_connection_is_left(server: Postgres, load: Load) -> None:
    server.run("ALTER ROLE postgres CONNECTION LIMIT -1", "CREATE ROLE reader LOGIN CONNECTION LIMIT 0")
    grant(server)
    assert refused(ask(load(server.uri.replace("postgres@", "reader@")), QUERIES[0]), "index_full")
    server.run("ALTER ROLE reader CONNECTION LIMIT 5")
    assert ask(load(server.uri.replace("postgres@", "reader@")), QUERIES[0])[0] == 200


@pytest.mark.parametrize(
    ("user", "database", "told"),
    [
        ("postgres", "nowhere", 'database "nowhere" does not exist: mend INDEX_URI'),
        ("nobody", "postgres", 'role "nobody" does not exist: mend INDEX_URI'),
        ("outsider", "postgres", "permission denied for schema seeklet: mend INDEX_URI or the role's rights"),
    ],
)
def test_a_start_that_the_database_refuses_ends(
    server: Postgres, load: Load, user: str, database: str, told: str
) -> None:
    if user == "outsider":
        server.run("CREATE ROLE outsider LOGIN")
    with pytest.raises(UnavailableError, match=told) as refusal:
        load(server.uri_of(database).replace("postgres@", f"{user}@"))
    assert refusal.value.code == "index_refused"


def test_a_pooler_is_refused(load: Load, proxy: Proxy, tiny_artifact: Path) -> None:
    """It may give each statement another session, which has other settings and another client's prepared statements."""
    from pg8000 import exceptions

    from handler.postgres.faults import to_fault

    proxy.without_options = True
    for use in (lambda: load(proxy.uri), lambda: publish_artifact(tiny_artifact, proxy.uri)):
        with pytest.raises(
            UnavailableError, match=r"is a pooler .*: give the server's own address"
        ) as refusal:
            use()
        assert refusal.value.code == "index_refused"
    # PgBouncer's own refusal, as it is set up at first.
    said = {"C": "08P01", "M": "unsupported startup parameter: options"}
    fault = to_fault(parse_address(proxy.uri), exceptions.DatabaseError(said))
    assert (fault.code, fault.state) == ("index_refused", "08P01")
    assert "give the server's own address" in str(fault)


def test_rights_that_are_taken_away(server: Postgres, load: Load, right: dict[str, Any]) -> None:
    server.run("CREATE ROLE guest LOGIN")
    grant(server, "guest")
    function = load(server.uri.replace("postgres@", "guest@"))
    assert ask(function, QUERIES[0]) == (200, right[QUERIES[0]])
    (release,) = {row[0] for row in server.run("SELECT release FROM seeklet.release")}
    server.run(f"REVOKE SELECT ON seeklet_{release}.rows FROM guest")
    assert refused(ask(function, QUERIES[0]), "index_refused")


def test_a_new_release_that_may_not_be_read(
    server: Postgres, load: Load, tiny_export: Callable[..., Any], tmp_path: Path
) -> None:
    """It isn't taken, and the old one goes on; published once more with the reader, it is."""
    server.run("CREATE ROLE limited LOGIN")
    releases = []
    for place, reader in enumerate(("limited", None)):
        (tmp_path / f"{place}.txt").write_text("\n".join(f"{word} {place}" for word in QUERIES))
        tiny_export(tmp_path / f"{place}.txt", tmp_path / f"a{place}")
        releases.append(
            publish_artifact(tmp_path / f"a{place}", server.uri, "limited_to", reader=reader).release
        )
        if place == 0:
            uri = server.uri.replace("postgres@", "limited@")
            variables = {"INDEX_NAME": "limited_to", "REFRESH_SECONDS": "1"}
            function = load(uri, ARTIFACT_DIR=str(tmp_path / "a0"), **variables)
            _, right = ask(function, QUERIES[0])
    for _ in range(2):
        time.sleep(1.1)
        assert ask(function, QUERIES[0]) == (200, right)
    release = post(function, "", "/info", "GET")[1]["release"]
    assert (release["id"], release["refused"]["id"]) == tuple(releases)
    # A start has no old one.
    with pytest.raises(ArtifactError, match=f"limited may not read limited_to_{releases[1]}"):
        load(uri, ARTIFACT_DIR=str(tmp_path / "a0"), **variables)
    publish_artifact(tmp_path / "a1", server.uri, "limited_to", reader="limited")
    time.sleep(1.1)
    assert post(function, "", "/info", "GET")[1]["release"]["id"] == releases[1]
    assert ask(function, QUERIES[0])[0] == 200


def test_views_that_are_gone(server: Postgres, load: Load, published: Path, right: dict[str, Any]) -> None:
    """The tables of the release are there, so it goes on."""
    publish_artifact(published, server.uri, "viewless")
    function = load(server.uri, INDEX_NAME="viewless", REFRESH_SECONDS="1")
    server.run("DROP SCHEMA viewless CASCADE")
    for query in QUERIES[:3]:
        time.sleep(1.1)
        for _ in range(2):
            assert ask(function, query) == (200, right[query])
    publish_artifact(published, server.uri, "viewless")
    time.sleep(1.1)
    assert ask(function, QUERIES[0]) == (200, right[QUERIES[0]])


def grant(server: Postgres, role: str = "reader") -> None:
    (release,) = {row[0] for row in server.run("SELECT release FROM seeklet.release")}
    for schema in ("seeklet", f"seeklet_{release}"):
        server.run(
            f"GRANT USAGE ON SCHEMA {schema} TO {role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        )


def test_a_full_disk(server: Postgres, load: Load) -> None:
    """A statement that must write more than there is room for."""
    function = load(server.uri)
    assert ask(function, QUERIES[0])[0] == 200
    connection = function.searcher.engine._tables._connection  # type: ignore[attr-defined]
    connection.run("SELECT set_config('temp_file_limit', '0', false), set_config('work_mem', '64kB', false)")
    with pytest.raises(Exception, match="temp_file_limit") as caught:
        connection.read("SELECT * FROM generate_series(1, 100000) AS n ORDER BY n DESC")
    assert caught.value.code == "index_full"  # type: ignore[attr-defined]
    assert ask(function, QUERIES[0])[0] == 200


def test_the_release_moves_under_load(
    server: Postgres, load: Load, tiny_export: Callable[..., Any], tmp_path: Path, published: Path
) -> None:
    """Every answer is of one release; a release that was dropped costs one request, which says so."""
    texts = [[f"{word} {text}" for text in QUERIES] for word in ("red", "green", "blue")]
    releases = []
    for place, lines in enumerate(texts):
        (tmp_path / f"{place}.txt").write_text("\n".join(lines))
        tiny_export(tmp_path / f"{place}.txt", tmp_path / f"a{place}")
        releases.append(publish_artifact(tmp_path / f"a{place}", server.uri, "moving").release)
    function = load(server.uri, INDEX_NAME="moving", REFRESH_SECONDS="1", ARTIFACT_DIR=str(tmp_path / "a0"))
    ends, answers = threading.Event(), []

    def keep_asking() -> None:
        while not ends.is_set():
            answers.append(ask(function, "storm"))

    asking = [threading.Thread(target=keep_asking) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for place in (0, 1, 2, 0):
            publish_artifact(tmp_path / f"a{place}", server.uri, "moving")
            time.sleep(1.3)
        for old in releases[1:]:
            server.run(f"DROP SCHEMA moving_{old} CASCADE")
    finally:
        ends.set()
        for thread in asking:
            thread.join()
    seen = set()
    for status, answer in answers:
        if status != 200:
            assert refused((status, answer), "index_moved")
            continue
        (color,) = {result["text"].split()[0] for result in answer["results"]}
        seen.add(color)
    assert seen == {"red", "green", "blue"}
    assert sum(status != 200 for status, _ in answers) <= 4
