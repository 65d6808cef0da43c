"""Exports with metadata columns from end to end: the manifest, the option, the summary, and what makes an export anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import refusal, run_export, run_seeklet
from exports import Export, arguments, files

import seeklet
from export.build.summary import describe
from handler.artifact import COLUMNS_FILE, Artifact
from handler.columns import Columns
from handler.errors import ArtifactError, OptionError
from handler.filters import parse_filter

pytestmark = pytest.mark.usefixtures("use_tiny_cache")

SHOPS = """\
text,zip,opened,open,stars,note
bread,01234,2019-05-01,true,4.5,
cheese,98101,,false,,
storm,20095,2020-01-01T09:30,true,3,
"""
TYPES = {"zip": "string", "opened": "date", "open": "boolean", "stars": "number"}


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    path = tmp_path / "shops.csv"
    path.write_text(SHOPS)
    return path


def test_the_manifest_has_the_columns_and_a_filter_reads_them(
    export: Export, shops: Path, tmp_path: Path
) -> None:
    summary = export(shops, tmp_path / "out", metadata=[*TYPES, "note"])
    artifact = Artifact.open(tmp_path / "out")
    assert artifact.manifest.columns == summary.manifest.columns == TYPES
    assert list(artifact.manifest.columns) == list(TYPES)
    columns = Columns.open(artifact)
    assert columns is not None
    question = {"opened": {"$gte": "2019-05-01", "$lt": "2020-01-01T09:31"}, "stars": {"$ne": 3}}
    assert parse_filter(question, columns.types).documents(columns).tolist() == [True, False, False]
    said = describe(summary, tmp_path / "out")
    assert "\n  columns     zip string, opened date, open boolean, stars number\n" in said
    assert "\n  no column   note: no document has a value\n" in said


def test_no_metadata_no_columns(export: Export, shops: Path, tmp_path: Path) -> None:
    for metadata in ([], ["note"]):
        export(shops, tmp_path / "out", metadata=metadata)
        artifact = Artifact.open(tmp_path / "out")
        assert artifact.manifest.columns is None
        assert Columns.open(artifact) is None
        assert not (tmp_path / "out" / COLUMNS_FILE).exists()


def test_columns_go_with_the_metadata(export: Export, shops: Path, tmp_path: Path) -> None:
    export(shops, tmp_path / "out", metadata=["stars"])
    assert (tmp_path / "out" / COLUMNS_FILE).exists()
    export(shops, tmp_path / "out")
    assert not (tmp_path / "out" / COLUMNS_FILE).exists()


def test_an_unchanged_corpus_is_up_to_date_until_a_type_is_told(
    export: Export, shops: Path, tmp_path: Path
) -> None:
    options = {"metadata": ["zip", "stars"], "columns": {"zip": "number", "stars": "string"}}
    assert not export(shops, tmp_path / "out", **options).up_to_date
    again = {**options, "columns": {"stars": "string", "zip": "number"}}
    assert export(shops, tmp_path / "out", **again).up_to_date
    other = export(shops, tmp_path / "out", **{**options, "columns": {"stars": "string"}})
    assert (other.up_to_date, other.embedded) == (False, 0)
    assert other.manifest.columns == {"zip": "string", "stars": "string"}


def test_the_same_columns_from_the_command_and_from_python(
    shops: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = ["--metadata", "zip,stars,open", "--column", "zip=number", "--column", "open=none"]
    done = run_export(*arguments(shops, tmp_path / "command", tiny_model), *options)
    assert done.returncode == 0, done.stderr.decode()
    assert "  columns     zip number, stars number\n" in done.stdout.decode()
    assert "  no column   open: as told\n" in done.stdout.decode()
    seeklet.export(
        shops,
        tmp_path / "python",
        text=["text"],
        metadata=["zip", "stars", "open"],
        columns={"open": "none", "zip": "number"},
        model=str(tiny_model),
        check=False,
    )
    assert files(tmp_path / "command") == files(tmp_path / "python")
    assert b'"zip": "number"' in run_seeklet("info", tmp_path / "command").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "stars"], "'stars' is not NAME=TYPE, such as year=number"),
        (["--column", "=number"], "'=number' is not NAME=TYPE"),
        (
            ["--column", "stars=int"],
            "'int' is no type of a column: give one of string, number, boolean, date, strings",
        ),
        (["--column", "year=number"], "--column names 'year', --metadata doesn't: add it to --metadata"),
        (
            ["--column", "stars=number", "--column", "stars=date"],
            "--column gives 'stars' the types number and date",
        ),
        (
            ["--column", "stars=date"],
            "shops.csv, document 1 (id '1'): the column 'stars' holds the string '4.5'",
        ),
        (
            ["--column", "opened=number"],
            "document 1 (id '1'): the column 'opened' holds the string '2019-05-01'",
        ),
    ],
)
def test_options_that_cant_be(
    shops: Path, tiny_model: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    command = [*arguments(shops, tmp_path / "out", tiny_model), "--metadata", "stars,opened"]
    sentence = refusal(run_export(*command, *options, "--quiet"))
    assert message in sentence
    assert not (tmp_path / "out").exists()


def test_a_type_that_cant_be_is_an_error_in_python_too(shops: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'integer' is no type of a column"):
        seeklet.export(shops, tmp_path / "out", text=["text"], metadata=["zip"], columns={"zip": "integer"})


def test_a_told_type_in_standard_input(shops: Path, tiny_model: Path, tmp_path: Path) -> None:
    command = [*arguments("-", tmp_path / "out", tiny_model), "--metadata", "zip", "--column", "zip=date"]
    sentence = refusal(run_export(*command, "--format", "csv", "--quiet", stdin=shops.read_bytes()))
    assert sentence.startswith(
        "standard input, document 1 (id '1'): the column 'zip' holds the string '01234'"
    )


def test_names_as_they_come(export: Export, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.tsv"
    corpus.write_text("text\ta=b\tü.x\t \nt\t1\t2\t3\n")
    summary = export(corpus, tmp_path / "out", metadata=["a=b", "ü.x", " "])
    assert summary.manifest.columns == {"a=b": "number", "ü.x": "number", " ": "number"}


@pytest.mark.parametrize("columns", [{"a": "text"}, {"$a": "number"}, {"a": 1}, ["a"], "a"])
def test_a_manifest_with_wrong_columns_is_refused(
    export: Export, shops: Path, tmp_path: Path, columns: object
) -> None:
    from damage import field_of

    export(shops, tmp_path / "out", metadata=["stars"])
    field_of(columns=columns)(tmp_path / "out")
    with pytest.raises(ArtifactError, match=r"columns (is|has) .*run `seeklet export` again"):
        Artifact.open(tmp_path / "out")


def test_a_missing_file_of_columns_is_told(export: Export, shops: Path, tmp_path: Path) -> None:
    from damage import unlisted

    export(shops, tmp_path / "out", metadata=["stars"])
    unlisted(COLUMNS_FILE)(tmp_path / "out")
    with pytest.raises(ArtifactError, match=r"lists no columns\.safetensors"):
        Artifact.open(tmp_path / "out")
