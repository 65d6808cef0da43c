"""`seeklet publish`: releases side by side, what travels of a changed corpus, and what a user is told that is wrong."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documents import ROOT, read_blocks
from large_artifact import make_large, numbered
from postgres import Postgres, postgres
from published import check_contents, contents, current, release_of, run_publish, start_publish
from unsigned import unsigned

from handler.errors import SettingsError, UnavailableError
from handler.postgres.address import parse_address

pytestmark = pytest.mark.scale

COUNT = 3000
PAGE = ROOT / "docs" / "postgresql.md"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    server.run("DROP DATABASE IF EXISTS mine WITH (FORCE)", "CREATE DATABASE mine")
    yield "mine"
    server.run("DROP DATABASE mine WITH (FORCE)")


@pytest.fixture(scope="module")
def before(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_large(tiny_artifact, tmp_path_factory.mktemp("before") / "artifact", COUNT)


@pytest.fixture(scope="module")
def after(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same corpus with documents left out, added, moved and changed, and one twice but for its id."""
    return make_large(tiny_artifact, tmp_path_factory.mktemp("after") / "artifact", COUNT, line=changed)


def changed(place: int) -> dict[str, Any]:
    if place < 20:
        return {"id": f"new{place}", "text": f"storm {place}", "metadata": {}}
    if place % 500 == 0:
        return {"id": f"d{place}", "text": "another text", "metadata": {}}
    return numbered(COUNT - place)


CHANGED = 20 + (COUNT - 1) // 500


def schemas(server: Postgres, database: str) -> set[str]:
    rows = server.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'seeklet%'", database=database)
    return {row[0] for row in rows}


def test_of_a_changed_corpus_the_changes_travel_and_the_result_is_the_same(
    server: Postgres, database: str, before: Path, after: Path
) -> None:
    uri = server.uri_of(database)
    run_publish(uri, before)
    out, _ = run_publish(uri, after, "--changed")
    sent, megabytes = re.search(r"sent: ([\d,]+) documents, ([\d.]+) MB", out).groups()  # type: ignore[union-attr]
    assert int(sent) == CHANGED
    found = contents(server, database=database)
    check_contents(found, after)
    whole, _ = run_publish(uri, after, "--name", "whole")
    assert contents(server, "whole", database) == found
    sent, more = re.search(r"sent: ([\d,]+) documents, ([\d.]+) MB", whole).groups()  # type: ignore[union-attr]
    assert sent == f"{COUNT:,}"
    assert float(megabytes) < float(more) / 2
    # The keyword index is the same, so it was copied.
    assert out.splitlines()[1].endswith("of which 0.0 MB are the keywords'")
    # Nothing is left of the comparison.
    schema = f"seeklet_{release_of(after)}"
    tables = server.run(
        f"SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r'",
        database=database,
    )
    assert {table for (table,) in tables} == {"release", "documents", "rows", "words", "terms"}


