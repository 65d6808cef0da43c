"""The sample: the same documents and queries each time, spread over the corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from export.build.sample import cut_queries, sample_rows, sample_texts


def test_queries_are_runs_of_2_to_6_words(texts: list[str]) -> None:
    queries = cut_queries(texts, 200)
    assert queries == cut_queries(texts, 200)
    assert len(queries) == len(texts)
    for query, text in zip(queries, texts, strict=True):
        assert query in " ".join(text.split())
        assert min(2, len(text.split())) <= len(query.split()) <= 6
    assert {len(query.split()) for query in queries} >= {2, 3, 4, 5, 6}


def test_many_documents_are_sampled(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": str(row), "text": f"text {row}", "metadata": {}}) + "\n" for row in range(5000)
    ]
    (tmp_path / "documents.jsonl").write_text("".join(lines))
    np.save(tmp_path / "documents.offsets.npy", np.cumsum([0, *map(len, lines)], dtype=np.uint64))
    sampled = sample_texts(tmp_path, 400)
    rows = [int(text.removeprefix("text ")) for text in sampled]
    assert len(rows) == 400
    assert (rows[0], rows[-1]) == (0, 4999)
    assert 12 <= np.diff(rows).min() <= np.diff(rows).max() <= 13
    assert len(cut_queries(sampled, 200)) == 200


def test_a_document_of_many_passages_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["abcdef" * 100, "ghijkl" * 100]
    lines = [json.dumps({"id": text[0], "text": text, "metadata": {}}) + "\n" for text in texts]
    (tmp_path / "documents.jsonl").write_text("".join(lines))
    np.save(tmp_path / "documents.offsets.npy", np.cumsum([0, *map(len, lines)], dtype=np.uint64))
    spans = np.array([(start, start + 6) for _ in texts for start in range(0, 600, 6)], np.int32)
    save_file({"first": np.array([0, 100, 200]), "spans": spans}, tmp_path / "passages.safetensors")
    read, loads = [], json.loads

    def load(line: bytes) -> object:
        read.append(line)
        return loads(line)

    monkeypatch.setattr(json, "loads", load)
    assert sample_texts(tmp_path, 50) == ["abcdef"] * 25 + ["ghijkl"] * 25
    assert [line for line in read if b"metadata" in line] == [line.encode() for line in lines]


def test_a_seed_and_a_count_of_ones_own(texts: list[str]) -> None:
    assert cut_queries(texts, 200) != cut_queries(texts, 200, seed=1)
    assert len(cut_queries(texts, 7)) == 7


@pytest.mark.parametrize(("total", "count", "rows"), [(1, 400, [0]), (3, 400, [0, 1, 2]), (9, 3, [0, 4, 8])])
def test_rows(total: int, count: int, rows: list[int]) -> None:
    assert sample_rows(total, count).tolist() == rows


def test_the_sample_of_an_earlier_version(texts: list[str]) -> None:
    """The figures of an unchanged model stay as they are only where the sample does."""
    assert cut_queries(texts, 200)[:3] == [
        "with hurricane winds sweeps across western",
        "climate brings heavier storms",
        "Floods in central",
    ]
