"""The seam of engines, without Ray: whoever embeds, in whatever parts and order, the artifact has the same bytes."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import LONG, Export, files, made_up, write_texts

from export.build.engine import Embedded, Job, NewText
from export.build.options import BuildOptions
from export.build.pipeline import Summary, build
from export.build.progress import Progress
from export.build.token_counts import TokenCounts
from export.corpus.entries import Entries, Wanted, open_files
from handler.errors import EngineError, OptionError, SeekletError
from seeklet import extras
from seeklet.engines import choose_engine

NOTHING: dict[str, Any] = {"address": None, "workers": None, "shards": None}


class Elsewhere:
    """An engine of this process: opens the encoder by its files, and gives parts of random sizes in random order."""

    def __init__(self, seed: int = 0, fails_after: int | None = None) -> None:
        self.chooser = random.Random(seed)
        self.fails_after = fails_after
        self.kept: list[Embedded] = []
        self.texts: list[str] = []
        self.closed = False

    def read(self, paths: Sequence[str], wanted: Wanted) -> Iterator[Entries]:
        return open_files(paths, wanted)

    def left(self, job: Job, fresh: bool) -> Generator[Embedded, None, None]:
        kept, self.kept = self.kept, []
        if not fresh:
            yield from kept

    def embed(self, job: Job, texts: Iterable[NewText]) -> Generator[Embedded, None, None]:
        encoder = job.files.open(1)
        waiting = list(texts)
        self.chooser.shuffle(waiting)
        try:
            while waiting:
                if self.fails_after is not None and len(self.texts) >= self.fails_after:
                    raise EngineError("the cluster is gone")
                size = self.chooser.randint(1, 300)
                part, waiting = waiting[:size], waiting[size:]
                encoded = encoder.encode_counted([new.text for new in part], job.prompt)
                self.texts += [new.text for new in part]
                counts = TokenCounts(encoded.tokens.astype(np.int16), encoded.truncated)
                self.kept.append(Embedded([new.key for new in part], counts, encoded.embeddings))
                yield self.kept[-1]
                self.kept.pop()
        finally:
            self.closed = True

    def close(self) -> None:
        self.closed = True


def export_by(engine: Elsewhere, corpus: Path, out: Path, model: Path, **options: Any) -> Summary:
    fields = {"text": ["text"], "model": str(model), "threads": 1, "thresholds": None, **options}
    return build(BuildOptions(corpus=str(corpus), out=out, **fields), Progress(quiet=True), engine=engine)


@pytest.mark.parametrize("seed", range(3))
def test_every_file_has_the_same_bytes(
    seed: int, long_corpus: Path, fresh: Path, tiny_model: Path, use_tiny_cache: None, tmp_path: Path
) -> None:
    engine = Elsewhere(seed)
    summary = export_by(engine, long_corpus, tmp_path / "out", tiny_model)
    assert files(tmp_path / "out") == files(fresh)
    assert summary.embedded == len(engine.texts) == len(set(engine.texts)) == LONG
    assert engine.closed


def test_equal_texts_and_passages(
    export: Export, tiny_model: Path, use_tiny_cache: None, tmp_path: Path
) -> None:
    made = made_up(60)
    corpus = write_texts(tmp_path / "c.txt", [". ".join(made[i : i + 9]) for i in range(0, 45, 3)] * 2)
    options: dict[str, Any] = {"passages": True, "passage_tokens": 20, "dtype": "float32"}
    export(corpus, tmp_path / "local", **options)
    engine = Elsewhere()
    export_by(engine, corpus, tmp_path / "out", tiny_model, **options)
    assert files(tmp_path / "out") == files(tmp_path / "local")
    assert len(engine.texts) == len(set(engine.texts))


def test_what_failed_continues_here_or_there(
    long_corpus: Path, fresh: Path, export: Export, tiny_model: Path, use_tiny_cache: None, tmp_path: Path
) -> None:
    engine = Elsewhere(fails_after=900)
    with pytest.raises(EngineError, match="the cluster is gone"):
        export_by(engine, long_corpus, tmp_path / "out", tiny_model)
    done = len(engine.texts)
    assert engine.closed
    # One part was done and not taken over.
    engine.fails_after = done + 500
    with pytest.raises(EngineError, match="the cluster is gone"):
        export_by(engine, long_corpus, tmp_path / "out", tiny_model)
    assert len(engine.texts) == len(set(engine.texts))
    summary = export(long_corpus, tmp_path / "out")
    assert summary.embedded == LONG - len(engine.texts)
    assert files(tmp_path / "out") == files(fresh)


def test_a_part_that_the_journal_has_too_is_not_taken_over_again(
    long_corpus: Path, fresh: Path, tiny_model: Path, use_tiny_cache: None, tmp_path: Path
) -> None:
    first = Elsewhere(fails_after=900)
    with pytest.raises(EngineError):
        export_by(first, long_corpus, tmp_path / "out", tiny_model)
    second = Elsewhere()
    encoder_texts = first.texts[:50]
    second.kept = list(first.kept)
    summary = export_by(second, long_corpus, tmp_path / "out", tiny_model)
    assert summary.embedded == len(second.texts) == LONG - len(first.texts)
    assert not set(encoder_texts) & set(second.texts)
    assert files(tmp_path / "out") == files(fresh)


def test_the_engine_is_chosen() -> None:
    assert choose_engine("local", Progress(quiet=True), **NOTHING) is None
    with pytest.raises(OptionError, match="'spark' is no engine: choose one of local, ray"):
        choose_engine("spark", Progress(quiet=True), **NOTHING)
    for name, value in (("address", "host:1"), ("workers", 2), ("shards", "work")):
        with pytest.raises(OptionError, match=rf"^--ray-{name} is given without --engine ray: add it"):
            choose_engine("local", Progress(quiet=True), **{**NOTHING, name: value})


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.PACKAGES, "ray", ("no_such_package",))
    with pytest.raises(SeekletError) as refused:
        choose_engine("ray", Progress(quiet=True), **NOTHING)
    assert str(refused.value) == (
        '--engine ray needs no_such_package, not installed here: pip install "seeklet[ray]"'
    )