def test_nothing_is_taken_over_from_another_recipe(
    server: Postgres, database: str, tiny_artifact: Path, before: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(before, other)
    text = (other / "manifest.json").read_text()
    recipe = re.search(r'"recipe_sha256": "(\w+)"', text).group(1)  # type: ignore[union-attr]
    fields = unsigned(json.loads(text.replace(recipe, recipe[::-1])))
    (other / "manifest.json").write_text(json.dumps(fields))
    uri = server.uri_of(database)
    run_publish(uri, before)
    out, err = run_publish(uri, other, "--changed")
    assert "all documents travel" in err
    assert f"sent: {COUNT:,} documents" in out
    check_contents(contents(server, database=database), other)


def test_a_release_that_has_lost_a_part_is_mended(
    server: Postgres, database: str, tiny_artifact: Path, before: Path
) -> None:
    uri, schema = server.uri_of(database), f"seeklet_{release_of(before)}"
    run_publish(uri, tiny_artifact)
    run_publish(uri, before)
    whole = contents(server, database=database)
    server.run(f"DROP INDEX {schema}.rows_embedding", "DROP VIEW seeklet.words", database=database)
    out, _ = run_publish(uri, before)
    assert "is up to date" in out
    assert server.run(f"SELECT to_regclass('{schema}.rows_embedding')", database=database) != [[None]]
    assert contents(server, database=database) == whole
    server.run("DROP EXTENSION vector CASCADE", database=database)
    _, err = run_publish(uri, "--rollback", status=2)
    assert f"release {release_of(tiny_artifact)} has lost its vectors" in err
    out, err = run_publish(uri, before)
    assert f"release {release_of(before)} has lost its vectors" in err
    assert "is current" in out
    assert contents(server, database=database) == whole


def test_a_role_that_may_not_move_the_views_is_refused_at_once(
    server: Postgres, database: str, tiny_artifact: Path, before: Path
) -> None:
    server.run("CREATE EXTENSION vector", "GRANT CREATE ON DATABASE mine TO PUBLIC", database=database)
    server.run("CREATE ROLE right_one LOGIN", "CREATE ROLE wrong_one LOGIN")
    right, wrong = (
        server.uri_of(database).replace("postgres@", f"{role}@") for role in ("right_one", "wrong_one")
    )
    run_publish(right, tiny_artifact)
    _, err = run_publish(wrong, before, status=2)
    assert "the schema seeklet belongs to right_one, and wrong_one may not change its views" in err
    assert schemas(server, database) == {"seeklet", f"seeklet_{release_of(tiny_artifact)}"}
    # What another role has left there doesn't hinder the right one.
    left = f"seeklet_{'0' * 16}"
    server.run(
        f"CREATE SCHEMA {left} AUTHORIZATION wrong_one",
        f"CREATE TABLE {left}.release (manifest text, layout text, published text)",
        database=database,
    )
    out, _ = run_publish(right, "--list")
    assert re.search(r"^0{16}  of another role .* belongs to wrong_one$", out, re.MULTILINE)
    assert "no old release" in run_publish(right, "--drop-old")[0]
    run_publish(right, before)
    run_publish(right, "--rollback")
    assert current(server, database=database)[0] == release_of(tiny_artifact)


def test_a_replica_takes_no_release(server: Postgres, database: str, tiny_artifact: Path) -> None:
    from export.publish.session import Session

    uri = server.uri_of(database)
    session = Session(parse_address(uri))
    session.run("BEGIN READ ONLY")
    with pytest.raises(UnavailableError, match="give the address of the server that takes writes"):
        session.run("CREATE SCHEMA other")
    session.close()
    # What is only a default is no replica.
    server.run(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    run_publish(uri, tiny_artifact)


def test_releases_are_listed_rolled_back_and_dropped(
    server: Postgres, database: str, tiny_artifact: Path, before: Path, after: Path
) -> None:
    uri = server.uri_of(database)
    assert run_publish(uri, "--list")[0] == "seeklet has no release\n"
    for artifact in (tiny_artifact, before, after):
        run_publish(uri, artifact)
    out, _ = run_publish(uri, "--list")
    _, *lines = out.splitlines()
    assert [line.split()[0] for line in lines] == [release_of(one) for one in (after, before, tiny_artifact)]
    assert [line.endswith("current") for line in lines] == [True, False, False]
    run_publish(uri, "--rollback")
    check_contents(contents(server, database=database), before)
    # A view whose columns are others takes the place of the one before.
    run_publish(uri, "--rollback")
    check_contents(contents(server, database=database), tiny_artifact)
    _, err = run_publish(uri, "--rollback", status=2)
    assert "no release before the current one" in err
    # What was published before is current at once.
    out, _ = run_publish(uri, after)
    assert "was there, and is current again" in out
    check_contents(contents(server, database=database), after)
    # An unfinished one is dropped too, but no schema that isn't a release.
    unfinished, foreign = "seeklet_0123456789abcdef", "seeklet_fedcba9876543210"
    server.run(
        f"CREATE SCHEMA {unfinished}",
        f"CREATE TABLE {unfinished}.release (LIKE seeklet_{release_of(after)}.release)",
        f"CREATE TABLE {unfinished}.loading ()",
        f"CREATE TABLE {unfinished}.rows (row int)",
        f"CREATE SCHEMA {foreign}",
        f"CREATE TABLE {foreign}.mine ()",
        database=database,
    )
    out, _ = run_publish(uri, "--drop-old")
    assert {line.split()[2].rstrip(",") for line in out.splitlines()} == {
        release_of(tiny_artifact),
        release_of(before),
        "0123456789abcdef",
    }
    assert "which was not whole" in out
    assert schemas(server, database) == {"seeklet", f"seeklet_{release_of(after)}", foreign}
    check_contents(contents(server, database=database), after)
    assert run_publish(uri, "--drop-old")[0] == "seeklet has no old release to drop\n"
    run_publish(uri, before, "--drop-old")
    assert schemas(server, database) == {"seeklet", f"seeklet_{release_of(before)}", foreign}


def test_a_release_that_was_rolled_back_is_passed_by(
    server: Postgres, database: str, tiny_artifact: Path, before: Path, after: Path
) -> None:
    uri = server.uri_of(database)
    good, bad, newest = tiny_artifact, before, after
    run_publish(uri, good)
    run_publish(uri, bad)
    run_publish(uri, "--rollback")
    run_publish(uri, newest)
    out, _ = run_publish(uri, "--list")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines[release_of(newest)].endswith("current")
    assert lines[release_of(bad)].endswith("rolled back")
    assert not lines[release_of(good)].endswith(("current", "rolled back"))
    run_publish(uri, "--rollback")
    assert current(server, database=database)[0] == release_of(good)
    _, err = run_publish(uri, "--rollback", status=2)
    assert "no release before the current one" in err
    # Published again, it is as good as any.
    run_publish(uri, bad)
    run_publish(uri, newest)
    run_publish(uri, "--rollback")
    assert current(server, database=database)[0] == release_of(bad)


def test_a_clock_that_was_set_back_changes_no_order(
    server: Postgres, database: str, tiny_artifact: Path, before: Path, after: Path
) -> None:
    uri = server.uri_of(database)
    run_publish(uri, tiny_artifact)
    # As if the clock went back a day after it.
    server.run("UPDATE seeklet.release SET published = now() + interval '1 day'", database=database)
    run_publish(uri, before)
    run_publish(uri, after)
    out, _ = run_publish(uri, "--list")
    wanted = [release_of(one) for one in (after, before, tiny_artifact)]
    assert [line.split()[0] for line in out.splitlines()[1:]] == wanted
    for release in wanted[1:]:
        run_publish(uri, "--rollback")
        assert current(server, database=database)[0] == release


def test_a_reader_of_the_release_has_no_other_rights(
    server: Postgres, database: str, before: Path, after: Path
) -> None:
    server.run("DROP ROLE IF EXISTS asker", "CREATE ROLE asker LOGIN")
    for artifact in (before, after):
        run_publish(server.uri_of(database), artifact, "--reader", "asker")
    run_publish(server.uri_of(database), "--name", "hidden", before)
    release = release_of(after)
    for sql in ("SELECT release FROM seeklet.release", f"SELECT release FROM seeklet_{release}.release"):
        assert server.run("SET ROLE asker", sql, database=database) == [[release]]
    for sql in ("SELECT * FROM hidden.release", f"DELETE FROM seeklet_{release}.rows", "CREATE SCHEMA mine"):
        with pytest.raises(Exception, match="42501"):
            server.run("SET ROLE asker", sql, database=database)


def test_a_reader_that_is_no_role_is_told_by_its_option(
    server: Postgres, database: str, before: Path
) -> None:
    _, err = run_publish(server.uri_of(database), before, "--reader", "nobody", status=2)
    assert err.endswith('says: role "nobody" does not exist: create it, or mend --reader\n')


def test_a_readers_name_is_taken_as_it_is_written(
    server: Postgres, database: str, before: Path, after: Path
) -> None:
    server.run('DROP ROLE IF EXISTS "App-1"', 'CREATE ROLE "App-1" LOGIN')
    uri = server.uri_of(database)
    for artifact in (before, after):
        run_publish(uri, artifact)
    run_publish(uri, "--rollback", "--reader", "App-1")
    found = server.run('SET ROLE "App-1"', "SELECT release FROM seeklet.release", database=database)
    assert found == [[release_of(before)]]
    for more in (["--list"], ["--drop-old"]):
        _, err = run_publish(uri, "--reader", "App-1", *more, status=2)
        assert "--reader goes with a release that becomes current" in err


def test_a_release_that_is_current_gets_a_reader_too(server: Postgres, database: str, before: Path) -> None:
    server.run("DROP ROLE IF EXISTS asker", "CREATE ROLE asker LOGIN")
    uri = server.uri_of(database)
    run_publish(uri, before)
    # Something else in the schema of the views stays out of the reader's sight.
    server.run("CREATE TABLE seeklet.mine ()", database=database)
    out, _ = run_publish(uri, before, "--reader", "asker")
    assert "is up to date" in out
    for schema in ("seeklet", f"seeklet_{release_of(before)}"):
        for table in ("release", "documents", "rows", "words", "terms"):
            assert server.run("SET ROLE asker", f"SELECT 1 FROM {schema}.{table}", database=database)
    with pytest.raises(Exception, match="42501"):
        server.run("SET ROLE asker", "SELECT * FROM seeklet.mine", database=database)


def test_documents_are_copied_by_an_index(server: Postgres, database: str, before: Path, after: Path) -> None:
    uri = server.uri_of(database)
    run_publish(uri, before)
    # So few rows would be scanned; now a scan means that no index fits.
    server.run(f"ALTER DATABASE {database} SET enable_seqscan = off")
    scans = (
        "SELECT sum(seq_scan) FROM pg_stat_all_tables WHERE relname = 'rows' "
        f"AND schemaname = 'seeklet_{release_of(before)}'"
    )
    scanned = server.run(scans, database=database)
    run_publish(uri, after, "--changed")
    assert server.run(scans, database=database) == scanned
    check_contents(contents(server, database=database), after)


def test_the_words_that_are_refused_as_a_name_are_those_of_the_server(
    server: Postgres, database: str
) -> None:
    from handler.postgres.layout import check_name

    def is_name(word: str) -> bool:
        try:
            check_name(word, "--name")
        except SettingsError:
            return False
        return True

    words = [word for (word,) in server.run("SELECT word FROM pg_get_keywords()")]
    assert len(words) > 400
    for word in words:
        if is_name(word):
            server.run(
                f"CREATE SCHEMA {word}",
                f"CREATE VIEW {word}.release AS SELECT 1 AS release",
                f"SELECT release FROM {word}.release",
                f"GRANT SELECT ON {word}.release TO PUBLIC",
                database=database,
            )
        else:
            with pytest.raises(Exception, match="42601"):
                server.run(f"CREATE SCHEMA {word}", database=database)


def test_errors_say_what_to_do_and_never_the_password(
    server: Postgres, database: str, before: Path, tmp_path: Path
) -> None:
    uri = server.uri_of(database)
    socket = uri.partition("?")[2]

    def refusal(address: str, *arguments: str | Path, **environ: str) -> str:
        out, err = run_publish(address, *arguments, status=2, **environ)
        assert not out
        assert "Traceback" not in err
        assert "geheim" not in err
        assert err.startswith("error: ")
        return err

    assert "does not exist: mend the address" in refusal(f"postgresql://postgres@/nowhere?{socket}", before)
    assert "can't be reached" in refusal("postgresql://postgres:geheim@127.0.0.1:9/x?sslmode=disable", before)
    assert "INDEX_URI doesn't begin with postgresql://" in refusal("mysql://geheim@x/y", before)
    assert "which database?" in refusal("", before)
    assert "there is no artifact folder" in refusal(uri, tmp_path / "nowhere")
    assert "--name" in refusal(uri, before, "--name", "Not; a name")
    assert "--name user is a reserved word of SQL" in refusal(uri, before, "--name", "user")
    assert "leave out DIR" in refusal(uri, before, "--list")
    assert "--ef-construction" in refusal(uri, before, "--m", "80")
    for option, value in (("--index-memory", "2097152"), ("--index-workers", "1025"), ("--reader", "")):
        assert f"error: {option} is " in refusal(uri, before, option, value)
    assert run_publish(uri, "--list")[0] == "seeklet has no release\n"

    server.run("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'right'")
    rules = server.folder / "pg_hba.conf"
    text = rules.read_text()
    rules.write_text(f"local all guest scram-sha-256\n{text}")
    server.run("SELECT pg_reload_conf()")
    try:
        guest = uri.replace("postgres@", "guest@")
        assert "password" in refusal(guest, before, PGPASSWORD="geheim")
        assert "password" in refusal(uri.replace("postgres@", "guest:geheim@"), before)
        # The right password, and no rights.
        told = refusal(guest, before, PGPASSWORD="right")
        assert "an administrator must install pgvector and run CREATE EXTENSION vector" in told
        server.run("CREATE EXTENSION vector", database=database)
        assert "permission denied for database" in refusal(guest, before, PGPASSWORD="right")
        server.run(f"GRANT CREATE ON DATABASE {database} TO guest")
        run_publish(guest, before, PGPASSWORD="right")
    finally:
        rules.write_text(text)
        server.run("SELECT pg_reload_conf()")
    check_contents(contents(server, database=database), before)


def test_the_sql_of_the_documents(server: Postgres, database: str, before: Path) -> None:
    prepare, inspect = (block.text for block in read_blocks(PAGE) if block.language == "sql")
    server.run("DROP ROLE IF EXISTS seeklet", "DROP ROLE IF EXISTS seeklet_reader")
    statements = prepare.replace("DATABASE search", f"DATABASE {database}").split("\n")
    server.run(*filter(None, statements), database=database)
    run_publish(
        server.uri_of(database).replace("postgres@", "seeklet@"), before, "--reader", "seeklet_reader"
    )
    for statement in inspect.replace("0123456789abcdef", release_of(before)).split("\n")[:-1]:
        assert server.run("SET ROLE seeklet_reader", statement, database=database), statement
    server.run(
        "DROP OWNED BY seeklet, seeklet_reader", "DROP ROLE seeklet, seeklet_reader", database=database
    )


def test_what_is_not_ours_is_left_alone(server: Postgres, database: str, before: Path, after: Path) -> None:
    uri = server.uri_of(database)
    server.run("CREATE SCHEMA seeklet", "CREATE TABLE seeklet.rows (mine int)", database=database)
    _, err = run_publish(uri, before, status=2)
    assert "--name" in err
    assert server.run("SELECT count(*) FROM seeklet.rows", database=database) == [[0]]
    # Views too, also one that reads a release's table of another name, or joins it with something else.
    run_publish(uri, before, "--name", "search")
    release = release_of(before)
    for table, query in (
        ("documents", "SELECT 1 AS mine"),
        ("documents", f"SELECT * FROM search_{release}.words"),
        ("words", f"SELECT word, term FROM search_{release}.words JOIN seeklet.rows ON mine = term"),
    ):
        schema = f"search_{release}"
        server.run(f"DROP VIEW search.{table}", f"CREATE VIEW search.{table} AS {query}", database=database)
        defined = server.run(f"SELECT pg_get_viewdef('search.{table}'::regclass)", database=database)
        for more in ([after], [before], ["--rollback"]):
            _, err = run_publish(uri, *more, "--name", "search", status=2)
            if more != ["--rollback"]:
                assert f"has search.{table}, which isn't a view of a release: use another --name" in err
            assert (
                server.run(f"SELECT pg_get_viewdef('search.{table}'::regclass)", database=database) == defined
            )
        columns = "word, term" if table == "words" else "*"
        server.run(
            f"DROP VIEW search.{table}",
            f"CREATE VIEW search.{table} AS SELECT {columns} FROM {schema}.{table}",
            database=database,
        )
    run_publish(uri, after, "--name", "search")
    check_contents(contents(server, "search", database), after)
    schema = f"other_{release_of(before)}"
    server.run(f"CREATE SCHEMA {schema}", database=database)
    _, err = run_publish(uri, before, "--name", "other", status=2)
    assert f"a schema {schema} that isn't a release" in err


def test_a_schema_that_only_looks_like_a_release_is_neither_listed_nor_dropped(
    server: Postgres, database: str, tiny_artifact: Path
) -> None:
    uri = server.uri_of(database)
    run_publish(uri, tiny_artifact)
    listed, _ = run_publish(uri, "--list")
    mine = ["loading (mine int)", "release (mine int)"]
    for place, table in enumerate(mine):
        schema = f"seeklet_{place:016x}"
        server.run(f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.{table}", database=database)
    server.run("INSERT INTO seeklet_0000000000000001.release VALUES (1)", database=database)
    # What a foreign server has is behind it, and the server may be away.
    server.run(
        "CREATE FOREIGN DATA WRAPPER away",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER away",
        "CREATE SCHEMA seeklet_0000000000000002",
        "CREATE FOREIGN TABLE seeklet_0000000000000002.release "
        "(manifest text, layout int, published timestamptz) SERVER elsewhere",
        database=database,
    )
    before = schemas(server, database)
    assert run_publish(uri, "--list")[0] == listed
    assert run_publish(uri, "--drop-old")[0] == "seeklet has no old release to drop\n"
    assert "no release before the current one" in run_publish(uri, "--rollback", status=2)[1]
    assert schemas(server, database) == before


def test_an_older_pgvector_is_refused(server: Postgres, database: str, before: Path) -> None:
    server.run(
        "CREATE EXTENSION vector",
        "UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'",
        database=database,
    )
    _, err = run_publish(server.uri_of(database), before, status=2)
    assert "has pgvector 0.6.2, and halfvec came with 0.7" in err


def test_pgvector_that_somebody_makes_at_the_same_time_is_taken(
    server: Postgres, database: str, tiny_artifact: Path
) -> None:
    other = server.connect(database)
    other.run("BEGIN")
    other.run("CREATE EXTENSION vector")
    publishing = start_publish(server.uri_of(database), tiny_artifact)
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE EXTENSION IF%' AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 60
    while not server.run(waiting):
        assert publishing.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    other.run("COMMIT")
    other.close()
    _, err = publishing.communicate(timeout=60)
    assert publishing.returncode == 0, err


def test_one_document_has_no_recall(
    server: Postgres, database: str, tiny_artifact: Path, tmp_path: Path
) -> None:
    one = make_large(tiny_artifact, tmp_path / "one", 1)
    run_publish(server.uri_of(database), one)
    assert current(server, database=database)[4:8] == [None, None, None, None]
