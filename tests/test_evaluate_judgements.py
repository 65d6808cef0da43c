"""Judgements as people have them: tables with and without the usual names, BEIR's folders, and what is wrong with some."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from handler.errors import EvaluationError
from seeklet.evaluation.judgements import (
    Columns,
    Judgements,
    judgements_of,
    read_judgements,
    read_query_texts,
)

QUERIES = ["storm", "bread, fresh"]
GAINS = [{"t1": 1.0, "t2": 1.0}, {"7": 1.0}]
PLAIN = 'query,relevant\nstorm,t1\n"bread, fresh",7\nstorm,t2\n'


def file(folder: Path, content: bytes | str, name: str = "judged.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def beir(folder: Path, queries: str, qrels: str) -> Path:
    (folder / "qrels").mkdir()
    (folder / "queries.jsonl.gz").write_bytes(gzip.compress(queries.encode()))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{qrels}")
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", PLAIN.encode()),
        ("a.csv", b"\xef\xbb\xbf" + PLAIN.encode()),
        ("a.CSV", PLAIN.replace("\n", "\r\n").encode()),
        ("a.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)),
        ("no-suffix", PLAIN.encode()),
        ("a.tsv", b"relevant\tquery\nt1\tstorm\n7\tbread, fresh\nt2\tstorm\n"),
        ("a.data", b"query\trelevant\nstorm\tt1\nbread, fresh\t7\nstorm\tt2\n"),
        ("a.csv", b'Search Term,year,Clicked_ID\nstorm,1,t1\n"bread, fresh",2,7\nstorm,3,t2\n'),
        ("a.csv", b'what,which,more\nstorm,t1,\n"bread, fresh",7,x\nstorm,t2,\n'),
        ("a.csv", b'doc,what\nt1,storm\n7,"bread, fresh"\nt2,storm\n'),
        ("a.csv", b'query,relevant,,\nstorm,t1,,\n"bread, fresh",7,,\nstorm ,t2,,\n'),
        ("a.csv", b'query,relevant\nstorm,t1\nstorm,t1\n"bread, fresh",7\nstorm,t2\n'),
    ],
)
def test_tables(name: str, content: bytes, tmp_path: Path) -> None:
    found = read_judgements(file(tmp_path, content, name))
    assert (found.queries, found.gains, found.unjudged) == (QUERIES, GAINS, 0)


def test_columns_by_name_and_grades(tmp_path: Path) -> None:
    path = file(tmp_path, "query,id,said,stars\na,1,x,2\na,2,x,-1\nb,2,y,0\na,3,x,0.5\n")
    found = read_judgements(path, Columns("said", "id", "stars"))
    assert (found.queries, found.gains, found.unjudged) == (["x"], [{"1": 2.0, "3": 0.5}], 1)
    # A column of this name is a grade without being named.
    path = file(tmp_path, "query,relevant,Grade\na,1,3\n")
    assert read_judgements(path).gains == [{"1": 3.0}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "judged.csv has no rows under a header: write a CSV file with the columns query and relevant"),
        ("\n\n", "judged.csv has no rows under a header"),
        ("query,relevant\n", "judged.csv has no rows under a header"),
        ("query\na\n", r"judged.csv, line 1 has the columns 'query', but a query and a relevant document"),
        (
            "query;relevant\na;t1\n",
            "judged.csv, line 1 has the columns 'query;relevant', but a query and a relevant document are needed: "
            r"the file seems to be separated by ';': save it with commas, or as TSV$",
        ),
        (
            "query;relevant\na, b;t1\n",
            "line 2 has 2 fields, the header has 1: the file seems to be separated by ';': save it with commas, or as TSV$",
        ),
        ("a,b\nx\n", "judged.csv, line 2 has 1 field, the header has 2"),
        ("a,a\nx,y\n", "judged.csv, line 1: 2 columns are called 'a': rename all but one"),
        ("query,relevant\n,t1\n", "judged.csv, line 2 has no query in the column 'query': write one"),
        ("query,relevant\na,\n", r"judged.csv has no query with a relevant document \(1 without\)"),
        ("query,relevant,grade\na,t,NaN\n", "judged.csv, line 2: the grade 'NaN' is not a number: write 1"),
        ("query,relevant,grade\na,t,inf\n", "the grade 'inf' is not a number"),
        ("query,relevant,grade\na,t,\n", "the grade '' is not a number"),
        ("query,relevant,grade\na,t,1\na,t,2\n", "line 3 grades the document 't' as 2, an earlier line as 1"),
        ("query,relevant,grade\na,t,-1\n", "no query with a relevant document"),
        (
            b"query,relevant\ncaf\xe9,t1\n",
            "line 2, byte offset 18 .* 0xE9 is not UTF-8: save the file as UTF-8",
        ),
        (b"\xff\xfeq\0", "judged.csv is UTF-16 text"),
        ('query,relevant\n"a,t1\n', "a quote is opened in this row and not closed"),
    ],
)
def test_tables_that_are_wrong(content: str | bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=sentence) as raised:
        read_judgements(file(tmp_path, content))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl", "{}", "a.jsonl is neither CSV nor TSV: write a CSV file"),
        ("a.csv.gz", "query,relevant\n", "a.csv.gz is not gzipped, though its name ends in .gz"),
        ("a.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)[:-9], "the gzip data is cut off"),
    ],
)
def test_files_that_are_wrong(name: str, content: str | bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=sentence):
        read_judgements(file(tmp_path, content, name))


def test_no_file_and_no_column(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="there is no such file: check the path"):
        read_judgements(tmp_path / "none.csv")
    path = file(tmp_path, PLAIN)
    for columns in (Columns("qeury"), Columns(relevant="qeury"), Columns(grade="qeury")):
        with pytest.raises(EvaluationError, match=r"there is no column 'qeury' \(did you mean 'query'\?\)"):
            read_judgements(path, columns)


def test_a_folder_of_beir(tmp_path: Path) -> None:
    queries = '{"_id": "1", "text": " storm "}\n{"_id": "2", "text": "x"}\n{"_id": "3", "text": "storm"}\n'
    folder = beir(tmp_path, queries, "3\tt9\t2\n1\tt1\t1\n1\tt2\t0\n9\tt1\t1\n")
    # Two queries of one text are two queries.
    wanted = (["storm", "storm"], [{"t1": 1.0}, {"t9": 2.0}], 1)
    found = read_judgements(folder)
    assert (found.queries, found.gains, found.unjudged) == wanted
    # The query 9 is judged, and no file has its text.
    assert found.textless == 1
    assert read_query_texts(folder) == ["storm", "x"]
    (folder / "qrels" / "test.tsv.gz").write_bytes(
        gzip.compress((folder / "qrels" / "test.tsv").read_bytes())
    )
    (folder / "qrels" / "test.tsv").unlink()
    assert read_judgements(folder) == found
    for read in (read_judgements, read_query_texts):
        with pytest.raises(EvaluationError, match="which has no columns to choose"):
            read(folder, Columns("text"))


@pytest.mark.parametrize(
    ("queries", "qrels", "sentence"),
    [
        (
            '{"_id": "1", "text": "a"}\n',
            "1\tt1\tx\n",
            "qrels/test.tsv, line 2: the grade 'x' is not a number",
        ),
        ('{"_id": "1", "text": "a"}\n' * 2, "", "queries.jsonl.gz, line 2: the id '1' comes twice"),
        ('{"_id": 1, "text": "a"}\n', "", r"line 1 is not {\"_id\": \"...\", \"text\": \"...\"}: mend it"),
        ('{"_id": "1", "text": NaN}\n', "", "line 1: NaN is not a JSON value"),
        ("[1]\n", "", "line 1 holds an array, not an object"),
        ('{"_id": "1", "text": "a"}\n', "1\tt1\n", "test.tsv, line 2 has 2 fields, the header has 3"),
        ('{"_id": "1", "text": "a"}\n', "2\tt1\t1\n", "no query with a relevant document"),
    ],
)
def test_folders_of_beir_that_are_wrong(queries: str, qrels: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=sentence):
        read_judgements(beir(tmp_path, queries, qrels))


def test_a_folder_that_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"has no queries.jsonl, so it is no folder in BEIR's layout"):
        read_judgements(tmp_path)
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "1", "text": "a"}))
    with pytest.raises(EvaluationError, match=r"has no qrels/test.tsv, so it is no folder"):
        read_judgements(tmp_path)


def test_a_mapping() -> None:
    assert judgements_of({"a": ["1", "2"], "b": {"3": 2, "4": 0}, "c": []}) == Judgements(
        "the judgements", ["a", "b"], [{"1": 1.0, "2": 1.0}, {"3": 2.0}], 1
    )
    with pytest.raises(TypeError, match="the ids of 'a' are one string: put '12' in a list"):
        judgements_of({"a": "12"})
    with pytest.raises(EvaluationError, match="no query with a relevant document"):
        judgements_of({})


@pytest.mark.parametrize("mapping", [{"a": [1]}, {"a": {1: 2.0}}, {"a": ["2", 1]}, {1: ["2"]}])
def test_queries_and_ids_that_are_no_strings(mapping: Any) -> None:
    with pytest.raises(TypeError, match=r"the (id|query) 1 is no string: write '1'"):
        judgements_of(mapping)


def test_documents_that_the_artifact_lacks() -> None:
    judged = judgements_of({"a": ["1", "x"], "b": ["y"], "c": ["2"], "d": []})
    found = judged.known_to({"1": 0, "2": 1}, "here")
    assert found == Judgements("the judgements", ["a", "c"], [{"1": 1.0}, {"2": 1.0}], 2, 2)
    sentence = "no document of the judgements is in here: it says '1', the artifact has 'k0': export with --id COLUMN"
    with pytest.raises(EvaluationError, match=re.escape(sentence)):
        judged.known_to({"k0": 0}, "here")


def test_white_space_around_an_id(tmp_path: Path) -> None:
    """Databases pad their columns, and people write a space after a comma."""
    judged = read_judgements(file(tmp_path, "query,relevant\nstorm, t1\nstorm,t2  \nstorm,t3\nbread, \n"))
    assert judged.known_to({"t1", "t2", "t3"}, "here").gains == [{"t1": 1.0, "t2": 1.0, "t3": 1.0}]
    found = judged.known_to({"t1", "t2  "}, "here")
    assert (found.gains, found.unknown, found.unjudged) == ([{"t1": 1.0, "t2  ": 1.0}], 1, 1)
    graded = read_judgements(file(tmp_path, "query,relevant,grade\nstorm,t1,2\nstorm, t1,1\n"))
    assert graded.known_to({"t1", " t1"}, "here").gains == [{"t1": 2.0, " t1": 1.0}]
    with pytest.raises(
        EvaluationError, match="grades the document 't1' as 1, an earlier line as 2: keep one"
    ):
        graded.known_to({"t1"}, "here")


def test_a_table_without_a_header(tmp_path: Path) -> None:
    judged = read_judgements(file(tmp_path, "storm,t1\nbread,none\n"))
    sentence = (
        f"the first line of {tmp_path}/judged.csv has the id of a document, 't1', so it seems to be a judgement: put the "
        "line query,relevant above it, or name its column of ids with --relevant if it is a header"
    )
    # Whether the artifact has a document of another line or not.
    for ids in ({"t1": 0}, {"none": 0, "t1": 1}):
        with pytest.raises(EvaluationError) as raised:
            judged.known_to(ids, "here")
        assert str(raised.value) == sentence
    assert judged.known_to({"none": 0}, "here").queries == ["bread"]


def test_a_header_may_be_an_id_too(tmp_path: Path) -> None:
    path = file(tmp_path, "what,doc\nstorm,t1\n")
    assert read_judgements(path).known_to({"t1": 0, "doc": 1}, "here").gains == [{"t1": 1.0}]
    path = file(tmp_path, "what,which\nstorm,t1\n")
    judged = read_judgements(path, Columns(relevant="which"))
    assert judged.known_to({"t1": 0, "which": 1}, "here").gains == [{"t1": 1.0}]


def test_queries_alone(tmp_path: Path) -> None:
    assert read_query_texts(file(tmp_path, "\ufeffa\r\n\r\n b \na\n", "q.txt")) == ["a", "b"]
    assert read_query_texts(file(tmp_path, PLAIN)) == QUERIES
    assert read_query_texts(file(tmp_path, "x,said\n1,a\n"), Columns("said")) == ["a"]
    assert read_query_texts(file(tmp_path, "said\na\nb\n")) == ["a", "b"]
    with pytest.raises(EvaluationError, match=r"q\.txt has no queries: write one on each line"):
        read_query_texts(file(tmp_path, "\n \n", "q.txt"))
