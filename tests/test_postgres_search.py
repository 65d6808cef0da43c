"""The search of a published corpus: against the search of the artifact's own files, and while the database fails."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from database_search import open_searcher, publish_artifact
from exports import made_up
from filter_oracle import random_documents, random_filter
from postgres import Postgres, postgres
from texts import TEXTS

from handler.asking import Answer, Asked
from handler.errors import RequestError
from handler.postgres.layout import schema_of
from handler.searcher import Searcher

pytestmark = pytest.mark.scale

MODES = ("hybrid", "semantic", "keyword")
QUERIES = [
    TEXTS[0].text,
    "a storm over Europe",
    "cheese",
    "xyzzy",
    "the cup and the football",
    TEXTS[9].text[:20],
    "horse",
]
# The stem of "horse" is "hors", which is a word of the first one and counts for "hor" there.
STEMS = ["Recipes for hors d'oeuvres", "Wild horses on the plain"]
SHARES = [None, 0.0, 0.25, 0.999, 0.999999, 1.0]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture
def no_short_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows are searched as many are: by the index, with candidates of both sides."""
    monkeypatch.setattr("handler.postgres.ranking._FEW", 0)


def whole(answer: Answer) -> Any:
    """All of an answer that JSON has, as it is written: 2.0 is not 2."""
    hits = [hit.fields() for hit in answer.hits]
    return json.dumps([hits, answer.total, answer.mode, answer.share, answer.facets])


