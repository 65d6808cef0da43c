"""Shards of texts and of vectors, in a folder: what is read is what was written, or nothing. Without Ray."""

from __future__ import annotations

import errno
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import DIM, flip_bit, made_up

from export.build.engine import Embedded, Job, NewText
from export.build.journal import KEY_BYTES
from export.build.progress import Progress
from export.build.token_counts import TokenCounts
from export.ray import shards as module
from export.ray.engine import RayEngine
from export.ray.shards import SHARD_BYTES, SHARD_TEXTS, Shards, cut
from export.ray.store import Store
from handler.errors import EngineError, OutputError

pytest.importorskip("pyarrow")
RECIPE, OTHER = "ab" * 32, "cd" * 32


def new_texts(count: int, seed: int = 0) -> list[NewText]:
    maker = random.Random(seed)
    return [NewText(maker.randbytes(KEY_BYTES), text) for text in made_up(count, seed)]


def embedded(texts: list[NewText], seed: int = 0) -> Embedded:
    maker = np.random.default_rng(seed)
    counts = TokenCounts(
        maker.integers(2, 30, len(texts)).astype(np.int16), maker.integers(0, 2, len(texts)).astype(bool)
    )
    vectors = maker.standard_normal((len(texts), DIM)).astype(np.float32)
    return Embedded([new.key for new in texts], counts, vectors)


def as_bytes(part: Embedded) -> tuple[Any, ...]:
    return part.keys, part.counts.tokens.tobytes(), part.counts.truncated.tobytes(), part.embeddings.tobytes()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / ".out.shards"))
    made.make()
    return made


@pytest.fixture
def shards(store: Store) -> Shards:
    return Shards(store, RECIPE)


def job(out: Path, recipe: str = RECIPE) -> Job:
    files: Any = None
    return Job(out, files, "", recipe)


def test_a_shard_is_as_large_as_either_limit_lets_it() -> None:
    texts = [NewText(bytes([row % 256]) * KEY_BYTES, "é") for row in range(2 * SHARD_TEXTS + 3)]
    assert [len(shard) for shard in cut(texts)] == [SHARD_TEXTS, SHARD_TEXTS, 3]
    long = [NewText(b"k" * KEY_BYTES, "é" * (SHARD_BYTES // 4)) for _ in range(5)]
    assert [len(shard) for shard in cut(long)] == [2, 2, 1]
    assert [new for shard in cut(texts) for new in shard] == texts
    assert list(cut([])) == []


def test_what_is_read_is_what_was_written(shards: Shards) -> None:
    texts = [*new_texts(50), NewText(b"\0" * KEY_BYTES, ""), NewText(b"\1" * KEY_BYTES, "a\r\n\0 🪨")]
    name = shards.write_texts(texts)
    assert shards.read_texts(name) == texts
    assert shards.write_texts(texts) == name
    assert shards.write_texts(texts[1:]) != name
    part = embedded(texts)
    shards.write_vectors(name, part)
    read = shards.read_vectors(name)
    assert read is not None
    assert as_bytes(read) == as_bytes(part)
    assert shards.unfinished() == [name]
    shards.delete(name)
    assert (shards.read_texts(name), shards.read_vectors(name), shards.unfinished()) == (None, None, [])


def test_of_every_damage_nothing_is_read(shards: Shards, store: Store) -> None:
    texts = new_texts(20)
    name, part = shards.write_texts(texts), embedded(texts)
    shards.write_vectors(name, part)
    vectors = Path(store.place, f"{name}.vectors")
    whole, chooser = vectors.read_bytes(), random.Random(5)
    for place in chooser.sample(range(len(whole)), 300):
        flip_bit(vectors, place)
        read = shards.read_vectors(name)
        # A bit that Parquet doesn't read may change; a value may not.
        assert read is None or as_bytes(read) == as_bytes(part), place
        vectors.write_bytes(whole)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        vectors.write_bytes(whole[:size])
        assert shards.read_vectors(name) is None
    source = Path(store.place, f"{name}.texts")
    whole = source.read_bytes()
    for place in chooser.sample(range(len(whole)), 300):
        flip_bit(source, place)
        assert shards.read_texts(name) in (None, texts), place
        source.write_bytes(whole)


def test_another_recipes_vectors_are_not_read(shards: Shards, store: Store) -> None:
    texts = new_texts(3)
    name = shards.write_texts(texts)
    shards.write_vectors(name, embedded(texts))
    assert Shards(store, OTHER).read_vectors(name) is None
    assert Shards(store, OTHER).unfinished() == []


def test_tries_are_counted(shards: Shards) -> None:
    name = shards.write_texts(new_texts(2))
    assert [shards.tries(name) for _ in range(3)] == [0, 1, 2]


def test_only_own_files_are_listed_and_deleted(store: Store) -> None:
    own = [f"{'a' * 16}.{'b' * 16}.texts", f"{'a' * 16}.{'b' * 16}.vectors.{'0' * 16}.part"]
    others = ["notes.txt", f"{'a' * 16}.{'b' * 16}.texts.bak", f"{'A' * 16}.{'b' * 16}.texts"]
    for name in [*own, *others]:
        Path(store.place, name).write_bytes(b"x")
    assert store.names() == sorted(own)
    store.remove()
    assert sorted(path.name for path in Path(store.place).iterdir()) == sorted(others)
    for name in others:
        Path(store.place, name).unlink()
    store.remove()
    assert not Path(store.place).exists()
    store.remove()
    assert store.names() == []


def test_a_store_can_be_sent(store: Store) -> None:
    store.write("name", b"content")
    sent: Store = pickle.loads(pickle.dumps(store))
    assert (sent.place, sent.read("name"), sent.read("no-such-name")) == (store.place, b"content", None)


def test_places_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"--ray-shards gs://bucket is neither a folder nor s3://"):
        Store("gs://bucket")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OutputError, match="is a symbolic link"):
        Store(str(tmp_path / "link")).make()
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"can't be read or written .*Not a directory"):
        Store(str(tmp_path / "file" / "below")).make()


