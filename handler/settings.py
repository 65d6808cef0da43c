"""Settings from environment variables. No other module of the function reads the environment."""

from __future__ import annotations

from collections.abc import Mapping

from handler import variables
from handler.frozen import Frozen
from handler.light_path import LightPath
from handler.variables import ApiKey, IndexPlace

DEFAULT_INDEX_NAME = "seeklet"
DEFAULT_INDEX_TIMEOUT_MS = 3000
DEFAULT_MAX_RESULTS = 100
DEFAULT_MAX_TEXT_LENGTH = 65536
DEFAULT_MAX_BATCH = 128
DEFAULT_MAX_BODY_BYTES = 65536
DEFAULT_MAX_RESPONSE_BYTES = 6_000_000
DEFAULT_REFRESH_SECONDS = 60
DEFAULT_MAX_WAITING = 100
DEFAULT_GOOD_SCORE = 0.3
# ONNX Runtime starts as many threads as it is told, and never returns from a million.
MOST_THREADS = 1024
MOST_BYTES = 10**13
_SECRETS = ("index_uri", "analytics_salt")


class Settings(Frozen):
    """The function's settings, each with its variable and its default.

    artifact_dir    ARTIFACT_DIR, default /opt/artifact: the folder that `seeklet export` wrote
    artifact_uri    ARTIFACT_URI, default none: s3://bucket/prefix of such a folder, or of a pointer to one. Where it
                    is set, ARTIFACT_DIR is ignored, since a container image always sets that one
    refresh_seconds  REFRESH_SECONDS, default 60: if ARTIFACT_URI or an address of INDEXES is a pointer, or INDEX_URI is set,
                    the next look for a new release is due so many seconds after the one before; with 0 there is none
    indexes         INDEXES, default none: name=address,name=address of more artifacts, each at a path of its name
    max_index_bytes  MAX_INDEX_BYTES, default half of the memory: the files of all loaded indexes have at most so many
                    bytes together. None if it isn't set outside Lambda: memory.py then knows how much memory there is
    artifact_bucket_owner  ARTIFACT_BUCKET_OWNER, default none: the AWS account that the bucket must belong to
    index_uri       INDEX_URI, default none: postgresql://user@host/database, where `seeklet publish` put the corpus. Only the
                    artifact's encoder is used then
    index_name      INDEX_NAME, default seeklet: the corpus's name in the database
    index_auth      INDEX_AUTH, default password: with iam, AWS IAM makes a password for each connection
    index_timeout_ms  INDEX_TIMEOUT_MS, default 3000: the limit of one statement, in milliseconds
    api_keys        API_KEY, a key, and API_KEYS, name=key,name=key, default none: every request must send one of them as
                    x-api-key. Empty is an error
    max_results     MAX_RESULTS, default 100: the largest `num_results` and `k`
    max_text_length  MAX_TEXT_LENGTH, default 65536: a query or a text of more characters is refused
    max_batch       MAX_BATCH, default 128: the most queries or texts of one request
    max_body_bytes  MAX_BODY_BYTES, default 65536: a longer request body is refused with 413
    max_response_bytes  MAX_RESPONSE_BYTES, default 6000000: a longer answer is refused with 422. Lambda's own
                    limit is 6291556 for body and headers; a load balancer takes 1 MB
    max_waiting     MAX_WAITING, default 100: under uvicorn, so many requests may wait while others are answered; more
                    are refused with 503
    cors_origins    CORS_ORIGINS, default none: the browser origins that may call, with commas between them, or *.
                    API Gateway and function URLs have settings of their own for this
    cache_control   CACHE_CONTROL, default no-cache: the header Cache-Control of GET /search and of the pages
    mcp             MCP, default on: with off, POST /mcp is not served
    threads         THREADS, default from the function's memory, or else the number of CPUs: threads of the search
    log_requests    LOG_REQUESTS, default off: with on, a line of JSON on standard output for each request
    metrics         METRICS, default off: with emf, that line is metrics for CloudWatch too
    analytics       ANALYTICS, default off: with on, a line for each query with its text
    analytics_salt  ANALYTICS_SALT: a secret of 16 characters or more, from which ANALYTICS hashes who asked
    good_score      GOOD_SCORE, default 0.3: ANALYTICS marks a query whose best result has a lower score
    function_name   AWS_LAMBDA_FUNCTION_NAME, which Lambda sets; empty elsewhere
    provisioned     whether this start was made before any request, by provisioned concurrency
    snap_start      whether Lambda takes a SnapStart snapshot after this start
    """

    artifact_dir: LightPath
    artifact_uri: str | None
    refresh_seconds: int
    indexes: tuple[IndexPlace, ...]
    max_index_bytes: int | None
    artifact_bucket_owner: str | None
    index_uri: str | None
    index_name: str
    index_auth: str
    index_timeout_ms: int
    api_keys: tuple[ApiKey, ...]
    max_results: int
    max_text_length: int
    max_batch: int
    max_body_bytes: int
    max_response_bytes: int
    max_waiting: int
    cors_origins: tuple[str, ...]
    cache_control: str
    mcp: bool
    threads: int
    log_requests: bool
    metrics: str
    analytics: bool
    analytics_salt: str
    good_score: float
    function_name: str
    provisioned: bool
    snap_start: bool

    def __repr__(self) -> str:
        """All but the secrets: a repr may end in a log."""
        shown = (f"{name}={value!r}" for name, value in self._compared().items() if name not in _SECRETS)
        return f"Settings({', '.join(shown)})"

    @property
    def api_key(self) -> str | None:
        """One of the keys; None where everyone may ask."""
        return self.api_keys[0].key if self.api_keys else None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the variables; raises SettingsError that names the unusable one."""
        analytics = variables.switch(environ, "ANALYTICS", "off")
        return cls(
            artifact_dir=LightPath(environ.get("ARTIFACT_DIR") or "/opt/artifact"),
            artifact_uri=variables.s3_uri(environ, "ARTIFACT_URI"),
            refresh_seconds=variables.whole(environ, "REFRESH_SECONDS", DEFAULT_REFRESH_SECONDS, least=0),
            indexes=variables.places(environ, "INDEXES"),
            max_index_bytes=variables.whole(
                environ, "MAX_INDEX_BYTES", variables.half_memory(environ), MOST_BYTES
            )
            or None,
            artifact_bucket_owner=variables.account(environ, "ARTIFACT_BUCKET_OWNER"),
            index_uri=environ.get("INDEX_URI") or None,
            index_name=environ.get("INDEX_NAME") or DEFAULT_INDEX_NAME,
            index_auth=variables.choice(environ, "INDEX_AUTH", ("password", "iam")),
            index_timeout_ms=variables.whole(environ, "INDEX_TIMEOUT_MS", DEFAULT_INDEX_TIMEOUT_MS, 900_000),
            api_keys=variables.api_keys(environ, "API_KEY", "API_KEYS"),
            max_results=variables.whole(environ, "MAX_RESULTS", DEFAULT_MAX_RESULTS),
            max_text_length=variables.whole(environ, "MAX_TEXT_LENGTH", DEFAULT_MAX_TEXT_LENGTH),
            max_batch=variables.whole(environ, "MAX_BATCH", DEFAULT_MAX_BATCH),
            max_body_bytes=variables.whole(environ, "MAX_BODY_BYTES", DEFAULT_MAX_BODY_BYTES),
            max_response_bytes=variables.whole(environ, "MAX_RESPONSE_BYTES", DEFAULT_MAX_RESPONSE_BYTES),
            max_waiting=variables.whole(environ, "MAX_WAITING", DEFAULT_MAX_WAITING, least=0),
            cors_origins=variables.origins(environ, "CORS_ORIGINS"),
            cache_control=variables.header(environ, "CACHE_CONTROL", "no-cache"),
            mcp=variables.switch(environ, "MCP"),
            threads=variables.whole(environ, "THREADS", variables.default_threads(environ), MOST_THREADS),
            log_requests=variables.switch(environ, "LOG_REQUESTS", "off"),
            metrics=variables.choice(environ, "METRICS", ("off", "emf")),
            analytics=analytics,
            analytics_salt=variables.salt(environ, "ANALYTICS_SALT", needed=analytics),
            good_score=variables.score(environ, "GOOD_SCORE", DEFAULT_GOOD_SCORE),
            function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME") or "",
            provisioned=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency",
            snap_start=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start",
        )
