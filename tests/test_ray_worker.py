"""A worker without Ray: it writes the encoder's own bytes, and says why where it can't."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from exports import DIM, made_up

from export.build.encoder_files import EncoderFiles
from export.build.engine import NewText
from export.build.journal import KEY_BYTES
from export.ray.shards import Shards
from export.ray.store import Store
from export.ray.worker import BATCH, MOST_TRIES, Instructions, ShardEncoder, instruct
from handler.artifact import Artifact
from handler.encoder import Encoder

pytest.importorskip("pyarrow")
RECIPE = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "shards"))
    made.make()
    return made


@pytest.fixture
def told(tiny_artifact: Path, store: Store) -> Instructions:
    manifest = Artifact.open(tiny_artifact).manifest
    files = EncoderFiles(tiny_artifact, manifest.pooling, manifest.max_length, manifest.dim)
    return instruct(files, "passage: ", RECIPE, store, None)


def ask(worker: ShardEncoder, *names: str) -> list[str]:
    """What the worker says of each shard."""
    answer = worker({"shard": list(names)})
    assert answer["shard"] == list(names)
    return answer["error"]


def test_a_shard_gets_the_encoders_own_bytes(told: Instructions, store: Store, tiny_artifact: Path) -> None:
    texts = [*made_up(2 * BATCH + 7), " ".join(made_up(20))]
    new = [NewText(row.to_bytes(KEY_BYTES), text) for row, text in enumerate(texts)]
    shards = Shards(store, RECIPE)
    name = shards.write_texts(new)
    assert ask(ShardEncoder(told), name) == [""]
    embedded = shards.read_vectors(name)
    assert embedded is not None
    expected = Encoder.load(tiny_artifact).encode_counted(texts, "passage: ")
    assert embedded.keys == [one.key for one in new]
    assert embedded.embeddings.shape == (len(texts), DIM)
    assert embedded.embeddings.tobytes() == expected.embeddings.tobytes()
    assert embedded.counts.tokens.tolist() == expected.tokens.tolist()
    assert embedded.counts.truncated.tolist() == expected.truncated.tolist()
    assert embedded.counts.truncated[-1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"versions": {"numpy": "1.0"}},
            "the export has numpy 1.0: install the same versions on every machine",
        ),
        ({"probes": b"other"}, "so it has another kind of processor: let machines of one kind do both"),
    ],
)
def test_a_worker_that_would_give_other_bytes_is_refused(
    change: dict[str, Any], sentence: str, told: Instructions, store: Store
) -> None:
    name = Shards(store, RECIPE).write_texts([NewText(b"k" * KEY_BYTES, "storm")])
    (error,) = ask(ShardEncoder(dataclasses.replace(told, **change)), name)
    assert error.endswith(sentence)
    assert Shards(store, RECIPE).read_vectors(name) is None


def test_a_shard_that_is_not_there_or_ends_its_workers(told: Instructions, store: Store) -> None:
    shards = Shards(store, RECIPE)
    name = shards.write_texts([NewText(b"k" * KEY_BYTES, "storm")])
    shards.delete(name, "texts")
    worker = ShardEncoder(told)
    for _ in range(MOST_TRIES):
        (error,) = ask(worker, name)
        assert (
            "finds no whole file of its texts: give --ray-shards a folder that every machine shares" in error
        )
    (error,) = ask(worker, name)
    assert error.startswith(f"{MOST_TRIES} workers ended while they embedded it")


def test_any_other_error_is_told_with_its_place(told: Instructions, store: Store) -> None:
    shards = Shards(store, RECIPE)
    name = shards.write_texts([NewText(b"k" * KEY_BYTES, "storm")])
    worker = ShardEncoder(dataclasses.replace(told, prompt=3))  # type: ignore[arg-type]
    (error,) = ask(worker, name)
    assert "TypeError" in error