def test_what_an_interrupted_run_left_is_taken_over_and_a_damaged_shard_is_not(
    tmp_path: Path, store: Store, shards: Shards, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = []
    for seed in range(3):
        texts = new_texts(10, seed)
        parts.append((shards.write_texts(texts), embedded(texts, seed)))
        shards.write_vectors(*parts[-1])
    flip_bit(Path(store.place, f"{parts[1][0]}.vectors"), 200)
    Shards(store, OTHER).write_texts(new_texts(2))
    left = list(RayEngine(Progress()).left(job(tmp_path / "out"), fresh=False))
    kept = sorted([parts[0], parts[2]], key=lambda part: part[0])
    assert [as_bytes(part) for part in left] == [as_bytes(part) for _, part in kept]
    assert f"the shard {parts[1][0]} is damaged: its texts are embedded again" in capsys.readouterr().err
    assert not Path(store.place).exists()


def test_a_shard_stays_until_the_next_one_is_asked_for(tmp_path: Path, store: Store, shards: Shards) -> None:
    """The journal has it on disk by then."""
    texts = new_texts(4)
    shards.write_vectors(shards.write_texts(texts), embedded(texts))
    left = RayEngine(Progress(quiet=True)).left(job(tmp_path / "out"), fresh=False)
    next(left)
    left.close()
    assert len(shards.unfinished()) == 1
    assert list(RayEngine(Progress(quiet=True)).left(job(tmp_path / "out"), fresh=True)) == []
    assert not Path(store.place).exists()


def test_exports_that_share_a_place_have_folders_of_their_own(tmp_path: Path) -> None:
    engine = RayEngine(Progress(quiet=True), shards=str(tmp_path / "work"))
    for out in (tmp_path / "one", tmp_path / "two"):
        assert list(engine.left(job(out), fresh=False)) == []
    texts = new_texts(2)
    assert list(engine.embed(job(tmp_path / "one"), [])) == []
    assert not list((tmp_path / "work").glob("*/*"))
    assert len(list(module.cut(texts))) == 1


def test_a_place_where_no_folder_can_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A share that isn't mounted answers so: there is no such file, also where one is made."""

    def absent(path: Path, **_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))

    monkeypatch.setattr(Path, "mkdir", absent)
    with pytest.raises(EngineError, match=r"No such file or directory.*choose another --ray-shards"):
        Store(str(tmp_path / "share")).make()
