"""The embedding stage: what a model may not give, and rows that are damaged on their way to the artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import DIM, Export, made_up, write_texts
from numpy.typing import NDArray

from export.build.embed import GATHER_CHUNK, Embedder, Origin, Vectors
from export.build.journal import Journal
from export.build.progress import Progress
from export.build.token_counts import TokenCounts, read_token_counts, write_token_counts
from export.build.unit_length import check_unit_length
from export.build.write_documents import write_documents
from export.corpus.reader import CorpusReader
from handler.encoder import Encoded
from handler.errors import ArtifactError, ModelError, VerifyError
from handler.scores import Embeddings

UNIT = np.full((3, DIM), DIM**-0.5, np.float32)


def changed(row: int, value: float) -> NDArray[np.float32]:
    vectors = UNIT.copy()
    vectors[row, 0] = value
    return vectors


@pytest.mark.parametrize(
    ("vectors", "sentence"),
    [
        (changed(1, np.nan), "the vector of row 101 (counted from 0) has the length nan, not 1"),
        (changed(2, np.inf), "the vector of row 102 (counted from 0) has the length inf, not 1"),
        (changed(0, 3e38), "the vector of row 100 (counted from 0) has the length inf, not 1"),
        (changed(0, 0), "the vector of row 100 (counted from 0) has the length 0.9843, not 1"),
        (UNIT * 2, "the vector of row 100 (counted from 0) has the length 2, not 1"),
    ],
)
def test_a_damaged_row_is_named(vectors: NDArray[np.float32], sentence: str) -> None:
    with pytest.raises(VerifyError) as refused:
        check_unit_length(vectors, 100)
    assert str(refused.value) == f"{sentence}, so it is damaged: run the export again with --force"


def test_rounding_is_no_damage() -> None:
    for dtype in (np.float32, np.float16):
        check_unit_length(UNIT.astype(dtype).astype(np.float32), 0)


def test_rows_are_checked_wherever_they_come_from() -> None:
    """The second chunk's third row, from the artifact that is replaced."""
    count = GATHER_CHUNK + 5
    origins = np.full(count, Origin.JOURNAL, np.uint8)
    rows = np.zeros(count, np.int64)
    origins[GATHER_CHUNK + 2], rows[GATHER_CHUNK + 2] = Origin.REPLACED, 1
    sources = {Origin.JOURNAL: Embeddings(UNIT), Origin.REPLACED: Embeddings(changed(1, 0))}
    counts = TokenCounts(np.ones(count, np.int16), np.zeros(count, np.bool_))
    chunks = Vectors(origins, rows, counts, sources, DIM).chunks()
    assert next(chunks).tobytes() == np.tile(UNIT[0], (GATHER_CHUNK, 1)).tobytes()
    with pytest.raises(VerifyError, match=rf"row {GATHER_CHUNK + 2} \("):
        next(chunks)


class Broken:
    """An encoder whose model is unusable."""

    dim = DIM

    def __init__(self, *arguments: Any, **options: Any) -> None: ...

    def encode_counted(self, texts: list[str], prompt: str) -> Encoded:
        raise ArtifactError("the model gives a vector that isn't finite")


def test_a_vector_that_isnt_finite_names_the_model(
    export: Export, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.build.encoder_files.Encoder", Broken)
    with pytest.raises(ModelError) as refused:
        export(corpus_file, tmp_path / "out")
    assert str(refused.value) == (
        "tiny-bert (local) can't embed this corpus: the model gives a vector that isn't finite: "
        "fetch the model again, or use another --model"
    )
    assert list(tmp_path.iterdir()) == []


class Counting:
    """An encoder that remembers what it was asked."""

    dim = DIM

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode_counted(self, texts: list[str], prompt: str) -> Encoded:
        self.texts += texts
        vectors = np.array([[len(prompt + text)] * DIM for text in texts], np.float32)
        cut = np.array([len(text) > 30 for text in texts])
        return Encoded(vectors, np.array([min(len(text), 30) for text in texts]), cut)


def test_new_texts_alone_go_through_the_model(tmp_path: Path) -> None:
    texts = made_up(700)
    wanted = [*texts[:600], *texts[:50], *texts[600:]]
    corpus = write_texts(tmp_path / "corpus.txt", wanted)
    write_documents(CorpusReader(str(corpus), ["text"]), tmp_path, Progress(quiet=True), "corpus.txt")

    def embed(encoder: Counting, count: int) -> Vectors:
        with Journal(tmp_path, DIM, "ab" * 32) as journal:
            embedder: Any = Embedder(
                encoder,  # type: ignore[arg-type]
                journal,
                recipe="ab" * 32,
                prompt="to read: ",
                replaced=None,
                progress=Progress(quiet=True),
            )
            vectors: Vectors = embedder.embed(tmp_path, count)
            return vectors

    first, second = Counting(), Counting()
    embed(first, 750)
    assert first.texts == texts
    vectors = embed(second, 750)
    assert second.texts == []
    assert vectors.rows.tolist() == [texts.index(text) for text in wanted]
    assert vectors.counts.tokens.tolist() == [min(len(text), 30) for text in wanted]
    assert vectors.counts.truncated.tolist() == [len(text) > 30 for text in wanted]
    lengths = vectors.embeddings[Origin.JOURNAL].rows[vectors.rows, 0].tolist()
    assert lengths == [len("to read: " + text) for text in wanted]


def test_token_counts_on_disk(tmp_path: Path) -> None:
    """Negative where the text was cut, as docs/artifact-format.md says."""
    counts = TokenCounts(np.array([3, 512, 0], np.int16), np.array([False, True, False]))
    write_token_counts(tmp_path / "documents.tokens.npy", counts)
    stored = np.load(tmp_path / "documents.tokens.npy")
    assert (stored.dtype, stored.tolist()) == (np.int16, [3, -512, 0])
    read = read_token_counts(tmp_path / "documents.tokens.npy")
    assert (read.tokens.tolist(), read.truncated.tolist()) == ([3, 512, 0], [False, True, False])
    assert read.tokens.dtype == np.int16
