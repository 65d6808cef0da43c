"""The line of each request: what it says, that CloudWatch takes it as metrics, and that it holds nothing of a query."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from emf import read_metrics
from http_events import EVENTS, BrokenSearcher, make_event, stable
from watched import NAME, ON, QUERIES, QUERY, REFUSED, SECRET, Context, Watched, event_of, failing_output

from handler.emf import BY_ROUTE, NAMESPACE, UNITS
from handler.function import Function
from handler.lines import trace_id
from handler.output import timestamp
from handler.routes import ROUTES
from handler.searcher import Searcher
from handler.service import Served, Service
from handler.settings import Settings


@pytest.fixture(scope="module")
def searcher(tiny_artifact: Path) -> Searcher:
    return Searcher.load(tiny_artifact)


def test_every_route_writes_one_line_that_is_metrics_and_holds_no_query(
    searcher: Searcher, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    watched = Watched(searcher, capsys, **ON, API_KEYS=f"web={SECRET}")
    seen = set()
    for method, path, body in QUERIES:
        answer = watched.ask(event_of(method, path, body))
        (line,) = watched.written()
        fields, metrics = json.loads(line), read_metrics(line)
        of_all, of_route = metrics[NAME,], metrics[NAME, fields["route"]]
        assert (answer["statusCode"], fields["status"], fields["code"]) == (200, 200, None), answer["body"]
        assert (of_all["Requests"], of_all["ServerErrors"]) == ([1], [0])
        assert of_route == {name: of_all[name] for name in BY_ROUTE if name in of_all}
        assert {entry["Namespace"] for entry in fields["_aws"]["CloudWatchMetrics"]} == {NAMESPACE}
        assert fields["requestId"] == Context.aws_request_id
        assert fields["id"] == answer["headers"]["x-request-id"]
        assert fields["key"] == (None if path in ("/", "/map") else "web")
        seen.add(tuple(fields["route"].split(" ", 1)))
        assert not (leaked := [text for text in (QUERY, "quagmire", SECRET) if text in line]), leaked
    assert seen == {*ROUTES}
    assert QUERY not in caplog.text


@pytest.mark.parametrize("direct", ["on", "off"])
def test_refused_requests_too(
    searcher: Searcher, direct: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "seeklet")
    watched = Watched(searcher, capsys, **ON, direct=direct)
    for method, path, body in REFUSED:
        answer = watched.ask(make_event(method, path, body))
        (line,) = watched.written()
        fields, metrics = json.loads(line), read_metrics(line)
        assert fields["status"] == answer["statusCode"]
        assert metrics[NAME,]["ClientErrors"] == [1]
        if direct == "on":
            body_of = json.loads(answer["body"])
            assert fields["code"] == (body_of.get("error") or body_of)["code"]
        assert "quagmire" not in line
    watched.ask({"requestContext": None})
    (fields,) = watched.lines()
    assert (fields["status"], fields["code"], fields["route"]) == (400, "bad_event", "none")
    assert "quagmire" not in caplog.text


def test_a_defect_is_a_line_at_level_error(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    watched = Watched(BrokenSearcher(searcher), capsys, **ON)
    assert watched.ask(EVENTS["similar"])["statusCode"] == 500
    (line,) = watched.written()
    fields = json.loads(line)
    assert (fields["level"], fields["status"], fields["code"]) == ("ERROR", 500, "internal_error")
    assert read_metrics(line)[NAME, "POST /similar"]["ServerErrors"] == [1]


def test_stages_are_those_of_the_header(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    watched = Watched(searcher, capsys, LOG_REQUESTS="on")
    for name in ("similar", "health"):
        answer = watched.ask(EVENTS[name])
        (fields,) = watched.lines()
        assert "_aws" not in fields
        assert "Requests" not in fields
        timing = dict(part.split(";dur=") for part in answer["headers"]["server-timing"].split(", "))
        total = float(timing.pop("total"))
        stages = {stage: fields[stage.capitalize()] for stage in timing}
        assert stages == pytest.approx(
            {stage: float(ms) for stage, ms in timing.items()}, rel=0.01, abs=0.001
        )
        # The header is written before the answer is told of.
        assert fields["Latency"] >= total * 0.99


def test_results_and_scores_are_those_of_the_answer(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ON)
    answer = json.loads(watched.ask(event_of("POST", "/search", {"query": "storm", "k": 3}))["body"])
    (fields,) = watched.lines()
    assert (fields["results"], fields["TopScore"]) == (3, answer["results"][0]["score"])
    assert fields["EmptyAnswers"] == 0
    assert fields["documents"] == searcher.manifest.count
    # A word that no document has finds nothing.
    watched.ask(event_of("POST", "/search", {"queries": ["xyzzyx", "storm"], "mode": "keyword"}))
    (line,) = watched.written()
    assert json.loads(line)["EmptyAnswers"] == [1, 0]
    assert len(read_metrics(line)[NAME,]["TopScore"]) == 1
    # A page behind the last result isn't an empty answer.
    watched.ask(event_of("POST", "/search", {"query": "storm", "offset": 10_000}))
    (fields,) = watched.lines()
    assert (fields["EmptyAnswers"], "TopScore" in fields) == (0, False)


@pytest.mark.parametrize("count", [99, 100, 101, 128, 200, 250])
def test_no_query_of_a_batch_is_missing_from_the_metrics(
    searcher: Searcher, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ON, MAX_BATCH="250")
    queries = ["storm" if row % 3 else "xyzzyx" for row in range(count)]
    found = [int(query == "storm") for query in queries]
    asked = event_of("POST", "/search", {"queries": queries, "k": 1, "mode": "keyword"})
    answer = watched.ask(asked)
    lines = watched.written()
    metrics = [read_metrics(line)[NAME,] for line in lines]
    # The format takes 100 values of a metric in a line.
    assert [value for one in metrics for value in one["EmptyAnswers"]] == [1 - one for one in found]
    assert sum(len(one.get("TopScore", [])) for one in metrics) == sum(found)
    # The request itself is counted once.
    assert sum(value for one in metrics for value in one.get("Requests", [])) == 1
    first, *others = [json.loads(line) for line in lines]
    assert (first["kind"], first["results"]) == ("request", sum(found))
    assert {each["kind"] for each in others} <= {"searches"}
    assert {each["id"] for each in others} <= {answer["headers"]["x-request-id"]}
    assert "xyzzyx" not in "".join(lines)


def test_requests_through_fastapi_have_one_line(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ON)
    assert watched.ask(make_event("GET", "/docs"))["statusCode"] == 200
    assert [line["route"] for line in watched.lines()] == ["GET /docs"]
    through = Watched(searcher, capsys, **ON, direct="off")
    through.ask(EVENTS["similar"])
    (line,) = through.lines()
    assert (line["route"], line["results"]) == ("POST /similar", 5)
    assert line["Encode"] > 0


def test_the_age_is_the_pointers(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.from_env({**ON, "AWS_LAMBDA_FUNCTION_NAME": NAME})
    release = Served("0" * 16, "2026-11-28T10:00:00Z", lambda: None, time.time() - 3600)
    function = Function(settings, source=Service(settings, searcher, release))
    function(EVENTS["health"])
    line = capsys.readouterr().out.strip()
    assert read_metrics(line)[NAME,]["IndexAge"] == [pytest.approx(3600, abs=60)]
    unknown = Function(settings, source=Service(settings, searcher, release._replace(created=None)))
    unknown(EVENTS["health"])
    assert "IndexAge" not in json.loads(capsys.readouterr().out)


def test_a_line_names_the_trace(
    searcher: Searcher, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, sent = "1-5759e988-bd862e3fe1be46a994272793", "1-67891233-abcdef012345678912345678"
    assert trace_id(f"Root={own};Parent=53995c3f42cd8ad8;Sampled=1") == own
    assert trace_id("Root=zebra") is None
    watched = Watched(searcher, capsys, LOG_REQUESTS="on")
    event = make_event("GET", "/health")
    event["headers"]["x-amzn-trace-id"] = f"Root={sent}"
    watched.ask(event)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={own};Parent=53995c3f42cd8ad8;Sampled=1")
    watched.ask(event)
    assert [line["trace"] for line in watched.lines()] == [sent, own]


def test_an_event_that_is_no_request_has_a_line_with_lambdas_id(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ON)
    for event, code in (
        ({"foo": 1}, "unknown_event"),
        ({"version": "2.0", "requestContext": {}}, "bad_event"),
    ):
        watched.ask(event)
        (line,) = watched.lines()
        assert (line["route"], line["status"], line["code"]) == ("none", 400, code)
        assert line["requestId"] == Context.aws_request_id


def test_an_answer_comes_though_nothing_can_be_written(
    searcher: Searcher,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched(searcher, capsys, **ON)
    with failing_output(monkeypatch):
        answer = watched.ask(EVENTS["similar"])
        pinged = watched.ask({"source": "aws.events"})
    assert answer["statusCode"] == 200
    assert pinged["status"] == "warm"
    assert "can't be told of" in caplog.text


def test_the_answer_is_the_same(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    watched, plain = Watched(searcher, capsys, **ON), Watched(searcher, capsys)
    for event in EVENTS.values():
        assert stable(watched.ask(event)) == stable(plain.ask(event))
    assert len(watched.lines()) == len(EVENTS)


def test_timestamps_are_rfc_3339() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1795860000.9996) == "2026-11-28T10:00:00.999Z"
    assert {"Latency", "Requests"} <= UNITS.keys()


def test_a_line_of_a_new_minute_has_its_date() -> None:
    midnight = 1795910400.0
    moments = [midnight - 0.001, midnight, midnight - 0.001, midnight + 59.999, midnight + 60]
    assert [timestamp(moment) for moment in moments] == [
        datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for moment in moments
    ]


@pytest.mark.parametrize("variables", [{"LOG_REQUESTS": "on"}, ON])
def test_no_field_is_there_twice_and_an_id_is_escaped(
    searcher: Searcher, capsys: pytest.CaptureFixture[str], variables: dict[str, str]
) -> None:
    watched = Watched(searcher, capsys, **variables)
    for event in EVENTS.values():
        watched.ask({**event, "headers": {**event.get("headers", {}), "x-request-id": 'a"b\\c'}})
        (line,) = watched.written()
        pairs = json.loads(line, object_pairs_hook=list)
        assert len(dict(pairs)) == len(pairs)
        assert dict(pairs)["id"] == 'a"b\\c'
