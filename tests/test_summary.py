"""What the summary of an export warns of."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from exports import Export

from export.build.sizes import show_bytes
from export.build.summary import (
    HIT_BYTES,
    MOST_GROWTH,
    PASSAGE_BYTES,
    describe,
    results_that_fit,
)
from handler.errors import RequestError
from handler.hits import Hit
from handler.passages import Span
from handler.requests import refuse_response
from handler.routes.similar import render_hits
from handler.settings import DEFAULT_MAX_RESPONSE_BYTES
from seeklet.commands.info import describe as describe_folder


def write_lines(folder: Path, lines: list[bytes]) -> Path:
    """The two files of documents whose lines are these."""
    (folder / "documents.jsonl").write_bytes(b"".join(lines))
    np.save(folder / "documents.offsets.npy", np.cumsum([0, *map(len, lines)], dtype=np.uint64))
    return folder


@pytest.mark.parametrize(
    ("sizes", "fit"),
    [
        ([100] * 5000, 100),
        ([29_000] * 500, 100),
        ([38_000] * 110, 78),
        ([40] * 1000 + [2_990_000] + [40] * 1000, 100),
        ([40] * 1000 + [2_999_900], 1),
        ([3_000_000], 0),
        ([500, 400], 2),
    ],
)
def test_how_many_results_fit(tmp_path: Path, sizes: list[int], fit: int) -> None:
    assert results_that_fit(write_lines(tmp_path, [b"x" * (size - 1) + b"\n" for size in sizes])) == fit


def test_a_passage_has_bytes_too(tmp_path: Path) -> None:
    write_lines(tmp_path, [b"x" * (size - 1) + b"\n" for size in [40] * 1000 + [2_990_000]])
    assert results_that_fit(tmp_path) == 100
    (tmp_path / "passages.safetensors").touch()
    fit = results_that_fit(tmp_path)
    assert fit < 100
    place = json.dumps({"passage": Span(1_234_567, 7_654_321)._asdict()}, separators=(",", ":"))
    assert len(json.dumps(place)) - len('"{}"') + len(",") <= PASSAGE_BYTES


@pytest.mark.parametrize(
    "character", ["a", "\u0436", "\u6f22", "\U0001f600", '"', "\\", "\n", "\u0001", "\x7f"]
)
def test_as_many_fit_as_the_handler_sends(tmp_path: Path, character: str) -> None:
    """Against the handler's own limit, for documents of which half would fit if nothing had to be escaped."""
    text = character * (60_000 // len(json.dumps(character, ensure_ascii=False)[1:-1].encode()))
    rows = [{"id": str(row), "text": text, "metadata": {}} for row in range(100)]
    write_lines(
        tmp_path,
        [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows],
    )
    fit = results_that_fit(tmp_path)
    answers = [
        render_hits([Hit(str(row), row, 0.12345678, text, {}) for row in range(n)]) for n in (fit, fit + 2)
    ]
    refuse_response(answers[0], DEFAULT_MAX_RESPONSE_BYTES)
    with pytest.raises(RequestError, match="ask for fewer"):
        refuse_response(answers[1], DEFAULT_MAX_RESPONSE_BYTES)


@pytest.mark.parametrize("text", ["cheese and storm ", '"\\\n\t\u0001', "\u00fc\u6f22\U0001f600 "])
def test_an_answer_is_never_larger_than_counted(export: Export, tmp_path: Path, text: str) -> None:
    """Against an answer in the shape of POST /similar, with numbers as long as they come."""
    rows = [{"id": "x" * 80, "text": text * (2 * row + 1), "topic": {"a": [text]}} for row in range(120)]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    export(corpus, tmp_path / "out", metadata=["topic"])
    lines = (tmp_path / "out" / "documents.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 120
    for line in lines:
        document = json.loads(line)
        score, index = -0.00012345678, 840_000
        item = {"id": document["id"], "index": index, "score": score}
        answer = {
            "text": [f"Item:{document['text']} (index: {index} score:{score})"],
            "results": [{**item, "text": document["text"], "metadata": document["metadata"]}],
        }
        size = len(json.dumps(json.dumps(answer, ensure_ascii=False, separators=(",", ":"))))
        assert size <= 2 * len(json.dumps(line.decode())) + HIT_BYTES
        assert len(json.dumps(line.decode())) <= MOST_GROWTH * len(line)


def test_documents_too_long_for_an_answer_are_told(export: Export, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": f"storm {row} " * 4000}) + "\n" for row in range(110)))
    summary = export(corpus, tmp_path / "out")
    (warning,) = [line for line in describe(summary, tmp_path / "out").splitlines() if "warning" in line]
    fit = results_that_fit(tmp_path / "out")
    assert 60 < fit < 100
    assert warning == (
        f"warning: of the longest documents only {fit} fit into an answer of 6,000,000 bytes, and larger answers are "
        f"refused: set MAX_RESULTS to {fit}, or divide the longest documents"
    )
    again = export(corpus, tmp_path / "out")
    assert again.up_to_date
    assert warning in describe(again, tmp_path / "out")


def test_short_documents_bring_no_warning(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    assert "warning" not in describe(export(corpus_file, tmp_path / "out"), tmp_path / "out")


def test_texts_that_were_not_embedded_are_told(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    first = export(corpus_file, tmp_path / "out")
    count = first.manifest.count
    for embedded, words in (
        (count, f"{count} texts embedded"),
        (1, "1 text embedded, the others were known, or equal to another"),
        (0, "0 texts embedded, the others were known, or equal to another"),
    ):
        summary = dataclasses.replace(first, embedded=embedded)
        assert describe(summary, tmp_path / "out").splitlines()[1] == f"  documents   {count:>12,}   {words}"


def test_sizes_have_the_unit_that_suits_them(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    manifest = export(corpus_file, tmp_path / "out").manifest
    described = describe_folder(tmp_path / "out", manifest)
    sizes = {line.split()[-1]: line.split()[:2] for line in described if line.endswith(tuple(manifest.files))}
    shown = describe(export(corpus_file, tmp_path / "out"), tmp_path / "out")
    for name, size in sizes.items():
        assert f"  {' '.join(size):>10}  {name}\n" in shown
    assert [show_bytes(count) for count in (0, 999, 1_000, 999_900, 1_000_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "999.9 kB",
        "1.0 MB",
    ]


def test_an_unfused_graph_is_told(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    summary = export(corpus_file, tmp_path / "out")
    assert summary.manifest.graph == "fused"
    assert "graph  " not in describe(summary, tmp_path / "out")
    manifest = summary.manifest._replace(graph="unfused")
    described = describe(dataclasses.replace(summary, manifest=manifest), tmp_path / "out")
    assert "  graph       unfused: this model's graph has a pattern that isn't known" in described
