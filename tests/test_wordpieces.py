"""Word pieces: the ids are the tokenizers package's, for every BERT tokenizer; every other one stays with the package."""

from __future__ import annotations

import copy
import functools
import gc
import json
import shutil
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizer_families import FAMILIES, PIECES

from export.build.write_wordpieces import settings_of, write_wordpieces
from handler.artifact import TOKENIZER_FILE, WORDPIECES_FILE, Artifact
from handler.encoder import Encoder, open_tokenizer
from handler.errors import ArtifactError
from handler.manifest import MANIFEST_FILE
from handler.searcher import Searcher
from handler.tokenizer import BoundedTokenizer, boundary_of, load_tokenizer
from handler.wordpieces import Vocabulary, WordPieces

BERT = {
    "BERT, lower case",
    "BERT, cased",
    "BERT, accents kept",
    "BERT, not cleaned",
    "BERT, ideographs in words",
    "MPNet",
    "a token with an ideograph",
}
MANY = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
HOSTILE = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80),
    st.text(alphabet="abcdexyz#' ", max_size=200),
    st.text(alphabet=st.characters(max_codepoint=127), max_size=80),
)


@functools.cache
def pair(name: str) -> tuple[Any, dict[str, Any]]:
    """The library's tokenizer of a family, and what wordpieces.json has of it."""
    library = FAMILIES[name][1]()
    found = settings_of(json.loads(library.to_str()))
    assert found is not None
    return library, found


def check_same(ours: Any, library: Any, text: str) -> None:
    found, expected = ours.encode(text), library.encode(text)
    assert (found.ids, bool(found.overflowing)) == (expected.ids, bool(expected.overflowing)), text


def fail() -> Any:
    raise AssertionError("the library's tokenizer was loaded")


def test_which_tokenizers_have_word_pieces(tmp_path: Path) -> None:
    for name, (_, make) in FAMILIES.items():
        write_wordpieces(make().to_str(), tmp_path / name)
        assert (tmp_path / name).exists() == (name in BERT), name


@pytest.mark.parametrize("name", sorted(BERT))
@MANY
@given(text=HOSTILE, max_length=st.integers(3, 300))
def test_the_ids_are_the_librarys(name: str, text: str, max_length: int) -> None:
    library, found = pair(name)
    library.enable_truncation(max_length)
    ours = WordPieces(found, max_length, lambda: library)
    check_same(ours, library, text)
    check_same(BoundedTokenizer(ours, max_length, chars_per_token=1), library, text)
    assert getattr(boundary_of(ours), "pattern", None) == getattr(boundary_of(library), "pattern", None)


def test_the_artifacts_ids_are_the_librarys(artifact: Path) -> None:
    opened = Artifact.open(artifact)
    ours = open_tokenizer(opened)
    library = load_tokenizer(artifact / TOKENIZER_FILE, opened.manifest.max_length)
    assert isinstance(ours, WordPieces)
    words = "abcdefghijklmnopqrstuvwxyz"
    for text in [*PIECES, "", *(a + b for a in PIECES for b in PIECES), *(words[i:] * 9 for i in range(26))]:
        check_same(ours, library, text)


def test_each_piece_has_its_id(artifact: Path) -> None:
    opened = Artifact.open(artifact)
    ours = open_tokenizer(opened)
    library = load_tokenizer(artifact / TOKENIZER_FILE, opened.manifest.max_length)
    # Years and other numbers among them, which look like ids.
    pieces = [piece for piece in library.get_vocab() if not piece.startswith("[")]
    assert sum(piece.isdigit() for piece in pieces) > 500
    for piece in pieces:
        check_same(ours, library, piece.removeprefix("##"))
        check_same(ours, library, f"q{piece.removeprefix('##')}")


def test_a_number_is_no_id_beside_it() -> None:
    vocabulary = Vocabulary({"19": "19 1950 1951 19 1950 7", "²": "² 5"})
    found = [vocabulary.find_longest(word, 0, 9) for word in ("19", "1950", "1951", "195", "19th", "²", "20")]
    assert found == [(1950, 2), (7, 4), (19, 4), (1950, 2), (1950, 2), (5, 1), None]
    # "19 1950" is a piece and its id, never a piece of its own.
    assert vocabulary.find_longest("x1950", 1, 3) == (1950, 3)


