"""Which property of CloudFormation an attribute of Terraform is: {type: (its type, {its property: the attribute})}.

Places inside are joined by dots: cors_configuration.0.max_age. What isn't one to one is in tests/terraform_state.py.
"""

from __future__ import annotations


def _cors(ours: str, theirs: str) -> dict[str, str]:
    names = ("allow_origins", "allow_methods", "allow_headers", "expose_headers", "max_age")
    return {f"{ours}.{_camel(name)}": f"{theirs}.0.{name}" for name in names}


def _same(*names: str) -> dict[str, str]:
    """Names that are each other's in the two ways of writing."""
    return {_camel(name): name for name in names}


def _camel(name: str) -> str:
    return name.title().replace("_", "")


TABLE: dict[str, tuple[str, dict[str, str]]] = {
    "aws_lambda_function": (
        "AWS::Lambda::Function",
        {
            **_same("handler", "runtime", "architectures", "memory_size", "timeout", "role", "layers"),
            "Code.S3Key": "filename",
            "ReservedConcurrentExecutions": "reserved_concurrent_executions",
            "EphemeralStorage.Size": "ephemeral_storage.0.size",
            "Environment.Variables": "environment.0.variables",
            "VpcConfig.SubnetIds": "vpc_config.0.subnet_ids",
            "VpcConfig.SecurityGroupIds": "vpc_config.0.security_group_ids",
            "SnapStart.ApplyOn": "snap_start.0.apply_on",
            "TracingConfig.Mode": "tracing_config.0.mode",
            "LoggingConfig.LogFormat": "logging_config.0.log_format",
            "LoggingConfig.ApplicationLogLevel": "logging_config.0.application_log_level",
            "LoggingConfig.SystemLogLevel": "logging_config.0.system_log_level",
            "LoggingConfig.LogGroup": "logging_config.0.log_group",
        },
    ),
    "aws_lambda_layer_version": (
        "AWS::Lambda::LayerVersion",
        {
            **_same("layer_name", "description", "compatible_runtimes", "compatible_architectures"),
            "Content.S3Key": "filename",
        },
    ),
    "aws_lambda_alias": ("AWS::Lambda::Alias", _same("name", "function_name", "function_version")),
    "aws_lambda_permission": (
        "AWS::Lambda::Permission",
        _same("action", "principal", "source_arn", "function_url_auth_type"),
    ),
    "aws_lambda_function_url": (
        "AWS::Lambda::Url",
        {
            "TargetFunctionArn": "function_name",
            "Qualifier": "qualifier",
            "AuthType": "authorization_type",
            **_cors("Cors", "cors"),
        },
    ),
    "aws_iam_role": ("AWS::IAM::Role", {"AssumeRolePolicyDocument": "assume_role_policy"}),
    "aws_cloudwatch_log_group": (
        "AWS::Logs::LogGroup",
        {"LogGroupName": "name", "RetentionInDays": "retention_in_days"},
    ),
    "aws_apigatewayv2_api": (
        "AWS::ApiGatewayV2::Api",
        {**_same("name", "protocol_type"), **_cors("CorsConfiguration", "cors_configuration")},
    ),
    "aws_apigatewayv2_stage": (
        "AWS::ApiGatewayV2::Stage",
        {
            **_same("api_id", "auto_deploy"),
            "StageName": "name",
            "DefaultRouteSettings.ThrottlingRateLimit": "default_route_settings.0.throttling_rate_limit",
            "DefaultRouteSettings.ThrottlingBurstLimit": "default_route_settings.0.throttling_burst_limit",
        },
    ),
    "aws_apigatewayv2_integration": (
        "AWS::ApiGatewayV2::Integration",
        _same("api_id", "integration_type", "integration_uri", "payload_format_version"),
    ),
    "aws_apigatewayv2_route": (
        "AWS::ApiGatewayV2::Route",
        _same("api_id", "route_key", "target", "authorization_type", "authorizer_id"),
    ),
    "aws_apigatewayv2_authorizer": (
        "AWS::ApiGatewayV2::Authorizer",
        {
            **_same("api_id", "name", "authorizer_type"),
            "IdentitySource": "identity_sources",
            "JwtConfiguration.Issuer": "jwt_configuration.0.issuer",
            "JwtConfiguration.Audience": "jwt_configuration.0.audience",
        },
    ),
    "aws_cloudwatch_event_rule": ("AWS::Events::Rule", _same("description", "schedule_expression")),
    "aws_cloudwatch_metric_alarm": (
        "AWS::CloudWatch::Alarm",
        _same(
            "alarm_description",
            "namespace",
            "metric_name",
            "statistic",
            "extended_statistic",
            "period",
            "evaluation_periods",
            "datapoints_to_alarm",
            "threshold",
            "comparison_operator",
            "treat_missing_data",
            "alarm_actions",
        ),
    ),
    "aws_cloudwatch_dashboard": (
        "AWS::CloudWatch::Dashboard",
        {"DashboardName": "dashboard_name", "DashboardBody": "dashboard_body"},
    ),
    "aws_codedeploy_app": ("AWS::CodeDeploy::Application", _same("compute_platform")),
    "aws_codedeploy_deployment_group": (
        "AWS::CodeDeploy::DeploymentGroup",
        {
            **_same("deployment_config_name", "service_role_arn"),
            "ApplicationName": "app_name",
            "DeploymentStyle.DeploymentType": "deployment_style.0.deployment_type",
            "DeploymentStyle.DeploymentOption": "deployment_style.0.deployment_option",
            "AlarmConfiguration.Enabled": "alarm_configuration.0.enabled",
            "AlarmConfiguration.Alarms": "alarm_configuration.0.alarms",
            "AutoRollbackConfiguration.Enabled": "auto_rollback_configuration.0.enabled",
            "AutoRollbackConfiguration.Events": "auto_rollback_configuration.0.events",
        },
    ),
}
# Parts of another resource in CloudFormation, or no resource there: tests/terraform_state.py knows what they are.
PARTS = {
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_cloudwatch_event_target",
    "aws_lambda_provisioned_concurrency_config",
    "aws_cloudformation_stack",
    "terraform_data",
}
