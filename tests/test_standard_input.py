"""A corpus from standard input or a named pipe, which can neither seek nor tell its size."""

from __future__ import annotations

import gzip
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from corpus_files import DOCUMENTS, ROWS, WRITERS, refusal

from export.corpus.reader import CorpusReader


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Feeds data to standard input through a real pipe."""
    threads: list[threading.Thread] = []

    def feed(data: bytes) -> None:
        outlet, inlet = os.pipe()

        def write() -> None:
            with suppress(BrokenPipeError), os.fdopen(inlet, "wb", buffering=0) as file:
                file.write(data[:1])  # a first read of one byte must not confuse the sniffing
                file.write(data[1:])

        threads.append(threading.Thread(target=write))
        threads[-1].start()
        stdin = SimpleNamespace(buffer=files.enter_context(os.fdopen(outlet, "rb")))
        monkeypatch.setattr(sys, "stdin", stdin)

    with ExitStack() as files:
        yield feed
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", WRITERS)
def test_every_format(pipe: Callable[[bytes], None], kind: str, zipped: bool) -> None:
    data = WRITERS[kind](ROWS)
    pipe(gzip.compress(data) if zipped else data)
    sniffed = kind in ("jsonl", "parquet")
    reader = CorpusReader("-", ["title", "body"], "id", ["year"], None if sniffed else kind)
    assert list(reader) == DOCUMENTS
    # Parquet counts rows; of the others nobody knows how much is to come.
    assert reader.fraction == (1.0 if kind == "parquet" else None)


def test_the_format_must_be_given_where_it_cant_be_told(pipe: Callable[[bytes], None]) -> None:
    pipe(b"id,text\n1,a\n")
    assert refusal(CorpusReader("-", ["text"])) == (
        "standard input: neither name nor content tells the format: "
        "give --format csv, tsv, jsonl, txt or parquet"
    )


@pytest.mark.parametrize("data", [b"", b"\n \n"])
def test_empty_input(pipe: Callable[[bytes], None], data: bytes) -> None:
    pipe(data)
    assert refusal(CorpusReader("-", ["text"])).startswith("standard input is empty")


def test_gzip_that_is_cut_off(pipe: Callable[[bytes], None]) -> None:
    pipe(gzip.compress(b"text\na\n")[:-9])
    message = refusal(CorpusReader("-", ["text"], format="csv"))
    assert message.startswith("standard input: the gzip data is cut off after about 0 bytes")


def test_closed_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal(CorpusReader("-", ["text"])).startswith("standard input is closed")


def test_a_named_pipe_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "corpus.csv"
    os.mkfifo(path)
    thread = threading.Thread(target=path.write_bytes, args=(b"text\na\n",))
    thread.start()
    reader = CorpusReader(str(path), ["text"])
    assert [document.text for document in reader] == ["a"]
    assert reader.fraction is None
    thread.join()