def corpus(path: Path, count: int, seed: int) -> Path:
    """Made-up texts, some of them equal, with metadata of every type."""
    chooser = random.Random(seed)
    texts = [chooser.choice(TEXTS).text if chooser.random() < 0.3 else text for text in made_up(count)]
    texts[: len(STEMS)] = STEMS
    documents = random_documents(chooser, count)
    lines = [
        json.dumps({"id": f"d{place}", "text": text, **document})
        for place, (text, document) in enumerate(zip(texts, documents, strict=True))
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


METADATA = ["whole", "small", "float", "word", "code", "flag", "date", "tags", "all"]


@pytest.fixture(scope="module", params=["int8", "float16", "float32", "passages"])
def both(
    request: pytest.FixtureRequest,
    tiny_export: Callable[..., Any],
    server: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Searcher, Searcher]:
    """The same artifact, searched from its files and from the database."""
    folder = tmp_path_factory.mktemp("both")
    options: dict[str, Any] = {"dtype": request.param} if request.param != "passages" else {}
    if request.param == "passages":
        options = {"passages": True, "passage_tokens": 20, "passage_overlap": 4}
    tiny_export(
        corpus(folder / "corpus.jsonl", 400, 7), folder / "artifact", id="id", metadata=METADATA, **options
    )
    name = f"c_{request.param}"
    publish_artifact(folder / "artifact", server.uri, name)
    return Searcher.load(folder / "artifact"), open_searcher(folder / "artifact", server.uri, name)


@pytest.mark.parametrize("mode", MODES)
def test_it_is_the_search_of_the_files(both: tuple[Searcher, Searcher], mode: str) -> None:
    compare(both, mode, rounds=60)


@pytest.mark.parametrize("mode", MODES)
def test_an_exact_search_of_many_rows(both: tuple[Searcher, Searcher], mode: str, no_short_cut: None) -> None:
    compare(both, mode, rounds=25, exact=True)


def only(searcher: Searcher, query: str, asked: Asked) -> Answer:
    """The answer to one query."""
    (answer,) = searcher.answer([query], asked)
    return answer


def compare(both: tuple[Searcher, Searcher], mode: str, rounds: int, **more: Any) -> None:
    """Asks both the same at random, with filters, facets, paging and thresholds: every answer is equal to the last bit."""
    files, database = both
    chooser = random.Random(mode)
    types = files.engine.column_types
    for _ in range(rounds):
        question = chooser.choice([None, random_filter(chooser, types)])
        asked = Asked(
            k=chooser.choice([0, 1, 3, 10, 100, 500]),
            offset=chooser.choice([0, 0, 2, 50, 1000]),
            mode=mode,
            share=chooser.choice(SHARES),
            min_score=chooser.choice([None, None, 0.0, 0.15, 0.3, 2.0, -2.0]),
            filter=files.parse_filter(question),
            facets=chooser.sample(list(types), chooser.randrange(3)),
            **more,
        )
        queries = chooser.sample(QUERIES, 2)
        for one, other in zip(files.answer(queries, asked), database.answer(queries, asked), strict=True):
            assert whole(other) == whole(one), (question, asked, queries)
        index = chooser.randrange(files.manifest.count)
        assert whole(database.answer_like(index, asked)) == whole(files.answer_like(index, asked))


def test_documents_are_the_files(both: tuple[Searcher, Searcher]) -> None:
    files, database = both
    places = [5, 0, 399, 5]
    assert database.engine.read_all(places) == files.engine.read_all(places)
    assert database.engine.find_all(["d7", "nowhere", "\ud800", "d399"]) == [7, None, None, 399]
    assert database.engine.embeddings(places).tobytes() == files.engine.embeddings(places).tobytes()
    assert database.engine.describe_columns() == files.engine.describe_columns()
    assert database.manifest == files.manifest


def test_an_index_finds_most_and_scores_exactly(both: tuple[Searcher, Searcher], no_short_cut: None) -> None:
    files, database = both
    found = wanted = 0
    for mode in ("hybrid", "semantic"):
        for query in QUERIES:
            asked = Asked(k=10, mode=mode)
            right = {hit.index: hit for hit in only(files, query, asked._replace(k=400)).hits}
            hits = only(database, query, asked).hits
            assert [(-hit.score, hit.index) for hit in hits] == sorted(
                (-hit.score, hit.index) for hit in hits
            )
            assert all(hit == right[hit.index] for hit in hits)
            # Of a document that is cut, the index may find another passage than the best one.
            many = only(database, query, asked._replace(k=100)).hits
            assert all(hit == right[hit.index] for hit in many)
            best = [hit.score for hit in only(files, query, asked).hits]
            found += sum(hit.score >= best[-1] for hit in hits)
            wanted += 10
    assert found >= 0.9 * wanted


@pytest.mark.parametrize("share", [0.5, 0.99997, 0.999999])
def test_all_that_reach_a_result_are_counted(both: tuple[Searcher, Searcher], share: float) -> None:
    files = both[0]
    for query in QUERIES:
        for hit in files.search(query, 20, "hybrid", share):
            asked = Asked(k=3, mode="hybrid", share=share, min_score=hit.score, facets=("word",))
            one, other = (only(searcher, query, asked) for searcher in both)
            assert (other.total, other.facets) == (one.total, one.facets)


def test_settings_of_the_role_change_nothing(
    tiny_export: Callable[..., Any], server: Postgres, tmp_path: Path
) -> None:
    server.run("CREATE DATABASE odd")
    for setting in (
        "bytea_output = escape",
        "client_encoding = LATIN1",
        "idle_in_transaction_session_timeout = 1",
        "statement_timeout = 1",
        "datestyle = 'SQL, DMY'",
        "standard_conforming_strings = off",
    ):
        server.run(f"ALTER DATABASE odd SET {setting}")
    path = tmp_path / "corpus.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": f"\u732b\n{i}", "text": f"{text} \u732b"}) + "\n"
            for i, text in enumerate(made_up(60))
        )
    )
    tiny_export(path, tmp_path / "artifact", id="id")
    publish_artifact(tmp_path / "artifact", server.uri_of("odd"))
    files, database = (
        Searcher.load(tmp_path / "artifact"),
        open_searcher(tmp_path / "artifact", server.uri_of("odd")),
    )
    for mode in MODES:
        assert database.search("a storm over Europe \u732b", 60, mode) == files.search(
            "a storm over Europe \u732b", 60, mode
        )
    assert database.find("\u732b\n7") == files.find("\u732b\n7") == 7


def test_too_deep_is_refused(both: tuple[Searcher, Searcher], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handler.postgres.engine.DEEPEST", 50)
    database = both[1]
    assert len(database.search("storm", 10, offset=40)) == 10
    with pytest.raises(RequestError, match="50 at most"):
        database.search("storm", 10, offset=41)


def test_pgvector_needn_t_be_on_the_search_path(
    tiny_export: Callable[..., Any], server: Postgres, tmp_path: Path
) -> None:
    server.run("CREATE DATABASE apart")
    server.run("CREATE SCHEMA odd", "CREATE EXTENSION vector SCHEMA odd", database="apart")
    tiny_export(corpus(tmp_path / "corpus.jsonl", 30, 3), tmp_path / "artifact")
    uri = server.uri_of("apart")
    publish_artifact(tmp_path / "artifact", uri)
    files, database = Searcher.load(tmp_path / "artifact"), open_searcher(tmp_path / "artifact", uri)
    assert database.search("storm", 5) == files.search("storm", 5)
    assert schema_of("seeklet", database.engine.describe()["release"])
