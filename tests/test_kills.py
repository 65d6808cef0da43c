"""Exports, releases and publishes that are killed at random moments: what is there is the old one or the new one, whole.

KILLS=50 kills each so often, which `make soak` does; a test run has a few. Half of the moments are chosen over the time that the
command takes, half over its calls that change a file or connect. A database sees no such calls, so a publish has times alone.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from exports import arguments, files, made_up, write_texts
from fake_s3 import FakeS3
from lambda_tools import NO_AWS
from releases import POINTER, make_releases
from releasing import PLACE, writable_bucket

from export.build.folder_lock import LOCK_FILE
from handler.artifact import Artifact
from handler.pointer import parse_pointer
from handler.postgres.layout import TABLES, schema_of
from soak.killer import Ended, Killer

KILLS = int(os.environ.get("KILLS", "4"))
SEED = int(os.environ.get("KILLS_SEED", "0"))
KILLED = -9


def moments(whole: Ended, *, calls: bool = True) -> Iterator[Mapping[str, float]]:
    """Random moments within a command's work, of which `whole` is an example that wasn't killed.

    The last calls are those that replace the old by the new: each of them is met before one is met twice.
    """
    chooser = random.Random(SEED)
    late = list(range(max(1, whole.calls - 29), whole.calls + 1))
    chooser.shuffle(late)
    for call in itertools.cycle(late):
        if calls:
            yield {"calls": call}
        yield {"seconds": chooser.uniform(0, whole.seconds)}


@pytest.fixture(scope="module")
def killer(tiny_cache: Path) -> Iterator[Killer]:
    with Killer({**NO_AWS, "SEEKLET_CACHE": str(tiny_cache)}) as started:
        yield started


def test_a_killed_export_leaves_the_old_or_the_new_artifact(
    killer: Killer, tiny_model: Path, tmp_path: Path
) -> None:
    corpora = [write_texts(tmp_path / f"{seed}.txt", made_up(700, seed)) for seed in (1, 2)]
    folder = tmp_path / "folder"
    out = folder / "out"
    commands = [["export", *arguments(corpus, out, tiny_model), "--quiet"] for corpus in corpora]
    # Each replaces the other, as the killed ones do. The first one's imports come before its work.
    expected, whole = [], Ended(0, 0, 0)
    for number in (0, 1, 0, 1):
        whole = killer.run(commands[number])
        assert whole.status == 0
        expected.append(files(out))
    assert expected[:2] == expected[2:]
    expected = expected[:2]
    chooser, current, fates = random.Random(SEED), 1, {"old": 0, "new": 0}
    for _, moment in zip(range(KILLS), moments(whole), strict=False):
        if chooser.random() < 0.5:
            # Without what the one before has embedded, so that moments of all the work are met.
            shutil.rmtree(folder / ".out.partial", ignore_errors=True)
        ended = killer.run(commands[1 - current], **moment)
        assert ended.status in (KILLED, 0)
        # A kill within the exchange leaves the lock, which is no part of the artifact, in it.
        found = {name: sha256 for name, sha256 in files(out).items() if name != LOCK_FILE}
        assert found in expected, moment
        assert {".out.partial", ".out.old", "out"}.issuperset(path.name for path in folder.iterdir())
        Artifact.open(out).check_hashes()
        changed = found == expected[1 - current]
        fates["new" if changed else "old"] += 1
        current = 1 - current if changed else current
    assert sum(fates.values()) == KILLS
    # A run that has nothing to do keeps what the killed one has embedded, and that alone; the killed one, undisturbed, leaves
    # nothing but the output.
    assert killer.run(commands[current]).status == 0
    assert files(out) == expected[current]
    assert {path.name.partition(".")[0] for path in folder.glob(".out.*/*")} <= {LOCK_FILE, "journal"}
    assert killer.run(commands[1 - current]).status == 0
    assert files(out) == expected[1 - current]
    assert [path.name for path in folder.iterdir()] == ["out"]
    print(f"\n{KILLS} kills of an export: {fates}")


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    with writable_bucket() as server:
        yield server


def current_of(s3: FakeS3) -> str:
    """The id of the release that the pointer names, all of whose files have the hashes that its manifest says."""
    release = parse_pointer(s3.objects[POINTER], POINTER).current
    folder = f"search/{release.folder}"
    manifest = s3.objects[f"{folder}/manifest.json"]
    assert hashlib.sha256(manifest).hexdigest() == release.manifest_sha256
    for name, entry in json.loads(manifest)["files"].items():
        assert hashlib.sha256(s3.objects[f"{folder}/{name}"]).hexdigest() == entry["sha256"], name
    return release.id


def id_of(artifact: Path) -> str:
    return hashlib.sha256((artifact / "manifest.json").read_bytes()).hexdigest()[:16]


def test_a_killed_release_leaves_the_old_or_the_new_one(
    s3: FakeS3, tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    made = list(make_releases(tmp_path / "releases", tiny_model, tiny_cache, "ab").values())
    with Killer({**NO_AWS, "AWS_ENDPOINT_URL": s3.url}) as killer:
        whole = Ended(0, 0, 0)
        for artifact in (*made, *made):
            s3.objects = {
                key: value for key, value in s3.objects.items() if key == POINTER or "releases" in key
            }
            whole = killer.run(["release", artifact, PLACE])
            assert (whole.status, current_of(s3)) == (0, id_of(artifact))
        whole = Ended(0, max(whole.seconds, 0.3), max(whole.calls, 8))
        current, fates = 1, {"old": 0, "new": 0}
        for _, moment in zip(range(KILLS), moments(whole), strict=False):
            # The other release's files are gone, so that they are sent again.
            gone = f"search/releases/{id_of(made[1 - current])}/"
            if fates["old"] % 2 == 0:
                s3.objects = {key: value for key, value in s3.objects.items() if not key.startswith(gone)}
            ended = killer.run(["release", made[1 - current], PLACE], **moment)
            assert ended.status in (KILLED, 0)
            found = current_of(s3)
            assert found in map(id_of, made), moment
            changed = found == id_of(made[1 - current])
            fates["new" if changed else "old"] += 1
            current = 1 - current if changed else current
        assert sum(fates.values()) == KILLS
        assert killer.run(["release", made[1 - current], PLACE]).status == 0
        assert current_of(s3) == id_of(made[1 - current])
        # Nothing but the pointer and the releases' files: the other one's too, which stay for a rollback.
        kept = {
            f"search/releases/{id_of(artifact)}/{path.name}"
            for artifact in made
            for path in artifact.iterdir()
        }
        assert {POINTER} <= s3.objects.keys() <= {POINTER, *kept}
    print(f"\n{KILLS} kills of a release: {fates}")


@pytest.mark.scale
def test_a_killed_publish_leaves_the_old_or_the_new_release(tiny_artifact: Path, tmp_path: Path) -> None:
    from large_artifact import make_large
    from postgres import postgres
    from published import check_contents, contents, current, release_of

    made = [make_large(tiny_artifact, tmp_path / str(seed), 3_000, seed=seed) for seed in (1, 2)]
    with postgres() as server, Killer({}) as killer:
        command = ["publish", "--index-workers", "0", "--drop-old"]
        server.run("CREATE DATABASE kills")
        uri = server.uri_of("kills")
        whole = Ended(0, 0, 0)
        for artifact in (*made, *made):
            whole = killer.run([command[0], artifact, uri, *command[1:]])
            assert whole.status == 0
        place, fates = 1, {"old": 0, "new": 0}
        for _, moment in zip(range(KILLS), moments(whole, calls=False), strict=False):
            ended = killer.run([command[0], made[1 - place], uri, *command[1:]], **moment)
            assert ended.status in (KILLED, 0)
            release = current(server, database="kills")[0]
            now = [release_of(artifact) for artifact in made].index(release)
            check_contents(contents(server, database="kills"), made[now])
            fates["new" if now != place else "old"] += 1
            place = now
        assert sum(fates.values()) == KILLS
        assert killer.run([command[0], made[1 - place], uri, *command[1:]]).status == 0
        check_contents(contents(server, database="kills"), made[1 - place])
        # Nothing but the views and the one release, with its tables alone.
        found = server.run(
            "SELECT nspname, array_agg(relname::text) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE nspname LIKE 'seeklet%' AND relkind IN ('r', 'v') GROUP BY nspname",
            database="kills",
        )
        tables = {str(schema): set(names) for schema, names in found}
        release = schema_of("seeklet", release_of(made[1 - place]))
        assert tables == {schema: set(TABLES) for schema in ("seeklet", release)}
    print(f"\n{KILLS} kills of a publish: {fates}")
