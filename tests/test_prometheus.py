"""GET /metrics: Prometheus's text under uvicorn, behind the key, and no such path on Lambda."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from http_events import make_event
from prometheus_text import parse
from servers import uvicorn_server
from watched import Watched

from handler.counters import CONTENT_TYPE, Histogram, escape, sample
from handler.indexes import RESERVED
from handler.searcher import Searcher

KEY, QUERY = "k3y-of-the-test!", "zebra-crossing quagmire"


@pytest.fixture(scope="module")
def server(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """uvicorn with a key, and a second index."""
    log = tmp_path_factory.mktemp("uvicorn") / "log"
    with uvicorn_server(
        tiny_artifact, log, API_KEYS=f"scraper={KEY}", INDEXES=f"news={tiny_artifact}"
    ) as url:
        yield url


def test_what_was_asked_is_counted(server: str) -> None:
    with httpx.Client(base_url=server, headers={"x-api-key": KEY}) as client:
        before = parse(client.get("/metrics").text)
        for _ in range(3):
            assert client.post("/search", json={"query": QUERY}).status_code == 200
        assert client.post("/news/search", json={"query": "xyzzyx", "mode": "keyword"}).status_code == 200
        assert client.get(f"/{QUERY}").status_code == 404
        assert client.post("/search", content=b"a" * 70_000).status_code == 413
        assert client.get("/documents/t0").status_code == 200
        assert client.get("/metrics", headers={"x-api-key": "another"}).status_code == 403
        answer = client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert {"x-request-id", "server-timing"} <= set(answer.headers)
    assert "quagmire" not in answer.text
    after = parse(answer.text)

    def grown(name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return after[key] - before.get(key, 0)

    asked = "seeklet_requests_total"
    assert grown(asked, route="POST /search", status="200") == 4
    assert grown(asked, route="POST /search", status="413") == 1
    assert grown(asked, route="none", status="404") == 1
    assert grown(asked, route="GET /documents/{document_id}", status="200") == 1
    assert grown(asked, route="GET /metrics", status="403") == 1
    assert grown(asked, route="GET /metrics", status="200") == 1
    assert grown("seeklet_request_seconds_count", route="POST /search") == 5
    assert grown("seeklet_stage_seconds_count", stage="search") == 4
    assert grown("seeklet_stage_seconds_count", stage="encode") == 3
    assert grown("seeklet_empty_answers_total", index="news") == 1
    assert grown("seeklet_empty_answers_total", index="") == 0
    assert grown("seeklet_top_score_count", index="") == 3
    documents = after["seeklet_documents", frozenset({("index", "")})]
    assert documents == after["seeklet_documents", frozenset({("index", "news")})] > 0


def test_on_lambda_there_is_no_such_path(tiny_artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for direct in ("on", "off"):
        watched = Watched(Searcher.load(tiny_artifact), capsys, direct=direct)
        assert watched.ask(make_event("GET", "/metrics"))["statusCode"] == 404
        # Nor after FastAPI was loaded, and nothing is counted there.
        assert watched.ask(make_event("GET", "/docs"))["statusCode"] == 200
        assert watched.function.router.watchers == []


def test_no_index_may_have_its_name() -> None:
    assert "metrics" in RESERVED


def test_a_histogram_counts_each_value_once() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.add((("a", "b"),), value)
    assert list(histogram.samples("x")) == [
        'x_bucket{a="b",le="1.0"} 2',
        'x_bucket{a="b",le="2.0"} 4',
        'x_bucket{a="b",le="+Inf"} 5',
        'x_sum{a="b"} 14.0',
        'x_count{a="b"} 5',
    ]


def test_labels_are_escaped() -> None:
    assert escape('a\\b"c\nd') == r"a\\b\"c\nd"
    assert parse("# TYPE x gauge\n" + sample("x", (("a", 'b"\n'),), 1.5) + "\n")
