"""`seeklet publish`, interrupted at any moment: the old release stays current, and the same command goes on to the same end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cut_network import cut_network
from large_artifact import make_large
from postgres import Postgres, postgres
from published import check_contents, contents, current, release_of, run_publish, start_publish

pytestmark = pytest.mark.scale

LARGE = 20_000
ONE_PROCESS = ("--index-workers", "0")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture(scope="module")
def large(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_large(tiny_artifact, tmp_path_factory.mktemp("large") / "artifact", LARGE)


@pytest.fixture
def database(server: Postgres, tiny_artifact: Path) -> Iterator[str]:
    """A database in which the small artifact is current; its name."""
    server.start()
    server.run("DROP DATABASE IF EXISTS mine WITH (FORCE)", "CREATE DATABASE mine")
    run_publish(server.uri_of("mine"), tiny_artifact)
    yield "mine"
    server.start()
    server.run("DROP DATABASE mine WITH (FORCE)")


def check_old_is_current(server: Postgres, database: str, artifact: Path) -> None:
    assert current(server, database=database)[0] == release_of(artifact)
    check_contents(contents(server, database=database), artifact)


def is_current(server: Postgres, database: str, artifact: Path) -> bool:
    return bool(current(server, database=database)[0] == release_of(artifact))


def rows_there(server: Postgres, database: str, artifact: Path) -> int:
    """How many rows of an artifact's release are committed."""
    schema = f"seeklet_{release_of(artifact)}"
    if server.run(f"SELECT to_regclass('{schema}.rows')", database=database)[0][0] is None:
        return 0
    return int(server.run(f"SELECT count(*) FROM {schema}.rows", database=database)[0][0])


