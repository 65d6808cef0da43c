"""Three alarms of the alias, and how it moves to a new version: CodeDeploy moves it, and back if one of them is raised."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from seeklet_cdk.parameters import Parameters

MINUTE = 1


def add_alarms(scope: Construct, parameters: Parameters, alias: lambda_.Alias) -> list[cloudwatch.Alarm]:
    """Makes the alarms: any error, any throttle, and slow queries in 3 of 5 minutes. A topic gets them, if one is named."""
    period = Duration.minutes(MINUTE)
    alarms = [
        make_alarm(
            scope,
            "ErrorAlarm",
            "A query ended in an exception, a timeout or a crash",
            alias.metric_errors(statistic="Sum", period=period),
        ),
        make_alarm(
            scope,
            "ThrottleAlarm",
            "Queries were refused because no environment was free",
            alias.metric_throttles(statistic="Sum", period=period),
        ),
        make_alarm(
            scope,
            "DurationAlarm",
            "One query in a hundred took too long",
            alias.metric_duration(statistic="p99", period=period),
            threshold=parameters.alarm_duration_ms,
            periods=5,
            of_them=3,
        ),
    ]
    send_to_topic(scope, parameters, alarms, "AlarmTopic")
    return alarms


def send_to_topic(
    scope: Construct, parameters: Parameters, alarms: list[cloudwatch.Alarm], construct_id: str
) -> None:
    """Sends alarms to the topic, if one is named."""
    if parameters.alarm_topic_arn:
        topic = sns.Topic.from_topic_arn(scope, construct_id, parameters.alarm_topic_arn)
        for alarm in alarms:
            alarm.add_alarm_action(actions.SnsAction(topic))


def make_alarm(
    scope: Construct,
    construct_id: str,
    description: str,
    metric: cloudwatch.Metric,
    *,
    threshold: float = 0,
    periods: int = 1,
    of_them: int | None = None,
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
) -> cloudwatch.Alarm:
    """An alarm for more than `threshold` in `of_them` of the metric's periods, in each of them by default."""
    return cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_description=description,
        metric=metric,
        threshold=threshold,
        evaluation_periods=periods,
        datapoints_to_alarm=of_them,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=missing,
    )


def release_gradually(
    scope: Construct, parameters: Parameters, alias: lambda_.Alias, alarms: list[cloudwatch.Alarm]
) -> None:
    """Lets CodeDeploy move the alias, by the way that the parameters name."""
    config = codedeploy.LambdaDeploymentConfig.from_lambda_deployment_config_name(
        scope, "DeploymentConfig", f"CodeDeployDefault.Lambda{parameters.deployment_type}"
    )
    codedeploy.LambdaDeploymentGroup(
        scope,
        "DeploymentGroup",
        alias=alias,
        deployment_config=config,
        alarms=alarms,
        auto_rollback=codedeploy.AutoRollbackConfig(
            failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
        ),
    )
