"""The construct: the function with its layers, role and log, its alias `live`, and what leads to it.

It makes what template.yaml makes, from what `make build` built; tests/test_cdk.py compares the two. It builds nothing.
"""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Arn, ArnComponents, ArnFormat, Aws, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from seeklet_cdk.door import open_function_url, open_http_api
from seeklet_cdk.parameters import Parameters
from seeklet_cdk.release import add_alarms, release_gradually
from seeklet_cdk.watch import add_dashboard, add_metric_alarms

ALIAS = "live"
# The same rights as AWSLambdaVPCAccessExecutionRole gives, without its logs.
NETWORK_ACTIONS = (
    "CreateNetworkInterface",
    "DescribeNetworkInterfaces",
    "DescribeSubnets",
    "DeleteNetworkInterface",
    "AssignPrivateIpAddresses",
    "UnassignPrivateIpAddresses",
)


class SeekletSearch(Construct):
    """One function that answers searches, with an address.

    function, alias   the function, and the alias that callers inside AWS invoke
    log_group         what the function logs
    alarms            errors, throttles and slow queries, in this order
    metric_alarms     5xx, empty answers and an old index, as far as the parameters ask for them
    url               the service's address, with a slash at its end

    `build` is the folder that `make build` made, for the same runtime and architecture as the parameters'. `name` stands
    in the names of the API, the layers and the log group; it is the stack's by default, so two in one stack need one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters | None = None,
        *,
        build: Path | str = ".aws-sam/build",
        name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._parameters = parameters or Parameters()
        self._build = Path(build)
        self._name = name or Stack.of(self).stack_name
        self.log_group = logs.LogGroup(
            self,
            "LogGroup",
            log_group_name=f"/aws/lambda/{self._name}",
            removal_policy=RemovalPolicy.DESTROY,
        )
        # RetentionDays has names for the numbers, not the numbers.
        resource = self.log_group.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)
        resource.retention_in_days = self._parameters.log_retention_days
        self.function = self._make_function()
        self.alias = lambda_.Alias(
            self,
            "Alias",
            alias_name=ALIAS,
            version=self.function.current_version,
            provisioned_concurrent_executions=self._parameters.provisioned_concurrency or None,
        )
        self.alarms = add_alarms(self, self._parameters, self.alias)
        release_gradually(self, self._parameters, self.alias, self.alarms)
        self.metric_alarms = add_metric_alarms(self, self._parameters, self.function)
        add_dashboard(self, self._parameters, self.function, self.log_group, self._name)
        if self._parameters.endpoint == "http-api":
            self.url = open_http_api(self, self._parameters, self.alias, self._name)
        else:
            self.url = open_function_url(self._parameters, self.alias)
        if self._parameters.warm_every_minutes:
            self._keep_warm()

    def _make_function(self) -> lambda_.Function:
        parameters = self._parameters
        runtime = lambda_.Runtime(
            parameters.runtime,
            lambda_.RuntimeFamily.PYTHON,
            supports_snap_start=True,
            supports_inline_code=True,
        )
        function = lambda_.Function(
            self,
            "Function",
            code=self._built("SearchFunction"),
            handler="handler.app.handler",
            runtime=runtime,
            architecture=_architecture(parameters),
            memory_size=parameters.memory_size,
            timeout=Duration.seconds(parameters.timeout),
            role=self._make_role(),
            ephemeral_storage_size=Size.mebibytes(parameters.ephemeral_storage),
            layers=self._make_layers(runtime),
            environment=self._variables(),
            reserved_concurrent_executions=(
                None if parameters.reserved_concurrency == -1 else parameters.reserved_concurrency
            ),
            # Each change of code or settings publishes a version; CDK hashes both into its name.
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
            snap_start=(
                lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if parameters.snap_start == "on" else None
            ),
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel(parameters.log_level),
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            log_group=self.log_group,
            # Active adds what X-Ray needs to the role; so would PassThrough, which is what Lambda does by itself.
            tracing=lambda_.Tracing.ACTIVE if parameters.tracing == "on" else None,
        )
        if parameters.vpc_subnet_ids:
            # By ids: the construct's own form wants a VPC that it looks up in an account.
            resource = function.node.default_child
            assert isinstance(resource, lambda_.CfnFunction)
            resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=parameters.vpc_subnet_ids.split(","),
                security_group_ids=parameters.vpc_security_group_ids.split(","),
            )
        return function

    def _variables(self) -> dict[str, str]:
        parameters = self._parameters
        variables = {
            "ARTIFACT_DIR": "/opt/artifact",
            "ARTIFACT_URI": parameters.artifact_uri,
            "REFRESH_SECONDS": str(parameters.refresh_seconds),
            "INDEXES": parameters.indexes,
            "ARTIFACT_BUCKET_OWNER": self._bucket_owner() if self._is_on_s3() else "",
            "INDEX_URI": parameters.index_uri,
            "INDEX_NAME": parameters.index_name,
            "INDEX_AUTH": parameters.index_auth,
            "MAX_RESPONSE_BYTES": str(parameters.max_response_bytes),
            "CACHE_CONTROL": parameters.cache_control,
            "MCP": parameters.mcp,
            "LOG_REQUESTS": parameters.log_requests,
            "METRICS": parameters.metrics,
            "ANALYTICS": parameters.analytics,
            "ANALYTICS_SALT": parameters.analytics_salt,
            "GOOD_SCORE": parameters.good_score,
            "ORT_DISABLE_TELEMETRY": "1",
            # Read by glibc: what has more bytes goes back to the system when it is freed, and what it keeps for the next request.
            "MALLOC_MMAP_THRESHOLD_": "4194304",
            "MALLOC_TRIM_THRESHOLD_": "1048576",
        }
        # The function refuses to start where both are there and empty.
        if parameters.access == "api-key":
            variables |= {"API_KEY": parameters.api_key, "API_KEYS": parameters.api_keys}
        return variables

    def _make_layers(self, runtime: lambda_.Runtime) -> list[lambda_.LayerVersion]:
        layers = [("RuntimeLayer", "runtime", "The packages that the handler imports, pruned and compiled")]
        if not self._is_on_s3():
            layers.append(("ModelLayer", "model", "The artifact, at /opt/artifact"))
        return [
            lambda_.LayerVersion(
                self,
                built,
                layer_version_name=f"{self._name}-{kind}",
                description=description,
                code=self._built(built),
                compatible_runtimes=[runtime],
                compatible_architectures=[_architecture(self._parameters)],
                removal_policy=RemovalPolicy.DESTROY,
            )
            for built, kind, description in layers
        ]

    def _built(self, resource: str) -> lambda_.Code:
        folder = self._build / resource
        if not folder.is_dir():
            raise ValueError(f"there is no {folder}: run `make build`, or name the folder that it made")
        return lambda_.Code.from_asset(str(folder))

    def _make_role(self) -> iam.Role:
        # Not AWSLambdaBasicExecutionRole: that may write to every log group of the account.
        streams = _arn("logs", f"{self.log_group.log_group_name}:*", "log-group")
        policies = {"logs": _allow(["logs:CreateLogStream", "logs:PutLogEvents"], streams)}
        # A bucket that was deleted may come back under its name in a stranger's account.
        condition = {"StringEquals": {"s3:ResourceAccount": self._bucket_owner()}}
        if self._parameters.artifact_uri:
            # Beside a pointer, `current`, lie its releases.
            place = self._parameters.artifact_uri.removeprefix("s3://").removesuffix("/current")
            objects = f"arn:{Aws.PARTITION}:s3:::{place}/*"
            policies["artifact"] = _allow(["s3:GetObject"], objects, conditions=condition)
        if self._parameters.index_arns:
            arns = self._parameters.index_arns.split(",")
            policies["indexes"] = _allow(["s3:GetObject"], *arns, conditions=condition)
        if self._parameters.index_auth == "iam":
            user = _arn("rds-db", self._parameters.index_database_user, "dbuser")
            policies["database"] = _allow(["rds-db:connect"], user)
        if self._parameters.vpc_subnet_ids:
            # EC2 has no resources to name for them.
            policies["network"] = _allow([f"ec2:{action}" for action in NETWORK_ACTIONS], "*")
        principal = iam.ServicePrincipal("lambda.amazonaws.com")
        return iam.Role(self, "Role", assumed_by=principal, inline_policies=policies)

    def _is_on_s3(self) -> bool:
        """Whether what is served comes from S3, and there is no model layer."""
        return bool(self._parameters.artifact_uri or self._parameters.indexes)

    def _bucket_owner(self) -> str:
        return self._parameters.artifact_bucket_owner or Aws.ACCOUNT_ID

    def _keep_warm(self) -> None:
        minutes = Duration.minutes(self._parameters.warm_every_minutes)
        rule = events.Rule(
            self,
            "WarmRule",
            description="One search from time to time, so that an environment of the alias stays warm",
            schedule=events.Schedule.rate(minutes),
        )
        # The next one comes soon: an old one would only queue.
        rule.add_target(
            targets.LambdaFunction(self.alias, max_event_age=Duration.seconds(60), retry_attempts=0)
        )


def _architecture(parameters: Parameters) -> lambda_.Architecture:
    return lambda_.Architecture.ARM_64 if parameters.architecture == "arm64" else lambda_.Architecture.X86_64


def _arn(service: str, name: str, kind: str) -> str:
    components = ArnComponents(
        service=service,
        resource=kind,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
        partition=Aws.PARTITION,
        region=Aws.REGION,
        account=Aws.ACCOUNT_ID,
    )
    return str(Arn.format(components))


def _allow(
    actions: list[str], *resources: str, conditions: dict[str, dict[str, str]] | None = None
) -> iam.PolicyDocument:
    statement = iam.PolicyStatement(actions=actions, resources=[*resources], conditions=conditions)
    return iam.PolicyDocument(statements=[statement])