def test_killed_again_and_again_it_goes_on_to_the_same_release(
    server: Postgres, database: str, tiny_artifact: Path, large: Path
) -> None:
    uri, chooser = server.uri_of(database), random.Random(7)
    there, kills = 0, 0
    while kills < 12:
        process = start_publish(uri, large, *ONE_PROCESS)
        time.sleep(chooser.uniform(0.5, 2.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        if is_current(server, database, large):
            break
        check_old_is_current(server, database, tiny_artifact)
        # What was committed is never loaded again.
        now = rows_there(server, database, large)
        assert now >= there
        there = now
    run_publish(uri, large)
    assert is_current(server, database, large)
    check_contents(contents(server, database=database), large)


def test_a_lost_connection_is_made_again(
    server: Postgres, database: str, tiny_artifact: Path, large: Path
) -> None:
    process = start_publish(server.uri_of(database), large, *ONE_PROCESS)
    chooser, cut = random.Random(3), 0
    while process.poll() is None and cut < 3:
        time.sleep(chooser.uniform(0.3, 1.0))
        cut += server.run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'seeklet publish'"
        )[0][0]
    _out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert cut >= 1
    assert "trying again in" in err
    check_contents(contents(server, database=database), large)


def test_a_network_that_is_cut_within_a_part_loses_nothing(
    server: Postgres, database: str, tiny_artifact: Path, large: Path
) -> None:
    # Within the first part, within a later one, and within the first statements.
    with cut_network(server.socket, [100_000, 800_000, 50]) as network:
        uri = f"postgresql://postgres@127.0.0.1:{network.port}/{database}?sslmode=disable"
        _, err = run_publish(uri, large, *ONE_PROCESS)
        assert network.cut >= 2
    assert "trying again in" in err
    check_contents(contents(server, database=database), large)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_it_waits_for_a_server_that_restarts(
    server: Postgres, database: str, tiny_artifact: Path, large: Path, mode: str
) -> None:
    process = start_publish(server.uri_of(database), large, *ONE_PROCESS)
    while process.poll() is None and not rows_there(server, database, large):
        time.sleep(0.05)
    server.stop(mode)
    time.sleep(1)
    server.start()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "trying again in" in err
    check_contents(contents(server, database=database), large)


def test_a_server_that_stays_away_is_an_error_and_the_same_command_goes_on(
    server: Postgres, database: str, tiny_artifact: Path, large: Path
) -> None:
    uri = server.uri_of(database)
    process = start_publish(uri, large, *ONE_PROCESS)
    while process.poll() is None and not rows_there(server, database, large):
        time.sleep(0.05)
    server.stop("immediate")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("error: ")
    assert "run the same command again to go on" in err
    assert "Traceback" not in err
    server.start()
    check_old_is_current(server, database, tiny_artifact)
    assert rows_there(server, database, large) > 0
    _, err = run_publish(uri, large)
    assert "going on with release" in err
    check_contents(contents(server, database=database), large)


def test_ctrl_c_ends_it_and_the_same_command_goes_on(
    server: Postgres, database: str, tiny_artifact: Path, large: Path
) -> None:
    uri = server.uri_of(database)
    process = start_publish(uri, large, *ONE_PROCESS)
    while process.poll() is None and not rows_there(server, database, large):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command continues from here" in err
    check_old_is_current(server, database, tiny_artifact)
    run_publish(uri, large)
    check_contents(contents(server, database=database), large)


def test_two_at_once_are_one(server: Postgres, database: str, large: Path) -> None:
    uri = server.uri_of(database)
    first = start_publish(uri, large, *ONE_PROCESS)
    while first.poll() is None and not rows_there(server, database, large):
        time.sleep(0.05)
    try:
        first.send_signal(signal.SIGSTOP)
        _, err = run_publish(uri, large, status=2)
        assert "another process publishes seeklet" in err
    finally:
        first.send_signal(signal.SIGCONT)
    _out, err = first.communicate(timeout=300)
    assert first.returncode == 0, err
    check_contents(contents(server, database=database), large)


def test_a_reader_sees_one_release_at_any_time(
    server: Postgres, database: str, tiny_artifact: Path, large: Path
) -> None:
    sql = "SELECT (SELECT release FROM seeklet.release), (SELECT count(*) FROM seeklet.documents), "
    sql += "(SELECT count(*) FROM seeklet.rows)"
    seen, done, failed = set(), threading.Event(), []

    def read() -> None:
        connection = server.connect(database)
        try:
            while not done.is_set():
                seen.add(tuple(connection.run(sql)[0]))
        except Exception as error:  # noqa: BLE001 - it fails the test below
            failed.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    run_publish(server.uri_of(database), large)
    run_publish(server.uri_of(database), "--rollback")
    run_publish(server.uri_of(database), large)
    done.set()
    for reader in readers:
        reader.join()
    assert not failed
    small = server.run(
        f"SELECT count(*) FROM seeklet_{release_of(tiny_artifact)}.documents", database=database
    )[0][0]
    assert seen == {(release_of(tiny_artifact), small, small), (release_of(large), LARGE, LARGE)}


@contextmanager
def tmpfs(megabytes: int) -> Iterator[Path]:
    """A small disk in memory."""
    with TemporaryDirectory(prefix="seeklet-disk-") as folder:
        options = f"size={megabytes}m,mode=777"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("needs the right to mount a tmpfs")
        try:
            Path(folder).parent.chmod(Path(folder).parent.stat().st_mode | 0o5)
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a tmpfs")
@pytest.mark.parametrize(("megabytes", "loaded"), [(6, False), (12, True)], ids=["loading", "indexing"])
def test_a_full_disk_is_an_error_and_with_space_the_same_command_goes_on(
    server: Postgres, tiny_artifact: Path, large: Path, megabytes: int, loaded: bool
) -> None:
    with tmpfs(megabytes) as disk:
        place = disk / "space"
        place.mkdir(mode=0o777)
        place.chmod(0o777)
        subprocess.run(["chown", "pgserver", str(place)], check=True)
        server.run(f"CREATE TABLESPACE small LOCATION '{place}'", "CREATE DATABASE full_one TABLESPACE small")
        try:
            uri = server.uri_of("full_one")
            run_publish(uri, tiny_artifact)
            _, err = run_publish(uri, large, *ONE_PROCESS, status=2)
            assert "free some of the database's disk" in err
            assert "run the same command again to go on" in err
            check_old_is_current(server, "full_one", tiny_artifact)
            assert (rows_there(server, "full_one", large) == LARGE) == loaded
            subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
            _, err = run_publish(uri, large, *ONE_PROCESS)
            assert "going on with release" in err
            check_contents(contents(server, database="full_one"), large)
        finally:
            server.run("DROP DATABASE full_one WITH (FORCE)", "DROP TABLESPACE small")
