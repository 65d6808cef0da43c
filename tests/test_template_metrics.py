"""What template.yaml makes of the function's own metrics: alarms and a dashboard that name what the function writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cloudformation import RESOURCES, TEMPLATE, Stack, text_of

from handler.emf import NAMESPACE, UNITS
from handler.settings import Settings

ALARM = "AWS::CloudWatch::Alarm"
OWN = {"ServerErrorAlarm", "EmptyAnswerAlarm", "IndexAgeAlarm"}
SALT = "0123456789abcdef"


def own_alarms(**parameters: str) -> set[str]:
    alarms = Stack(**parameters).typed(ALARM)
    return {name for name, alarm in alarms.items() if alarm["Namespace"] == NAMESPACE}


def test_alarms_come_with_the_metrics_that_they_watch() -> None:
    assert own_alarms() == set()
    assert own_alarms(Metrics="emf") == OWN - {"IndexAgeAlarm"}
    assert own_alarms(Metrics="emf", AlarmIndexAgeSeconds="3600") == OWN
    for name in OWN:
        alarm = RESOURCES[name]["Properties"]
        assert alarm["MetricName"] in UNITS
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "SearchFunction"}}]
        assert alarm["AlarmActions"]["Fn::If"][0] == "HasTopic"


def state_after(alarm: Any, periods: list[float | None]) -> str:
    """The alarm's state after periods with these values, None for one without any, as CloudWatch evaluates them."""
    state = "INSUFFICIENT_DATA"
    count = alarm["EvaluationPeriods"]
    threshold = 100.0 if isinstance(alarm["Threshold"], str) else alarm["Threshold"]
    for end in range(count, len(periods) + 1):
        looked_at = periods[end - count : end]
        if all(value is None for value in looked_at) and alarm["TreatMissingData"] == "ignore":
            continue
        breaching = sum(value is not None and value > threshold for value in looked_at)
        state = "ALARM" if breaching >= alarm.get("DatapointsToAlarm", count) else "OK"
    return state


def test_an_old_index_is_told_where_requests_are_rare() -> None:
    alarms = Stack(Metrics="emf", AlarmIndexAgeSeconds="100").typed(ALARM)
    age = alarms["IndexAgeAlarm"]
    rare = [90.0, None, None, None, 110.0, None, None]
    assert state_after(age, rare) == "ALARM"
    assert state_after(age, [*rare, 10.0, None, None]) == "OK"
    # The others are of what happens: it has ended where nothing happens.
    for name in OWN - {"IndexAgeAlarm"}:
        assert state_after(alarms[name], [1.0, 1.0, 1.0]) == "ALARM"
        assert state_after(alarms[name], [1.0, 1.0, 1.0, None, None, None]) == "OK"


def dashboard() -> Any:
    return json.loads(RESOURCES["MetricsDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])


def metrics_of(widget: Any) -> Iterator[tuple[str, str]]:
    """Namespace and name of each metric of a widget; the same as the one before is a dot."""
    for metric in widget["properties"].get("metrics", []):
        if isinstance(metric[0], str):
            assert metric[2:4] == ["FunctionName", "${SearchFunction}"]
            yield metric[0], metric[1]
        else:
            for name in re.findall(r'MetricName="(\w+)"', metric[0]["expression"]):
                yield NAMESPACE, name


def test_the_dashboard_shows_every_metric_of_the_function_and_no_other() -> None:
    widgets = dashboard()["widgets"]
    shown = {metric for widget in widgets for metric in metrics_of(widget)}
    assert {name for namespace, name in shown if namespace == NAMESPACE} == set(UNITS)
    assert {namespace for namespace, _ in shown} == {NAMESPACE, "AWS/Lambda"}
    # No two widgets lie on each other, and none is wider than the grid of 24 columns.
    taken = [
        (x, y)
        for widget in widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(taken) == len({*taken})
    assert max(x for x, _ in taken) < 24


def test_the_dashboards_queries_name_fields_of_the_lines() -> None:
    queries = [widget["properties"]["query"] for widget in dashboard()["widgets"] if widget["type"] == "log"]
    assert len(queries) == 2
    assert all(query.startswith("SOURCE '${LogGroup}' | filter kind = ") for query in queries)


def test_there_is_a_dashboard_where_it_is_asked_for() -> None:
    assert not Stack(Metrics="emf").typed("AWS::CloudWatch::Dashboard")
    (made,) = Stack(Metrics="emf", Dashboard="on").typed("AWS::CloudWatch::Dashboard").values()
    # CloudWatch's dashboards are of the account and not of a region.
    names = [
        text_of(made["DashboardName"], **{"AWS::StackName": "search", "AWS::Region": region})
        for region in ("eu-west-1", "us-east-1")
    ]
    assert names == ["search-eu-west-1", "search-us-east-1"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"Dashboard": "on"},
        {"AlarmIndexAgeSeconds": "60"},
        {"Metrics": "emf", "LogLevel": "WARN"},
        {"Analytics": "on"},
        {"Analytics": "on", "AnalyticsSalt": SALT, "LogLevel": "ERROR"},
        {"Access": "api-key"},
    ],
    ids=str,
)
def test_what_does_nothing_is_refused(parameters: dict[str, str]) -> None:
    assert Stack(**parameters).refusals()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"Metrics": "emf", "Dashboard": "on", "AlarmIndexAgeSeconds": "60"},
        {"Analytics": "on", "AnalyticsSalt": SALT, "GoodScore": "0.45"},
        {"Access": "api-key", "ApiKeys": "web=0123456789"},
        {"Access": "api-key", "ApiKey": "0123456789"},
        {"Access": "api-key", "ApiKey": "0123456789", "ApiKeys": "web=9876543210"},
    ],
    ids=str,
)
def test_the_function_takes_the_variables_that_the_template_gives(parameters: dict[str, str]) -> None:
    stack = Stack(**parameters)
    assert stack.refusals() == []
    variables = stack.resources["SearchFunction"]["Environment"]["Variables"]
    settings = Settings.from_env({name: value for name, value in variables.items() if isinstance(value, str)})
    values = {
        name: str(parameters.get(name, TEMPLATE["Parameters"][name]["Default"]))
        for name in TEMPLATE["Parameters"]
    }
    assert settings.log_requests == (values["LogRequests"] == "on")
    assert settings.metrics == values["Metrics"]
    assert settings.analytics == (values["Analytics"] == "on")
    assert settings.good_score == float(values["GoodScore"])
    assert bool(settings.api_keys) == (values["Access"] == "api-key")
