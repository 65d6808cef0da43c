"""Exports on a real Ray cluster against the local export: every file has the same bytes, whatever happens meanwhile.

RAY_KILLS says how many times workers and drivers are killed (default 2).
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from exports import Export, files, flip_bit, made_up, write_texts
from ray_clusters import command, nodes, run, start, wait_until_gone, workers_of
from servers import free_port

from export.build.journal import RECORD
from export.ray.shards import SHARD_TEXTS, Shards
from export.ray.store import Store

psutil = pytest.importorskip("psutil")
pytestmark = pytest.mark.scale

KILLS = int(os.environ.get("RAY_KILLS", "2"))
MANY = 24_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of some shards, with texts that occur twice."""
    texts = made_up(MANY)
    return write_texts(tmp_path_factory.mktemp("many") / "many.txt", [*texts, *texts[:500]])


@pytest.fixture
def expected(many: Path, export: Export, tmp_path: Path) -> dict[str, str]:
    """The files of the local export."""
    export(many, tmp_path / "local")
    return files(tmp_path / "local")


def embedded(output: str) -> int:
    """How many texts the summary says went through the model."""
    found = re.search(r"documents +[\d,]+ +([\d,]+) texts? embedded", output)
    assert found is not None, output
    return int(found[1].replace(",", ""))


