"""An export with --passages: its rows, its vectors, what it reuses, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import Export, files, flip_bit
from keyword_corpora import blended
from safetensors.numpy import load_file
from texts import TEXTS
from unsigned import unsigned

from export.build.gate import Thresholds
from export.build.write_documents import read_row_texts, read_texts
from handler.artifact import Artifact
from handler.errors import ArtifactError, OptionError
from handler.scores import Embeddings
from handler.searcher import Searcher

SENTENCES = [f"{text.text}." for text in TEXTS]
# Short texts, and long ones that share sentences, so that equal passages are in several documents.
DOCUMENTS = [
    SENTENCES[0],
    " ".join(SENTENCES),
    SENTENCES[5],
    " ".join(SENTENCES[10:30]),
    " ".join(SENTENCES[10:30]),
    "  ".join(SENTENCES[::-1]),
]


def write_corpus(path: Path, texts: list[str]) -> Path:
    lines = [json.dumps({"id": f"d{row}", "text": text}) for row, text in enumerate(texts)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def long_texts(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "long.jsonl", DOCUMENTS)


def spans_of(artifact: Path) -> list[tuple[int, int, int]]:
    """Document, start and end of each row."""
    tensors = load_file(artifact / "passages.safetensors")
    documents = np.repeat(np.arange(len(tensors["first"]) - 1), np.diff(tensors["first"]))
    spans = zip(documents.tolist(), tensors["spans"].tolist(), strict=True)
    return [(document, start, end) for document, (start, end) in spans]


def test_every_row_is_a_passage(export: Export, long_texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = export(long_texts, out, id="id", passages=True, dtype="float32")
    rows = spans_of(out)
    manifest = Artifact.open(out).manifest
    assert manifest == summary.manifest
    assert (manifest.count, manifest.rows, manifest.truncated) == (len(DOCUMENTS), len(rows), 0)
    assert manifest.passages == {"tokens": 22, "overlap": 5}
    assert len(rows) > 20
    texts = [DOCUMENTS[document][start:end] for document, start, end in rows]
    assert list(read_row_texts(out)) == texts
    assert list(read_texts(out)) == DOCUMENTS
    encoder = Searcher.load(out).encoder
    encoded = encoder.encode_counted(texts)
    assert load_file(out / "embeddings.safetensors")["embeddings"].tobytes() == encoded.embeddings.tobytes()
    assert np.load(out / "documents.tokens.npy").tolist() == encoded.tokens.tolist()
    assert not encoded.truncated.any()
    assert summary.embedded == len(set(texts)) < len(texts)


def test_a_short_text_has_the_vector_that_it_has_without_passages(
    export: Export, corpus_file: Path, tmp_path: Path
) -> None:
    export(corpus_file, tmp_path / "whole", max_length=64)
    export(corpus_file, tmp_path / "cut", max_length=64, passages=True)
    whole, cut = files(tmp_path / "whole"), files(tmp_path / "cut")
    differing = {name for name in whole | cut if whole.get(name) != cut.get(name)}
    assert differing == {"passages.safetensors", "manifest.json"}
    assert [row[0] for row in spans_of(tmp_path / "cut")] == list(range(len(TEXTS)))


def test_without_passages_rows_are_documents(export: Export, long_texts: Path, tmp_path: Path) -> None:
    manifest = export(long_texts, tmp_path / "out").manifest
    assert (manifest.rows, manifest.passages) == (len(DOCUMENTS), None)
    assert manifest.truncated == 4
    assert "passages.safetensors" not in manifest.files
    # As artifacts of earlier versions are.
    path = tmp_path / "out" / "manifest.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(unsigned({k: v for k, v in fields.items() if k not in ("rows", "passages")})))
    assert Artifact.open(tmp_path / "out").manifest == manifest._replace(files_crc32=None)
    assert Searcher.load(tmp_path / "out").search("storm", 1)[0].passage is None


@pytest.mark.parametrize("query", ["storm over Europe", SENTENCES[12], "bakery", "a"])
@pytest.mark.parametrize("mode", ["semantic", "hybrid"])
def test_documents_as_by_a_full_sort(
    export: Export, long_texts: Path, tmp_path: Path, query: str, mode: str
) -> None:
    out = tmp_path / "out"
    export(long_texts, out, id="id", passages=True)
    searcher = Searcher.load(out)
    rows = spans_of(out)
    assert searcher.local.keywords is not None
    stored = Embeddings.load(out, searcher.manifest.rows, searcher.manifest.dim)
    cosines = stored.all_scores(searcher.encoder.encode([query]))[0]
    scores = blended(cosines, searcher.local.keywords.query(query), 0.5) if mode == "hybrid" else cosines
    best: dict[int, int] = {}
    for row in np.argsort(-scores, kind="stable").tolist():
        best.setdefault(rows[row][0], row)
    for k in (1, 2, 5, 6, 100):
        hits = searcher.search(query, k, mode)
        assert [hit.index for hit in hits] == list(best)[:k]
        for hit in hits:
            row = best[hit.index]
            assert (hit.id, hit.text) == (f"d{hit.index}", DOCUMENTS[hit.index])
            assert hit.passage == rows[row][1:]
            assert np.float32(hit.score) == scores[row]


def test_only_changed_passages_are_embedded(export: Export, long_texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(long_texts, out, passages=True)
    before = set(read_row_texts(out))
    assert export(long_texts, out, passages=True).up_to_date
    changed = list(DOCUMENTS)
    changed[1] = changed[1].replace("Fog closes", "Smoke closes")
    write_corpus(long_texts, changed)
    summary = export(long_texts, out, passages=True)
    new = set(read_row_texts(out)) - before
    assert summary.embedded == len(new)
    # The windows after the change are soon the same as before.
    assert 1 <= len(new) < len(before) / 8
    fresh = export(long_texts, tmp_path / "fresh", passages=True)
    assert fresh.manifest == summary.manifest
    assert files(out) == files(tmp_path / "fresh")


def test_passages_come_and_go(export: Export, corpus_file: Path, long_texts: Path, tmp_path: Path) -> None:
    """Other passages are other inputs; a text that stays the same keeps its vector."""
    out = tmp_path / "out"
    export(long_texts, out)
    whole = files(out)
    with_passages = export(long_texts, out, passages=True)
    assert with_passages.embedded == len(set(read_row_texts(out)) - set(DOCUMENTS))
    assert not export(long_texts, out, passages=True, passage_overlap=0).up_to_date
    assert not export(long_texts, out, passages=True, passage_tokens=20).up_to_date
    export(long_texts, out)
    assert files(out) == whole


def test_damage_is_mended(export: Export, long_texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = export(long_texts, out, passages=True)
    expected = files(out)
    flip_bit(out / "passages.safetensors", -3)
    # Which text a row is of isn't known any more.
    assert export(long_texts, out, passages=True).embedded == made.embedded
    assert files(out) == expected


def test_the_verification_compares_passages(export: Export, long_texts: Path, tmp_path: Path) -> None:
    figures = export(long_texts, tmp_path / "out", passages=True, thresholds=Thresholds()).manifest.verify
    assert figures is not None
    assert figures["stored_least"] > 0.999
    assert figures["documents"] == len(spans_of(tmp_path / "out"))


def test_a_prompt_takes_its_tokens(export: Export, long_texts: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"passages": True, "max_length": 30, "document_prompt": "storm rain "}
    manifest = export(long_texts, tmp_path / "out", **options).manifest
    assert manifest.passages == {"tokens": 26, "overlap": 6}
    assert manifest.truncated == 0
    with pytest.raises(OptionError, match="--passage-tokens is 27, the model reads 26 tokens"):
        export(long_texts, tmp_path / "out", passage_tokens=27, **options)
    assert Artifact.open(tmp_path / "out").manifest == manifest


def test_options_are_refused_before_the_corpus_is_read(
    export: Export, bad_corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="--passage-tokens is given without --passages"):
        export(bad_corpus, tmp_path / "out", passage_tokens=20)
    told = "--passage-tokens is 25, the model reads 24 tokens with the special ones .*: choose at least 20 and less than 24"
    with pytest.raises(OptionError, match=told):
        export(bad_corpus, tmp_path / "out", passages=True, passage_tokens=25)
    assert not (tmp_path / "out").exists()


DAMAGES: dict[str, tuple[dict[str, Any], str]] = {
    "fewer rows than documents": ({"rows": 3}, "rows is 3, count is 6"),
    "other rows": (
        {"rows": 7},
        r"holds embeddings of shape|has 6 documents and \d+ rows, its manifest says 6 and 7",
    ),
    "no passages": ({"passages": None, "rows": 6}, "lists passages.safetensors, and its passages are null"),
    "no sizes": ({"passages": {}}, "passages is {}, which lacks tokens and overlap"),
    "a word for a size": ({"passages": {"tokens": "a", "overlap": 1}}, "not of type dict"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_manifest_that_disagrees_is_refused(
    export: Export, long_texts: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    export(long_texts, out, passages=True)
    fields, message = DAMAGES[name]
    path = out / "manifest.json"
    path.write_text(json.dumps(unsigned(json.loads(path.read_text()) | fields)))
    with pytest.raises(ArtifactError, match=message):
        Searcher.load(out)


def test_passages_without_their_file_are_refused(export: Export, long_texts: Path, tmp_path: Path) -> None:
    manifest = export(long_texts, tmp_path / "out").manifest
    wrong = manifest._replace(passages={"tokens": 22, "overlap": 5})
    (tmp_path / "out" / "manifest.json").write_bytes(wrong.to_json())
    with pytest.raises(ArtifactError, match=r"lists no passages\.safetensors"):
        Searcher.load(tmp_path / "out")
