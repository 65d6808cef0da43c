"""Corpora of several files: which they are, in which order, and that they read as the files one after another."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from corpus_files import DOCUMENTS, ROWS, WRITERS, refusal

from export.corpus.places import find_files
from export.corpus.reader import CorpusReader
from handler.errors import CorpusError


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def below(folder: Path, found: Sequence[str]) -> list[str]:
    return [os.path.relpath(path, folder) for path in found]


def test_a_folders_files_are_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    names = ["b.csv", "a/z.csv", "a/b/c.csv", "_SUCCESS", ".DS_Store", "a/_temporary/x.csv", ".git/y.csv"]
    write(tmp_path, dict.fromkeys(names, b"text\nx\n"))
    assert below(tmp_path, find_files(str(tmp_path))) == ["a/b/c.csv", "a/z.csv", "b.csv"]


def test_a_pattern_and_its_files(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(["b2.csv", "b10.csv", "a.txt", "c/d.csv", "c/d/e.csv"], b""))
    assert below(tmp_path, find_files(f"{tmp_path}/*.csv")) == ["b10.csv", "b2.csv"]
    assert below(tmp_path, find_files(f"{tmp_path}/**/[de].csv")) == ["c/d.csv", "c/d/e.csv"]
    with pytest.raises(CorpusError, match=r"no file matches .*/\*\.parquet: check the pattern"):
        find_files(f"{tmp_path}/*.parquet")


def test_links_are_followed_each_folder_once(tmp_path: Path) -> None:
    write(tmp_path, {"corpus/a.csv": b"", "elsewhere/b.csv": b""})
    (tmp_path / "corpus" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "corpus")
    assert below(tmp_path / "corpus", find_files(str(tmp_path / "corpus"))) == ["a.csv", "link/b.csv"]
    (tmp_path / "corpus" / "broken.csv").symlink_to(tmp_path / "nowhere.csv")
    for corpus in ("corpus", "corpus/*.csv"):
        with pytest.raises(CorpusError, match=r"broken\.csv is a link to nothing: mend it"):
            find_files(f"{tmp_path}/{corpus}")


def test_an_artifact_is_no_part_of_a_corpus(tmp_path: Path, tiny_artifact: Path) -> None:
    write(tmp_path, {"a.jsonl": b"", "b/c.jsonl": b"", "b/manifest.json": b"{}"})
    shutil.copytree(tiny_artifact, tmp_path / "artifact")
    every = ["a.jsonl", "b/c.jsonl", "b/manifest.json"]
    assert below(tmp_path, find_files(str(tmp_path))) == every
    assert below(tmp_path, find_files(f"{tmp_path}/**/*.jsonl")) == ["a.jsonl", "b/c.jsonl"]
    named = str(tmp_path / "artifact" / "documents.jsonl")
    assert find_files(named) == [named]


def test_an_empty_name_is_no_folder() -> None:
    with pytest.raises(CorpusError, match="the corpus has an empty name"):
        find_files("")


def test_one_file_is_itself_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"[a]*.csv": b"text\nx\n"})
    for corpus in (f"{tmp_path}/[a]*.csv", "-", f"{tmp_path}/none.csv"):
        assert find_files(corpus) == [corpus]


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", WRITERS)
def test_files_read_as_one_after_another(tmp_path: Path, kind: str, zipped: bool) -> None:
    parts = {f"part-{row}.{kind}": WRITERS[kind]([ROWS[row]]) for row in range(len(ROWS))}
    if zipped:
        parts = {f"{name}.gz": gzip.compress(content) for name, content in parts.items()}
    reader = CorpusReader(str(write(tmp_path, parts)), ["title", "body"], "id", ["year"])
    assert list(reader) == DOCUMENTS
    assert (reader.rows, reader.skipped, reader.format, reader.fraction) == (4, 1, kind, 1)
    numbered = CorpusReader(f"{tmp_path}/part-*", ["body"])
    assert [document.id for document in numbered] == ["1", "2", "4"]


def test_an_id_of_two_files_is_named_with_both(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": b"id,text\n1,x\n2,y\n", "b.csv": b"id,text\n3,x\n2,y\n"})
    message = refusal(CorpusReader(str(tmp_path), ["text"], "id"))
    assert message.endswith(
        f"b.csv, line 3: the id '2' is already that of {tmp_path}/a.csv, line 3: make the ids unique, or name no "
        "id column to number the rows"
    )


def test_a_column_may_be_missing_from_a_file_but_not_from_all(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": b'{"text": "x"}\n', "b.jsonl": b'{"text": "y", "year": 1}\n', "c.jsonl": b""})
    read = list(CorpusReader(str(tmp_path), ["text"], None, ["year"]))
    assert [document.metadata for document in read] == [{}, {"year": 1}]
    message = refusal(CorpusReader(str(tmp_path), ["text"], None, ["yaer"]))
    assert message.endswith(
        "there is no column 'yaer' (did you mean 'year'?); the columns are: 'text', 'year'"
    )


def test_a_column_that_only_a_folders_name_has(tmp_path: Path) -> None:
    (tmp_path / "year=2020").mkdir()
    write(tmp_path / "year=2020", {"a.csv": b"id,text\n1,x\n"})
    message = refusal(CorpusReader(f"{tmp_path}/*/*.csv", ["text"], "id", ["year"]))
    assert message.endswith(
        "there is no column 'year'; the columns are: 'id', 'text': the folder 'year=2020' is not read as one, so "
        "write its value into the rows"
    )


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": b'{"text": "x"}\n', "b.jsonl": b'{"text": "y"}\n{"text":\n'})
    message = refusal(CorpusReader(str(tmp_path), ["text"]))
    assert "b.jsonl, line 2, column 9: malformed JSON" in message


def test_files_have_one_format(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": b'{"text": "x"}\n', "b.csv": b"text\ny\n", "c.jsonl": b""})
    message = refusal(CorpusReader(str(tmp_path), ["text"]))
    assert message.endswith(
        f"b.csv is csv, {tmp_path}/a.jsonl is jsonl, and a corpus's files have one format: move the others away, or "
        f"leave them out by a pattern such as --corpus '{tmp_path}/*.jsonl'"
    )
    write(tmp_path / "zipped", {"a.csv.gz": gzip.compress(b"text\ny\n"), "b.txt": b"x\n"})
    message = refusal(CorpusReader(str(tmp_path / "zipped"), ["text"]))
    assert message.endswith(f" such as --corpus '{tmp_path}/zipped/*.csv.gz'")


def test_a_file_of_no_format_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": b"text\nx\n", "README.md": b"# Shops\n"})
    for corpus in (tmp_path, f"{tmp_path}/*"):
        assert refusal(CorpusReader(str(corpus), ["text"])) == (
            f"{tmp_path}/README.md: neither name nor content tells the format: move it away, or leave it out by a "
            f"pattern such as --corpus '{tmp_path}/*.csv'"
        )
    # Named alone, it may well be the corpus.
    message = refusal(CorpusReader(f"{tmp_path}/README.md", ["text"]))
    assert message.endswith("tells the format: give --format csv, tsv, jsonl, txt or parquet")


@pytest.mark.parametrize("url", ["https://example.org/a.csv?b=1", "HTTP://example.org/a.csv"])
def test_a_url_is_no_corpus(url: str) -> None:
    with pytest.raises(CorpusError) as raised:
        find_files(url)
    assert str(raised.value) == f"{url} is a URL, and a corpus is read from files: download it first"


def test_no_file_or_no_document(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="is a directory with no file in it"):
        find_files(str(tmp_path / "empty"))
    write(tmp_path / "blank", {"a.txt": b"\n", "b.txt": b" \n\n"})
    message = refusal(CorpusReader(str(tmp_path / "blank"), ["text"]))
    assert "has no documents (3 rows read, 3 skipped" in message
