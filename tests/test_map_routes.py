"""GET /map and GET /map/points, against the artifact's own files."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import Export, write_texts
from numpy.typing import NDArray
from safetensors.numpy import load_file
from texts import TEXTS

from handler.events import Request
from handler.responses import Response
from handler.router import Router
from handler.searcher import Searcher
from handler.service import Service
from handler.settings import Settings


def new_router(artifact: Path, **environ: str) -> Router:
    settings = Settings.from_env({"ARTIFACT_DIR": str(artifact), "THREADS": "1", **environ})
    return Router(Service(settings, Searcher.load(artifact)))


@pytest.fixture(scope="module")
def router(tiny_artifact: Path) -> Router:
    return new_router(tiny_artifact)


def ask(router: Router, address: str, **headers: str) -> Response:
    path, _, query = address.partition("?")
    return router.respond(
        Request("GET", path, {name.replace("_", "-"): headers[name] for name in headers}, query)
    )


def answer(router: Router, address: str) -> dict[str, Any]:
    response = ask(router, address)
    assert response.status == 200, response.body
    value: dict[str, Any] = json.loads(response.body)
    return value


def array(text: str, dtype: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype)


def problem(router: Router, address: str, status: int) -> Mapping[str, Any]:
    response = ask(router, address)
    assert (response.status, response.headers["content-type"]) == (status, "application/problem+json")
    value: dict[str, Any] = json.loads(response.body)
    return value


def test_the_places_of_all_documents(router: Router, tiny_artifact: Path) -> None:
    stored = load_file(tiny_artifact / "map.safetensors")["points"]
    value = answer(router, "/map/points")
    assert list(value) == ["count", "points", "indexes", "color"]
    assert (value["count"], value["indexes"], value["color"]) == (len(TEXTS), None, None)
    np.testing.assert_array_equal(array(value["points"], "<u2").reshape(-1, 2), stored)


def test_the_places_of_some_documents(router: Router, tiny_artifact: Path) -> None:
    stored = load_file(tiny_artifact / "map.safetensors")["points"]
    value = answer(router, "/map/points?indexes=7,0,7,60")
    assert array(value["indexes"], "<u4").tolist() == [7, 0, 7, 60]
    np.testing.assert_array_equal(array(value["points"], "<u2").reshape(-1, 2), stored[[7, 0, 7, 60]])
    assert (
        answer(router, "/map/points?indexes=7%2C0")["indexes"]
        == answer(router, "/map/points?indexes=7,0")["indexes"]
    )


@pytest.mark.parametrize("rest", ["", "&indexes=3,60,0"])
def test_colours_are_those_of_the_documents(router: Router, tiny_artifact: Path, rest: str) -> None:
    lines = (tiny_artifact / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    topics = [json.loads(line)["metadata"]["topic"] for line in lines]
    value = answer(router, f"/map/points?color=topic{rest}")
    found = value["color"]
    assert (found["column"], found["type"], found["none"]) == ("topic", "string", 0)
    assert sum(found["counts"]) == len(topics)
    labels = [found["labels"][code] for code in array(found["codes"], "u1")]
    rows = range(len(topics)) if not rest else [3, 60, 0]
    best = [topic for topic, _ in sorted(Counter(topics).items(), key=lambda item: (-item[1], item[0]))[:10]]
    assert labels == [topics[row] if topics[row] in best else "other" for row in rows]


@pytest.mark.parametrize("limit", [20_400, 21_000, 100_000, 6_000_000])
def test_an_answer_stays_under_its_limit(export: Export, tmp_path: Path, limit: int) -> None:
    texts = [f"storm {row}" for row in range(300)]
    export(write_texts(tmp_path / "texts.txt", texts), tmp_path / "out")
    router = new_router(tmp_path / "out", MAX_RESPONSE_BYTES=str(limit))
    response = ask(router, "/map/points")
    assert response.status == 200
    assert len(json.dumps(response.body.decode())) <= limit
    value = json.loads(response.body)
    stored = load_file(tmp_path / "out" / "map.safetensors")["points"]
    no_columns = problem(router, "/map/points?color=a", 422)["detail"]
    assert no_columns.startswith("there is no column 'a' to colour by; the artifact has no columns")
    if limit >= 100_000:
        assert value["indexes"] is None
        return
    most = (limit - 20_000) // 12
    indexes = array(value["indexes"], "<u4")
    assert indexes.tolist() == [place * 300 // most for place in range(most)]
    np.testing.assert_array_equal(array(value["points"], "<u2").reshape(-1, 2), stored[indexes])
    assert value["count"] == 300


def test_a_limit_that_nothing_fits_into(tiny_artifact: Path) -> None:
    response = ask(new_router(tiny_artifact, MAX_RESPONSE_BYTES="1"), "/map/points")
    assert (response.status, json.loads(response.body)["code"]) == (422, "response_too_long")


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("indexes=", "indexes", "indexes has '': send whole numbers from 0 to 60"),
        ("indexes=61", "indexes", "indexes has '61': send whole numbers from 0 to 60"),
        ("indexes=1,-1", "indexes", "indexes has '-1'"),
        ("indexes=1,²", "indexes", "indexes has '\\xb2'"),
        ("indexes=" + ",".join("0" * 1001), "indexes", "indexes names 1,001 documents: name at most 1,000"),
        ("indexes=1&indexes=2", "indexes", "indexes is given 2 times: send numbers with commas between"),
        ("color=a&color=b", "color", "color is given 2 times: give it once"),
        ("indexes=" + "9" * 5000, "indexes", "indexes has '99999999999999999999'"),
        (
            "color=colour",
            "color",
            "there is no column 'colour' to colour by; the columns are 'topic' (string)",
        ),
        ("k=1", "k", "there is no parameter 'k': the parameters are color, indexes"),
    ],
)
def test_what_is_refused(router: Router, query: str, field: str, message: str) -> None:
    value = problem(router, f"/map/points?{query}", 422)
    assert (value["code"], value["field"]) == ("invalid_request", field)
    assert value["detail"].startswith(message)


def test_an_artifact_without_a_map(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "out", map="none")
    router = new_router(tmp_path / "out")
    value = problem(router, "/map/points", 404)
    assert value["code"] == "no_map"
    assert value["detail"].endswith("without --map none")
    assert ask(router, "/map").status == 200
    assert answer(router, "/info")["map"] is None


def test_a_damaged_map_is_no_answer(tiny_artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_artifact, tmp_path / "own")
    router = new_router(tmp_path / "own")
    path = tmp_path / "own" / "map.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert problem(router, "/map/points", 500)["code"] == "internal_error"
    # Nothing else needs it.
    assert ask(router, "/health").status == 200


@pytest.mark.parametrize("address", ["/map", "/map/points", "/map/points?indexes=3"])
def test_an_answer_that_is_known_is_not_sent_again(router: Router, address: str) -> None:
    first = ask(router, address)
    etag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-z-]+"', etag)
    assert first.headers["cache-control"] == "no-cache"
    for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = ask(router, address, if_none_match=sent)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    assert ask(router, address, if_none_match='"other"').status == 200


def test_another_artifact_has_another_etag(
    router: Router, export: Export, corpus_file: Path, tmp_path: Path
) -> None:
    export(corpus_file, tmp_path / "out", dtype="float32")
    other = ask(new_router(tmp_path / "out", CACHE_CONTROL="max-age=60"), "/map/points")
    assert other.headers["etag"] != ask(router, "/map/points").headers["etag"]
    assert other.headers["cache-control"] == "max-age=60"


def test_the_data_need_the_key(tiny_artifact: Path) -> None:
    router = new_router(tiny_artifact, API_KEY="secret")
    assert problem(router, "/map/points", 403)["code"] == "forbidden"
    assert ask(router, "/map/points", x_api_key="secret").status == 200


def test_info_says_how_the_map_was_drawn(router: Router) -> None:
    assert answer(router, "/info")["map"]["method"] == "pca"