def test_words_of_strangers_take_no_memory(artifact: Path) -> None:
    ours = open_tokenizer(Artifact.open(artifact))
    for name in ("words", "parts"):
        lines = json.loads((artifact / WORDPIECES_FILE).read_bytes())[name]
        kept = set(lines)
        vocabulary = Vocabulary(lines)
        for first in range(0x21, 0x3000):
            vocabulary.find_longest(chr(first) + "\u2603", 0, 9)
        assert vocabulary._lines.keys() == kept
    assert ours.encode("\u2603" * 3).ids


def test_ascii_needs_no_import(artifact: Path) -> None:
    code = (
        "import sys; from seeklet import Searcher; from pathlib import Path\n"
        f"searcher = Searcher.load({str(artifact)!r})\n"
        "searcher.search('Winter storms, 2019: <b>_a_</b>', 1, 'hybrid')\n"
        "print('tokenizers' in sys.modules)\n"
        "searcher.search('Łódź', 1, 'hybrid')\n"
        "print('tokenizers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_it_goes_with_its_last_user(artifact: Path) -> None:
    # app.py freezes what a start made, and the collector frees no cycle of it.
    gc.disable()
    try:
        ours = open_tokenizer(Artifact.open(artifact))
        assert ours.encode("a [SEP] b").ids
        watched = weakref.ref(ours)
        del ours
        assert watched() is None
    finally:
        gc.enable()


def test_a_query_never_needs_the_library(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handler.encoder.read_tokenizer", lambda *_: fail())
    searcher = Searcher.load(artifact)
    assert searcher.search("winter storms", 2, "hybrid")
    assert searcher.search("storms " * 5_000, 2)
    with pytest.raises(AssertionError, match="was loaded"):
        searcher.search("a [SEP] b", 2)


def test_an_artifact_without_them_gives_the_same_vectors(artifact: Path, tmp_path: Path) -> None:
    older = shutil.copytree(artifact, tmp_path / "older")
    manifest = Artifact.open(artifact).manifest
    files = {name: entry for name, entry in manifest.files.items() if name != WORDPIECES_FILE}
    (older / MANIFEST_FILE).write_bytes(manifest._replace(files=files, files_crc32=None).to_json())
    (older / WORDPIECES_FILE).unlink()
    texts = ["winter storms", "Łódź, 東京 and don't", "x" * 200]
    assert (Encoder.load(older).encode(texts) == Encoder.load(artifact).encode(texts)).all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda fields: [],
        lambda fields: {**fields, "words": {"st": 3}},
        lambda fields: {**fields, "parts": []},
        lambda fields: {**fields, "normalizer": {"lowercase": True}},
        lambda fields: {**fields, "normalizer": {**fields["normalizer"], "lowercase": None}},
        lambda fields: {**fields, "normalizer": {**fields["normalizer"], "strip_accents": "no"}},
        lambda fields: {name: value for name, value in fields.items() if name != "unknown"},
        lambda fields: {**fields, "before": None},
        lambda fields: {**fields, "before": ["x"]},
        lambda fields: {**fields, "after": "x"},
        lambda fields: {**fields, "after": [-1]},
        lambda fields: {**fields, "added": 1.5},
        lambda fields: {**fields, "added": {"[CLS]": True}},
        lambda fields: {**fields, "longest_word": None},
        lambda fields: {**fields, "longest_piece": "x"},
        lambda fields: {**fields, "unknown": 1.5},
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[dict[str, Any]], Any]) -> None:
    path = tmp_path / WORDPIECES_FILE
    path.write_text(json.dumps(damage(pair("BERT, cased")[1])))
    with pytest.raises(ArtifactError, match=r"wordpieces\.json is damaged: run `seeklet export` again"):
        WordPieces.open(path, 256, fail)


@pytest.mark.parametrize("line", ["storm", "storm 1 storms", "storms 1 storm", "storm x"])
def test_a_damaged_line_is_refused_when_it_is_read(line: str) -> None:
    ours = WordPieces({**pair("BERT, cased")[1], "words": {"st": line}}, 256, fail)
    with pytest.raises(ArtifactError, match=r"wordpieces\.json: the vocabulary's line 'st' is damaged"):
        ours.encode("storm")


def test_no_room_for_a_text(tmp_path: Path) -> None:
    path = tmp_path / WORDPIECES_FILE
    path.write_text(json.dumps(pair("BERT, cased")[1]))
    with pytest.raises(ArtifactError, match="adds 2 tokens to a text, the manifest's max_length is 2"):
        WordPieces.open(path, 2, fail)


def test_a_copy_reads_the_same() -> None:
    library, found = pair("BERT, cased")
    ours = WordPieces(found, 256, lambda: library)
    assert copy.deepcopy(ours).encode("storm").ids == ours.encode("storm").ids
    assert not hasattr(ours, "__array__")
