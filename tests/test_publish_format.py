"""What `seeklet publish` sends and says, without a server: the bytes are those that PostgreSQL 18 and pgvector 0.8 sent."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from large_artifact import make_large, numbered

from export.publish.binary import (
    bytes_field,
    fixed_tuples,
    halfvec_bytes,
    int4_field,
    list_field,
    numeric_field,
    tuple_start,
)
from export.publish.source import Source
from export.publish.tables import IndexOptions, create_tables, indexes, literal, needed_memory, quoted, view
from export.publish.truth import kth_scores
from handler.artifact import Artifact
from handler.errors import ArtifactError
from handler.postgres.layout import vector_text
from handler.scores import Embeddings

# A number, and numeric_send of it in hexadecimal.
NUMBERS: list[tuple[int | float, str]] = [
    (0, "0000000000000000"),
    (-0.0, "0000000000000000"),
    (1, "00010000000000000001"),
    (-1, "00010000400000000001"),
    (9999, "0001000000000000270f"),
    (10000, "00010001000000000001"),
    (123456789, "0003000200000000000109291a85"),
    (-0.5, "0001ffff400000011388"),
    (0.0001, "0001ffff000000040001"),
    (1e-07, "0001fffe00000007000a"),
    (123456.75, "0003000100000002000c0d801d4c"),
    (5e-324, "0001ffaf000001440005"),
    (2**62 + 1, "000500040000000001cd069600b80ab21ee1"),
    (1e16, "00010004000000000001"),
    (10000.0001, "0003000100000004000100000001"),
    (1e22, "00010005000000000064"),
    (12345678.000012, "000400010000000604d2162e000004b0"),
]


@pytest.mark.parametrize(("number", "sent"), NUMBERS)
def test_a_number_is_what_numeric_sends(number: int | float, sent: str) -> None:
    assert numeric_field(number) == bytes_field(bytes.fromhex(sent))


def test_a_list_is_what_an_array_sends() -> None:
    sent = "0000000100000000000000110000000300000001000000016100000000000000026263"
    assert list_field([b"a", b"", b"bc"]) == bytes_field(bytes.fromhex(sent))


def test_a_vector_is_what_halfvec_sends() -> None:
    vectors = np.array([[1, -0.5, 65504, 6e-8]])
    assert halfvec_bytes(vectors).tobytes().hex() == "000400003c00b8007bff0001"
    # Rounded once, to the nearest, half to even.
    assert halfvec_bytes(np.array([[1 + 2**-11, 1 + 3 * 2**-11]])).tobytes().hex() == "000200003c003c02"


def test_tuples_of_fixed_length_are_those_of_single_fields() -> None:
    numbers, data = np.array([3, -4]), np.arange(6, dtype=np.uint8).reshape(2, 3)
    one_by_one = b"".join(
        tuple_start(3) + int4_field(number) + struct.pack(">i", -1) + bytes_field(row.tobytes())
        for number, row in zip(numbers.tolist(), data, strict=True)
    )
    assert fixed_tuples([(">i4", numbers), (">i4", None), ("u1", data)]) == one_by_one


def test_texts_in_sql_are_quoted() -> None:
    assert literal("it's") == "'it''s'"
    assert literal("a\\'b") == "E'a\\\\''b'"
    assert quoted('my "role"') == '"my ""role"""'


def test_the_statements_of_a_release(artifact: Path) -> None:
    manifest = Artifact.open(artifact).manifest
    made = "\n".join(create_tables("seeklet_0", manifest, "public"))
    assert 'embedding "public".halfvec(384) NOT NULL' in made
    assert "digest bytea NOT NULL, c0 bytea)" in made
    wanted = indexes("seeklet_0", manifest, IndexOptions(m=8, ef_construction=99), "public")
    assert wanted[-1].sql.endswith("WITH (m = 8, ef_construction = 99)")
    assert [index.name for index in wanted] == [
        "documents_index",
        "documents_id",
        "rows_row",
        "words_word",
        "terms_term",
        "documents_c0",
        "rows_embedding",
    ]
    assert view("seeklet", "seeklet_0", "words", ["word", "term"], "CREATE") == (
        "CREATE VIEW seeklet.words AS SELECT word, term FROM seeklet_0.words"
    )


def test_parts_cover_every_document_once(tiny_artifact: Path, tmp_path: Path) -> None:
    source = Source(make_large(tiny_artifact, tmp_path / "large", 4500))
    start, lines = 0, []
    while start < 4500:
        stop = source.part_end(start)
        lines += source.part(start, stop).lines
        start = stop
    data = (tmp_path / "large" / "documents.jsonl").read_bytes()
    assert b"\n".join(lines) + b"\n" == data
    terms, start = [], 0
    while start < source.terms:
        stop = source.terms_end(start)
        terms += list(source.term_tuples(start, stop))
        start = stop
    assert len(terms) == source.terms


def digests(artifact: Path) -> list[bytes]:
    source = Source(artifact)
    return source.part(0, source.manifest.count).digests


def test_a_digest_is_equal_where_the_document_and_its_rows_are(tiny_artifact: Path, tmp_path: Path) -> None:
    def line(place: int) -> dict[str, Any]:
        return {**numbered(place), "text": "another"} if place == 7 else numbered(place)

    first = digests(make_large(tiny_artifact, tmp_path / "first", 30))
    assert len(set(first)) == 30
    assert digests(make_large(tiny_artifact, tmp_path / "again", 40))[:30] == first
    changed = digests(make_large(tiny_artifact, tmp_path / "changed", 30, line=line))
    assert [place for place in range(30) if changed[place] != first[place]] == [7]
    other_vectors = digests(make_large(tiny_artifact, tmp_path / "other", 30, seed=1))
    assert not set(other_vectors) & set(first)


def test_an_artifact_that_was_damaged_is_not_published(own_artifact: Path) -> None:
    path = own_artifact / "keywords.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"keywords\.safetensors has SHA-256"):
        Source(own_artifact)


def test_the_kth_score_is_that_of_a_full_sort() -> None:
    chooser = np.random.default_rng(0)
    rows = chooser.normal(size=(20_000, 16)).astype(np.float32)
    embeddings, asked = Embeddings(rows), np.array([0, 8191, 8192, 19_999])
    scores = rows[asked] @ rows.T
    scores[np.arange(4), asked] = -np.inf
    wanted = np.sort(scores, 1)[:, -10]
    assert kth_scores(embeddings, asked, rows[asked], 10) == pytest.approx(wanted, abs=1e-5)


def test_a_vector_as_text() -> None:
    assert vector_text(np.array([1.0, -0.5, 6e-8])) == "[1.0,-0.5,6e-08]"


def test_the_memory_of_an_index_grows_with_its_rows_and_neighbours() -> None:
    assert needed_memory(1000, 384, 16) == 10 * needed_memory(100, 384, 16)
    assert needed_memory(1000, 384, 32) > needed_memory(1000, 384, 16) > 1000 * 2 * 384
