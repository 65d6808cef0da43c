"""Made from template.yaml by `make parameters`, which would overwrite changes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seeklet_cdk.fields import check, number, text, texts


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What template.yaml takes, by the same names in snake_case; raises ValueError as its checks and rules do."""

    runtime: Literal["python3.12", "python3.13", "python3.14"] = text("python3.13")
    """The Python of the function and of the runtime layer's compiled packages."""

    architecture: Literal["x86_64", "arm64"] = text("x86_64")
    """arm64 costs 20 percent less per millisecond."""

    memory_size: int = number(1769, minimum=512, maximum=10240)
    """In MB. CPU grows with memory, and 1769 is one vCPU; a query waits mostly for CPU."""

    ephemeral_storage: int = number(512, minimum=512, maximum=10240)
    """The size of /tmp in MB; more than 512 costs extra. It must hold the artifact that ArtifactUri names, twice where that is a pointer."""

    timeout: int = number(10, minimum=1, maximum=29)
    """In seconds; an HTTP API waits 30 at most."""

    reserved_concurrency: int = number(-1, minimum=-1)
    """The most environments at once, which limits the bill too; with -1 only the account's limit counts."""

    provisioned_concurrency: int = number(0, minimum=0)
    """Environments kept warm and paid for around the clock; 0 is none."""

    snap_start: Literal["off", "on"] = text("off")
    """With on, functions start from a snapshot. For Python each published version costs by the hour, and each restore costs."""

    artifact_uri: str = text(
        "",
        pattern="^$|^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*$",
        constraint="s3://bucket or s3://bucket/prefix, without a slash at its end",
    )
    """The address of an artifact on S3, or of the pointer `current` that `seeklet release` moves; each cold start fetches it. Empty means the model layer."""

    refresh_seconds: int = number(60, minimum=0, maximum=86400)
    """A new release is looked for after so many seconds, where ArtifactUri or Indexes has a pointer, or IndexUri is set; with 0 never."""

    indexes: str = text(
        "",
        pattern="^([a-z0-9][a-z0-9-]{0,62}=s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*(,[a-z0-9][a-z0-9-]{0,62}=s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*)*)?$",
        constraint="name=s3://bucket/prefix with commas between them and no spaces, or empty",
    )
    """More artifacts or pointers, each served below the path of its name. Without ArtifactUri there is no model layer then, and the first one is the default."""

    index_arns: str = text(
        "",
        pattern="^(arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*/\\*(,arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*/\\*)*)?$",
        constraint="arn:aws:s3:::bucket/prefix/* with commas between them and no spaces, or empty",
    )
    """What the function may read besides ArtifactUri, such as Indexes and older artifacts, as arn:aws:s3:::bucket/prefix/* with commas between them."""

    artifact_bucket_owner: str = text(
        "", pattern="^([0-9]{12})?$", constraint="an AWS account's 12 digits, or empty"
    )
    """The account that owns ArtifactUri's bucket; a bucket of any other account is refused. Empty means this account."""

    index_uri: str = text(
        "",
        pattern="^$|^postgres(ql)?://\\S+$",
        constraint="postgresql://user@host:5432/database, or empty",
        secret=True,
    )
    """A PostgreSQL database that has the corpus. A Secrets Manager reference in double braces keeps its password out of files."""

    index_name: str = text(
        "seeklet", pattern="^[a-z][a-z0-9_]{0,45}$", constraint="up to 46 of a-z, 0-9 and _, a letter first"
    )
    """The corpus's name in the database."""

    index_auth: Literal["password", "iam"] = text("password")
    """With iam, the function's role makes the password of each connection, and IndexUri has none."""

    index_database_user: str = text(
        "",
        pattern="^$|^(db|cluster|prx)-[A-Za-z0-9]+/\\S+$",
        constraint="such as db-ABCDEFGHIJKL01234/seeklet_reader, or empty",
    )
    """For IndexAuth=iam, the database's resource id, a slash, and its user."""

    vpc_subnet_ids: str = text(
        "",
        pattern="^(subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*)?$",
        constraint="subnets with commas between them and no spaces, or empty",
    )
    """Private subnets that reach the database. Empty means no VPC."""

    vpc_security_group_ids: str = text(
        "",
        pattern="^(sg-[0-9a-f]+(,sg-[0-9a-f]+)*)?$",
        constraint="security groups with commas between them and no spaces, or empty",
    )
    """Security groups that the database lets in, for VpcSubnetIds."""

    endpoint: Literal["http-api", "function-url"] = text("http-api")
    """A function URL adds no cost, but has neither throttling nor JWT."""

    access: Literal["none", "iam", "jwt", "api-key"] = text("none")
    """Who may call. none lets the whole internet call; with api-key the function checks the header x-api-key."""

    api_key: str = text(
        "",
        pattern="^[!-~]*$",
        constraint="ASCII letters, digits and signs without spaces, or empty",
        secret=True,
    )
    """The key for Access=api-key. A Secrets Manager reference in double braces keeps it out of files."""

    api_keys: str = text(
        "",
        pattern="^$|^\\{\\{resolve:\\S+\\}\\}$|^[a-z0-9][a-z0-9-]{0,62}=[!-+\\--~]{8,}( *, *[a-z0-9][a-z0-9-]{0,62}=[!-+\\--~]{8,})*,?$",
        constraint="name=key with commas between them, names of small letters, digits and hyphens, keys of 8 or more ASCII letters, digits and signs, or empty",
        secret=True,
    )
    """Several keys with names for Access=api-key, as name=key with commas between them, beside ApiKey or instead of it."""

    jwt_issuer: str = text(
        "", pattern="^(https://\\S+)?$", constraint="an address that begins with https://, or empty"
    )
    """For Access=jwt, the issuer's https address, such as a Cognito user pool's."""

    jwt_audience: str = text(
        "",
        pattern="^([^\\s,]+(,[^\\s,]+)*)?$",
        constraint="client ids with commas between them and no spaces, or empty",
    )
    """For Access=jwt, the accepted client ids; a token for any other audience is refused."""

    cors_origins: tuple[str, ...] = texts(("*",))
    """Browser origins that may call; the endpoint itself answers their preflights, without the function."""

    throttle_rate: int = number(50, minimum=1)
    """Steady requests a second; more are answered with 429."""

    throttle_burst: int = number(100, minimum=1)
    """Requests at one moment."""

    max_response_bytes: int = number(6000000, minimum=1000, maximum=6000000)
    """The largest response body. Lambda allows 6 MB, an Application Load Balancer before the alias 1000000 bytes."""

    cache_control: str = text(
        "no-cache",
        pattern="^[!-~]([ -~]{0,198}[!-~])?$",
        constraint="1 to 200 ASCII letters, digits and signs, with spaces only between them",
    )
    """The header Cache-Control of GET /search and of the pages. With no-cache, caches ask each time whether an answer still holds."""

    mcp: Literal["off", "on"] = text("on")
    """With on, agents may call POST /mcp, the Model Context Protocol."""

    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365] = number(14)
    """How long logs are kept, which costs by the month."""

    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = text("INFO")
    """The level of the function's own log lines."""

    log_requests: Literal["off", "on"] = text("on")
    """With on, each request is a line in the log, without its query."""

    metrics: Literal["off", "emf"] = text("off")
    """With emf, CloudWatch makes metrics of the requests' lines, and two alarms watch them. Each metric costs by the month."""

    dashboard: Literal["off", "on"] = text("off")
    """With on, a dashboard of CloudWatch shows the metrics; it costs by the month."""

    analytics: Literal["off", "on"] = text("off")
    """With on, the log has a line for each query with its text. LogRetentionDays says how long it is kept."""

    analytics_salt: str = text(
        "", pattern="^$|^.{16,}$", constraint="16 or more characters, or empty", secret=True
    )
    """A secret of 16 or more characters for Analytics=on; who asked is hashed with it."""

    good_score: str = text(
        "0.3", pattern="^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$", constraint="a number from 0 to 1"
    )
    """Analytics marks queries whose best result has a lower score."""

    tracing: Literal["off", "on"] = text("off")
    """With on, X-Ray traces the function."""

    alarm_topic_arn: str = text("")
    """An SNS topic that gets the alarms; without one they are only shown, and roll deployments back."""

    alarm_duration_ms: int = number(2000)
    """The p99 duration, in ms, above which an alarm is raised; cold starts count too."""

    alarm_index_age_seconds: int = number(0, minimum=0)
    """The age of a pointer's release, in seconds, above which an alarm is raised; 0 is none. It needs Metrics=emf."""

    deployment_type: Literal[
        "AllAtOnce", "Canary10Percent5Minutes", "Canary10Percent15Minutes", "Linear10PercentEvery1Minute"
    ] = text("AllAtOnce")
    """How the alias moves to a new version; an alarm during that time moves it back."""

    warm_every_minutes: Literal[0, 2, 5, 10, 15] = number(0)
    """How often, in minutes, EventBridge sends a ping that keeps one environment warm; 0 is never."""

    def __post_init__(self) -> None:
        check(self, self._rules())

    def _rules(self) -> list[tuple[bool, str]]:
        return [
            (
                (self.indexes == "") or (self.index_arns != ""),
                "Indexes needs IndexArns: what the function may read of them",
            ),
            (
                self.access != "jwt" or self.endpoint == "http-api",
                "Access=jwt needs Endpoint=http-api: a function URL can't check tokens",
            ),
            (
                self.access != "jwt" or self.jwt_issuer != "",
                "Access=jwt needs JwtIssuer: the https address of the service that signs the tokens",
            ),
            (
                self.access != "jwt" or self.jwt_audience != "",
                "Access=jwt needs JwtAudience: an issuer's tokens for other services would be accepted",
            ),
            (
                self.access != "api-key" or (self.api_key != "") or (self.api_keys != ""),
                "Access=api-key needs ApiKey or ApiKeys",
            ),
            (
                self.metrics != "emf" or (self.log_level == "INFO") or (self.log_level == "DEBUG"),
                "Metrics=emf needs LogLevel=INFO or DEBUG: Lambda drops the lines that metrics are made of",
            ),
            (self.dashboard != "on" or self.metrics == "emf", "Dashboard=on needs Metrics=emf"),
            (
                (self.alarm_index_age_seconds == 0) or (self.metrics == "emf"),
                "AlarmIndexAgeSeconds needs Metrics=emf",
            ),
            (
                self.analytics != "on" or self.analytics_salt != "",
                "Analytics=on needs AnalyticsSalt: who asked is hashed with it",
            ),
            (
                self.analytics != "on" or (self.log_level == "INFO") or (self.log_level == "DEBUG"),
                "Analytics=on needs LogLevel=INFO or DEBUG: Lambda drops the queries' lines",
            ),
            (
                ((self.vpc_subnet_ids == "") and (self.vpc_security_group_ids == ""))
                or ((self.vpc_subnet_ids != "") and (self.vpc_security_group_ids != "")),
                "VpcSubnetIds and VpcSecurityGroupIds need each other: where the function is, and what the database lets in",
            ),
            (
                self.index_auth != "iam" or self.index_database_user != "",
                "IndexAuth=iam needs IndexDatabaseUser: the role may connect as that user alone",
            ),
            (self.index_auth != "iam" or self.index_uri != "", "IndexAuth=iam needs IndexUri"),
            (
                (self.index_uri == "") or ((self.artifact_uri == "") and (self.indexes == "")),
                "IndexUri excludes ArtifactUri and Indexes: the function takes its encoder from the model layer, which these leave out",
            ),
            (
                self.snap_start != "on" or self.provisioned_concurrency == 0,
                "SnapStart=on and ProvisionedConcurrency exclude each other on Lambda",
            ),
            (
                self.snap_start != "on" or self.ephemeral_storage == 512,
                "SnapStart=on needs EphemeralStorage=512, Lambda takes no snapshot of more",
            ),
        ]
