"""The engine of `seeklet export --engine ray`: texts in shards, an encoder on each core, vectors in shards.

    new texts -> shards of texts -> Ray Data: one ShardEncoder on each core -> shards of vectors -> the journal

The driver writes the shards of texts, and takes over each shard of vectors as it is done. A shard is deleted when its
vectors are on disk in the journal. So after the driver was killed, the next run finds in the journal and in the shards
everything that was done, and after a worker was killed, Ray gives its shard to another.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from export.build.engine import Embedded, Job, NewText
from export.build.progress import Progress
from export.corpus.entries import Entries, Wanted, open_files
from export.ray.cluster import cluster, prepare_data
from export.ray.reading import read_files
from export.ray.shards import Shards, cut
from export.ray.store import Store
from export.ray.worker import ShardEncoder, instruct
from handler.errors import EngineError, reason

# Shards that are written before the workers begin with them: 2 million texts.
WAVE = 2048
# How often a shard whose vectors arrive damaged is embedded.
MOST_ROUNDS = 3


class RayEngine:
    """Embeds on a Ray cluster. It starts Ray, or joins it, only when there is a text to embed."""

    def __init__(
        self,
        progress: Progress,
        *,
        address: str | None = None,
        workers: int | None = None,
        shards: str | None = None,
    ) -> None:
        """Takes where to embed.

        Args:
            progress: is told when something is made again.
            address: host:port of a running cluster; None is this machine.
            workers: how many encoders; None is one on each CPU.
            shards: a folder that all machines share, or an s3:// URI; None is a folder beside the artifact.
        """
        self._progress = progress
        self._address = address
        self._workers = workers
        self._place = shards
        self._stack = ExitStack()
        self._joined: int | None = None

    def read(self, paths: Sequence[str], wanted: Wanted) -> Iterator[Entries]:
        """Yields the entries of each file; several files are read by tasks of Ray, one file is read here."""
        if len(paths) == 1:
            yield from open_files(paths, wanted)
            return
        self._join()
        entries = read_files(paths, wanted)
        # An error leaves it half read, and Ray must not end before it.
        self._stack.callback(entries.close)
        yield from entries

    def close(self) -> None:
        """Leaves the cluster, or stops it where it was started here."""
        self._stack.close()
        self._joined = None

    def _join(self) -> int:
        """Starts or joins the cluster once; returns the number of workers."""
        if self._joined is None:
            self._joined = self._stack.enter_context(cluster(self._address, self._workers))
        return self._joined

    def left(self, job: Job, fresh: bool) -> Generator[Embedded, None, None]:
        """Yields the whole shards of vectors that an interrupted run left, and deletes what it left."""
        store = self._store(job)
        store.make()
        if not fresh:
            shards = Shards(store, job.recipe)
            for name in shards.unfinished():
                embedded = shards.read_vectors(name)
                if embedded is not None:
                    yield embedded
                else:
                    self._progress.say(f"the shard {name} is damaged: its texts are embedded again")
                shards.delete(name)
        store.remove()

    def embed(self, job: Job, texts: Iterable[NewText]) -> Generator[Embedded, None, None]:
        """Yields the vectors of each shard as it is done."""
        store = self._store(job)
        store.make()
        shards = Shards(store, job.recipe)
        waves = cut(texts)
        names = [shards.write_texts(shard) for shard in islice(waves, WAVE)]
        while names:
            yield from self._embed_wave(job, store, shards, names, self._join())
            names = [shards.write_texts(shard) for shard in islice(waves, WAVE)]
        store.remove()
        # What follows needs the memory and the cores itself.
        self.close()

    def _embed_wave(
        self, job: Job, store: Store, shards: Shards, names: list[str], workers: int
    ) -> Iterator[Embedded]:
        rounds: Counter[str] = Counter()
        waiting = dict.fromkeys(names)
        while waiting:
            rounds.update(waiting)
            for name in _run(job, store, list(waiting), workers):
                embedded = shards.read_vectors(name)
                if embedded is None:
                    if rounds[name] == MOST_ROUNDS:
                        raise EngineError(
                            f"the shard {name} in {store.place} arrived damaged {MOST_ROUNDS} times: "
                            "check the disk, or choose another --ray-shards"
                        )
                    self._progress.say(f"the shard {name} is damaged: it is made again")
                    shards.delete(name, "vectors", "tries")
                    continue
                yield embedded
                shards.delete(name)
                del waiting[name]

    def _store(self, job: Job) -> Store:
        if self._place is None:
            return Store(str(job.out.parent / f".{job.out.name}.shards"))
        # Several exports may share the place.
        own = hashlib.sha256(str(job.out).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        place = self._place if "://" in self._place else str(Path(self._place).absolute())
        return Store(f"{place.rstrip('/')}/seeklet-{own}")


def _run(job: Job, store: Store, names: list[str], workers: int) -> Iterator[str]:
    """Embeds shards; yields the name of each as it is done. Raises EngineError where one can't be embedded."""
    import ray
    from ray.exceptions import RayError

    data = prepare_data()
    contents = ray.put({path.name: path.read_bytes() for path in job.files.paths})
    # A block for each shard, so that each is a task of its own.
    rows = data.from_items([{"shard": name} for name in names], override_num_blocks=len(names)).map_batches(
        ShardEncoder,
        fn_constructor_args=(instruct(job.files, job.prompt, job.recipe, store, contents),),
        batch_size=1,
        num_cpus=1,
        compute=data.ActorPoolStrategy(size=min(workers, len(names)), max_tasks_in_flight_per_actor=2),
    )
    try:
        for row in rows.iter_rows():
            if row["error"]:
                raise EngineError(
                    f"the shard {row['shard']} in {store.place} can't be embedded: {row['error']}"
                )
            yield row["shard"]
    except RayError as error:
        raise EngineError(
            f"the Ray cluster fails ({reason(error)}): the same command continues from here"
        ) from error
