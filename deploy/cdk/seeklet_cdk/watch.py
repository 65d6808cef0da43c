"""Alarms of the metrics that the function writes into its log, and a dashboard of them. They don't stop a deployment."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Aws, Duration, Fn
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from seeklet_cdk.parameters import Parameters
from seeklet_cdk.release import MINUTE, make_alarm, send_to_topic

NAMESPACE = "seeklet"
# `make parameters` writes it.
DASHBOARD = Path(__file__).with_name("dashboard.json")


def add_metric_alarms(
    scope: Construct, parameters: Parameters, function: lambda_.Function
) -> list[cloudwatch.Alarm]:
    """Makes the alarms where there are metrics: any 5xx, many empty answers, and an index that is too old, if asked for."""
    if parameters.metrics != "emf":
        return []

    def metric(name: str, statistic: str, minutes: int) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"FunctionName": function.function_name},
            statistic=statistic,
            period=Duration.minutes(minutes),
        )

    alarms = [
        make_alarm(
            scope,
            "ServerErrorAlarm",
            "A request was answered with 500 or 503",
            metric("ServerErrors", "Sum", MINUTE),
        ),
        make_alarm(
            scope,
            "EmptyAnswerAlarm",
            "One search in five found nothing, for a quarter of an hour",
            metric("EmptyAnswers", "Average", 5),
            threshold=0.2,
            periods=3,
            of_them=3,
        ),
    ]
    if parameters.alarm_index_age_seconds:
        alarms.append(
            make_alarm(
                scope,
                "IndexAgeAlarm",
                "The release that is served is too old",
                metric("IndexAge", "Maximum", 5),
                threshold=parameters.alarm_index_age_seconds,
                # Only requests tell the age, and it doesn't fall where there are none.
                missing=cloudwatch.TreatMissingData.IGNORE,
            )
        )
    send_to_topic(scope, parameters, alarms, "MetricsTopic")
    return alarms


def add_dashboard(
    scope: Construct,
    parameters: Parameters,
    function: lambda_.Function,
    log_group: logs.LogGroup,
    name: str,
) -> None:
    """Makes the dashboard, if one is asked for."""
    if parameters.dashboard != "on":
        return
    names = {
        "SearchFunction": function.function_name,
        "LogGroup": log_group.log_group_name,
        "AWS::Region": Aws.REGION,
    }
    body = DASHBOARD.read_text(encoding="utf-8").strip()
    cloudwatch.CfnDashboard(
        scope,
        "Dashboard",
        # With the region: an account has each name once, in all regions.
        dashboard_name=f"{name}-{Aws.REGION}",
        dashboard_body=Fn.sub(body, names),
    )