def kept(folder: Path, out: Path) -> int:
    """How many texts an export that was killed has on disk: in its journal, and in whole shards that are not in it."""
    partial, store = out.parent / f".{out.name}.partial", Store(str(out.parent / f".{out.name}.shards"))
    keys: set[bytes] = set()
    for path in partial.glob("journal.*.records"):
        vectors = path.with_suffix(".vectors").stat().st_size // (32 * 4)
        whole = min(path.stat().st_size // RECORD.itemsize, vectors)
        keys |= set(np.fromfile(path, RECORD, whole)["key"].tolist())
    for name in store.names():
        # The recipe's first digits are enough to find its journal, and the rest isn't known here: count by the texts.
        if name.endswith(".vectors"):
            texts = Shards(store, "00" * 32).read_texts(name.removesuffix(".vectors"))
            keys |= {new.key for new in texts or []}
    return len(keys)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_file_has_the_same_bytes(
    many: Path, expected: dict[str, str], tiny_model: Path, tiny_cache: Path, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "out"
    done = run(command(many, out, tiny_model, f"--ray-workers={workers}"), tiny_cache)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert embedded(done.stdout) == MANY
    assert files(out) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["local", "out"]


def test_passages_have_the_same_bytes(
    export: Export, tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    texts = made_up(900)
    corpus = write_texts(tmp_path / "long.txt", [". ".join(texts[i : i + 9]) for i in range(0, 900, 9)])
    export(corpus, tmp_path / "local", passages=True, passage_tokens=20)
    options = ("--passages", "--passage-tokens=20", "--ray-workers=2")
    done = run(command(corpus, tmp_path / "out", tiny_model, *options), tiny_cache)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "out") == files(tmp_path / "local")


def test_an_unchanged_corpus_starts_no_ray_and_a_longer_one_embeds_what_is_new(
    many: Path, tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes(many.read_bytes())
    arguments = command(corpus, tmp_path / "out", tiny_model, "--ray-workers=2")
    assert embedded(run(arguments, tiny_cache).stdout) == MANY
    # No cluster is there, so an export that joined it would fail.
    again = run([*arguments, f"--ray-address=127.0.0.1:{free_port()}"], tiny_cache)
    assert "unchanged inputs, nothing to do" in again.stdout
    with corpus.open("a") as file:
        file.write("a text that is new\n")
    assert embedded(run(arguments, tiny_cache).stdout) == 1


def test_workers_are_killed(
    many: Path, expected: dict[str, str], tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    chooser = random.Random(11)
    killed = 0
    for turn in range(KILLS):
        out = tmp_path / f"out-{turn}"
        with start(command(many, out, tiny_model, "--ray-workers=2"), tiny_cache) as process:
            while process.poll() is None:
                if (workers := workers_of(process)) and killed <= turn:
                    time.sleep(chooser.random())
                    victim = chooser.choice(workers)
                    if psutil.pid_exists(victim):
                        os.kill(victim, signal.SIGKILL)
                        killed += 1
                time.sleep(0.05)
            output, errors = process.communicate()
        assert process.returncode == 0, errors
        assert embedded(output) == MANY
        assert files(out) == expected
        shutil.rmtree(out)
    assert killed >= KILLS


def test_drivers_are_killed(
    many: Path, expected: dict[str, str], tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    chooser = random.Random(12)
    for turn in range(KILLS):
        out = tmp_path / f"out-{turn}"
        arguments = command(many, out, tiny_model, "--ray-workers=2")
        with start(arguments, tiny_cache) as process:
            shards = out.parent / f".{out.name}.shards"
            while process.poll() is None and not list(shards.glob("*.vectors")):
                time.sleep(0.01)
            time.sleep(chooser.random() / 2)
            started = workers_of(process)
            process.kill()
            process.wait()
        wait_until_gone(started)
        before = kept(tmp_path, out)
        assert before > 0
        done = run(arguments, tiny_cache)
        assert done.returncode == 0, done.stderr
        # Nothing is lost, and nothing is embedded twice.
        assert embedded(done.stdout) == MANY - before
        assert files(out) == expected
        assert not shards.exists()
        shutil.rmtree(out)


def test_a_damaged_shard_is_made_again(
    many: Path, expected: dict[str, str], tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    out, shards = tmp_path / "out", tmp_path / ".out.shards"
    arguments = command(many, out, tiny_model, "--ray-workers=2")
    with start(arguments, tiny_cache) as process:
        while process.poll() is None and not list(shards.glob("*.vectors")):
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)  # the workers go on, and their shards stay
        until = time.monotonic() + 60
        while len(list(shards.glob("*.vectors"))) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        started = workers_of(process)
        process.kill()
        process.wait()
    wait_until_gone(started)
    for path in shards.glob("*.vectors"):
        flip_bit(path, path.stat().st_size // 3)
    done = run([argument for argument in arguments if argument != "--quiet"], tiny_cache)
    assert done.returncode == 0, done.stderr
    assert re.search(r"the shard [0-9a-f.]+ is damaged: its texts are embedded again", done.stderr)
    assert files(out) == expected


def test_two_nodes_and_one_of_them_goes(
    many: Path, expected: dict[str, str], tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    with nodes(2) as (address, started):
        arguments = command(many, out, tiny_model, f"--ray-address={address}", f"--ray-shards={work}")
        done = run(arguments, tiny_cache)
        assert done.returncode == 0, done.stderr
        assert files(out) == expected
        shutil.rmtree(out)
        with start(arguments, tiny_cache) as process:
            while process.poll() is None and not list(work.glob("*/*.vectors")):
                time.sleep(0.01)
            below = psutil.Process(started[1].pid).children(recursive=True)
            for victim in [*below, psutil.Process(started[1].pid)]:
                if victim.is_running():
                    victim.kill()
            output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert embedded(output) == MANY
        assert files(out) == expected


def test_progress_tells_documents_tokens_and_the_time_left(
    many: Path, tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    arguments = command(many, tmp_path / "out", tiny_model, "--ray-workers=2")
    done = run([argument for argument in arguments if argument != "--quiet"], tiny_cache)
    assert re.search(
        rf"embedding: +100%.* {MANY + 500}/{MANY + 500} \[.*<00:00.*rows/s, [\d,]+ tokens/s", done.stderr
    )
    assert "ray" not in done.stderr.lower()


def test_a_shard_that_ends_its_workers_is_named(tiny_model: Path, tiny_cache: Path, tmp_path: Path) -> None:
    corpus = write_texts(tmp_path / "corpus.txt", made_up(SHARD_TEXTS + 1))
    with start(command(corpus, tmp_path / "out", tiny_model, "--ray-workers=1"), tiny_cache) as process:
        shards = tmp_path / ".out.shards"
        while process.poll() is None and not list(shards.glob("*.texts")):
            time.sleep(0.01)
        # As if four workers had run out of memory with each.
        for path in shards.glob("*.texts"):
            path.with_suffix(".tries").write_bytes(b"....")
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert re.match(r"error: the shard [0-9a-f.]+ in .* can't be embedded: 4 workers ended while", errors), (
        errors
    )


def test_a_cluster_that_cannot_be_reached_is_named(
    many: Path, tiny_model: Path, tiny_cache: Path, tmp_path: Path
) -> None:
    for address, sentence in (
        (f"127.0.0.1:{free_port()}", "no Ray cluster answers at 127.0.0.1:"),
        ("ray://head:10001", "--ray-address ray://head:10001 is not HOST:PORT"),
        ("head", "--ray-address head is not HOST:PORT"),
    ):
        done = run(command(many, tmp_path / "out", tiny_model, f"--ray-address={address}"), tiny_cache)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {sentence}"), done.stderr
        assert done.stderr.count("\n") == 1


def test_from_python(
    corpus_file: Path, tiny_model: Path, tiny_cache: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    code = (
        "import sys, seeklet; corpus, out, model = sys.argv[1:]; "
        "print(seeklet.export(corpus, out, text=['text'], id='id', metadata=['topic'], model=model, engine='ray', "
        "ray_workers=1, check=False).embedded)"
    )
    import sys

    done = run(
        [sys.executable, "-c", code, str(corpus_file), str(tmp_path / "out"), str(tiny_model)], tiny_cache
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["files"] == json.loads((tiny_artifact / "manifest.json").read_text())["files"]
    assert done.stdout.strip() == str(manifest["count"])
