"""A service whose releases are switched under a constant load; run in a process of its own, so that its memory counts.

python tests/switching.py FOLDER    each folder in FOLDER is an artifact; the last line of the output is a Report
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import sys
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fake_s3 import FakeS3, fake_s3
from http_events import make_event
from lambda_tools import NO_AWS
from releases import QUERY, URI, publish

from handler.function import Function
from handler.loading import Loader
from handler.refresh import Refresher
from handler.settings import Settings

THREADS = 4
SETTINGS = Settings.from_env({"ARTIFACT_URI": URI, "THREADS": "1"})


def post(path: str, **fields: Any) -> dict[str, Any]:
    return make_event("POST", path, json.dumps(fields))


# A remainder of a release's number -> how it is damaged.
BAD: dict[int, dict[str, str]] = {4: {"damaged": "documents.jsonl"}, 2: {"without": "embeddings.safetensors"}}

EVENTS = [
    post("/search", query=QUERY, k=5, include=["text", "metadata", "highlights", "explain", "embedding"]),
    post("/search", query="bread", mode="keyword"),
    post("/search", queries=[QUERY, "a dog in the garden"], k=3, facets=["topic"]),
    post("/similar", text=QUERY),
    post("/documents", indexes=[0, 3, 11]),
    make_event("GET", "/map/points", rawQueryString="color=topic"),
    make_event("GET", "/search", rawQueryString="q=music"),
    {"query": "music", "k": 4},
]


class Seen(NamedTuple):
    """An answer: which event's, its content's hash, and which releases it may be of, by their numbers."""

    event: int
    digest: str
    first: int
    last: int


class Load:
    """Threads that send the events without a pause, and note the answers."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.served = 0  # known to be served by now
        self.published = 0  # may be served by now
        self.seen: Counter[Seen] = Counter()
        self.failures: list[BaseException] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(start,)) for start in range(THREADS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, start: int) -> None:
        try:
            for number in itertools.count(start):
                if self._ended.is_set():
                    return
                event, first = number % len(EVENTS), self.served
                digest = content(self.function(EVENTS[event]))
                with self._lock:
                    self.seen[Seen(event, digest, first, self.published)] += 1
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.failures.append(error)


def content(answer: dict[str, Any]) -> str:
    """The hash of what an answer says."""
    assert answer.get("statusCode", 200) == 200, answer
    said = answer["body"] if "statusCode" in answer else json.dumps(answer)
    return hashlib.sha256(said.encode()).hexdigest()


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def open_files() -> tuple[int, int]:
    """How many files are open, and how many sockets."""
    opened = []
    for path in Path("/proc/self/fd").iterdir():
        # One of them lists this folder, and is closed by now.
        with contextlib.suppress(FileNotFoundError):
            opened.append(str(path.readlink()))
    sockets = sum(name.startswith("socket:") for name in opened)
    return len(opened) - sockets, sockets


def wait_until(holds: Callable[[], bool], load: Load) -> None:
    until = time.monotonic() + 120
    while not holds():
        assert not load.failures, load.failures
        assert time.monotonic() < until
        time.sleep(0.005)


class Report(NamedTuple):
    """What happened.

    seen      the answers, each with how often it was seen
    refused   how many releases were refused
    memory    resident MB after each switch
    files     open files and sockets before the load, and after it
    alive     how many searchers of old releases are left
    folders   how many folders are left in /tmp
    """

    seen: list[tuple[Seen, int]]
    refused: int
    memory: list[float]
    files: list[tuple[int, int]]
    alive: int
    folders: int


def switch_all(artifacts: list[Path], s3: FakeS3, temporary: Path) -> Report:
    """Serves one artifact after the other, with bad releases among them, while threads ask."""
    publish(s3, artifacts[0])
    loader = Loader(SETTINGS, parent=temporary)
    # Every event finds that a look is due.
    ticks = itertools.count(0, 60)
    refresher = Refresher(loader, loader.connect(URI), clock=lambda: float(next(ticks)))
    watched = [weakref.ref(refresher.current().searcher)]
    memory: list[float] = []
    files = [open_files()]
    refused = 0

    def release() -> Any:
        served = refresher.current().release
        assert served is not None
        return served.describe()

    def refused_is(id_: str) -> bool:
        return (release()["refused"] or {}).get("id") == id_

    with Load(Function(SETTINGS, source=refresher)) as load:
        for number, artifact in enumerate(artifacts[1:], 1):
            # Corrupt or half uploaded: it must never be served.
            damage = BAD.get(number % 5)
            if damage is not None:
                bad = publish(s3, artifact, **damage)
                wait_until(lambda id_=bad.id: refused_is(id_), load)  # type: ignore[misc]
                assert release()["id"] != bad.id
                refused += 1
                continue
            load.published = number
            good = publish(s3, artifact)
            wait_until(lambda id_=good.id: release()["id"] == id_, load)  # type: ignore[misc]
            load.served = number
            watched.append(weakref.ref(refresher.current().searcher))
            # What one release needs on S3 isn't what is measured here.
            s3.objects = {
                key: kept for key, kept in s3.objects.items() if good.folder in key or "current" in key
            }
            s3.asked.clear()
            memory.append(resident_mb())
        refresher.wait(60)
    files.append(open_files())
    assert not load.failures, load.failures
    alive = sum(reference() is not None for reference in watched[:-1])
    return Report([*load.seen.items()], refused, memory, files, alive, len(list(temporary.iterdir())))


def main() -> None:
    """Runs it over the artifacts of a folder."""
    os.environ.update(NO_AWS)
    artifacts = sorted(Path(sys.argv[1]).iterdir(), key=lambda path: int(path.name[1:]))
    with fake_s3() as s3, tempfile.TemporaryDirectory() as temporary:
        os.environ["AWS_ENDPOINT_URL"] = s3.url
        print(json.dumps(switch_all(artifacts, s3, Path(temporary))))


if __name__ == "__main__":
    main()
