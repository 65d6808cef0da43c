"""Settings from environment variables. No other module of the function reads the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from handler.errors import SettingsError
from handler.threads import available_cpus

# At this much memory, says AWS, a function has one vCPU.
MEMORY_PER_VCPU_MB = 1769
DEFAULT_INDEX_NAME = "seeklet"
DEFAULT_INDEX_TIMEOUT_MS = 3000
DEFAULT_MAX_RESULTS = 100
DEFAULT_MAX_TEXT_LENGTH = 65536
DEFAULT_MAX_BATCH = 128
DEFAULT_MAX_BODY_BYTES = 65536
DEFAULT_MAX_RESPONSE_BYTES = 6_000_000
DEFAULT_REFRESH_SECONDS = 60
DEFAULT_MAX_WAITING = 100
# No setting is meant to be larger. ONNX Runtime starts as many threads as it is told, and never returns from a million.
MOST = 10**9
MOST_THREADS = 1024
_SECRETS = ("api_key", "index_uri")
MOST_BYTES = 10**13
_S3_URI = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/\s]+)*/?"


class IndexPlace(NamedTuple):
    """An index's name, and the address of its artifact: s3://..., or a folder."""

    name: str
    uri: str


class Settings(NamedTuple):
    """The function's settings, each with its variable and its default.

    artifact_dir    ARTIFACT_DIR, default /opt/artifact: the folder that `seeklet export` wrote
    artifact_uri    ARTIFACT_URI, default none: s3://bucket/prefix of such a folder, or of a pointer to one. Where it
                    is set, ARTIFACT_DIR is ignored, since a container image always sets that one
    refresh_seconds  REFRESH_SECONDS, default 60: where ARTIFACT_URI is a pointer, a look for a new release is due so
                    many seconds after the one before; with 0 there is none
    indexes         INDEXES, default none: name=address,name=address of more artifacts, each at a path of its name
    max_index_bytes  MAX_INDEX_BYTES, default half of the memory: the files of all loaded indexes have at most so many
                    bytes together; None where the memory isn't known
    artifact_bucket_owner  ARTIFACT_BUCKET_OWNER, default none: the AWS account that the bucket must belong to
    index_uri       INDEX_URI, default none: postgresql://user@host/database, where `seeklet publish` put the corpus. The
                    artifact is then only asked for its encoder
    index_name      INDEX_NAME, default seeklet: the corpus's name in the database
    index_auth      INDEX_AUTH, default password: with iam, AWS IAM makes a password for each connection
    index_timeout_ms  INDEX_TIMEOUT_MS, default 3000: the limit of one statement, in milliseconds
    api_key         API_KEY, default none: the key that every request must send as x-api-key. Empty is an error
    max_results     MAX_RESULTS, default 100: the largest `num_results` that is answered
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
    snap_start      whether Lambda takes a SnapStart snapshot after this start
    """

    artifact_dir: Path
    artifact_uri: str | None
    refresh_seconds: int
    indexes: tuple[IndexPlace, ...]
    max_index_bytes: int | None
    artifact_bucket_owner: str | None
    index_uri: str | None
    index_name: str
    index_auth: str
    index_timeout_ms: int
    api_key: str | None
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
    snap_start: bool

    def __repr__(self) -> str:
        """All but the secrets: a repr may end in a log."""
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name not in _SECRETS)
        return f"Settings({', '.join(shown)})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the variables; raises SettingsError that names the unusable one."""
        return cls(
            artifact_dir=Path(environ.get("ARTIFACT_DIR") or "/opt/artifact"),
            artifact_uri=_s3_uri(environ, "ARTIFACT_URI"),
            refresh_seconds=_positive(environ, "REFRESH_SECONDS", DEFAULT_REFRESH_SECONDS, least=0),
            indexes=_indexes(environ, "INDEXES"),
            max_index_bytes=_positive(environ, "MAX_INDEX_BYTES", _half_memory(environ), MOST_BYTES) or None,
            artifact_bucket_owner=_account(environ, "ARTIFACT_BUCKET_OWNER"),
            index_uri=environ.get("INDEX_URI") or None,
            index_name=environ.get("INDEX_NAME") or DEFAULT_INDEX_NAME,
            index_auth=_choice(environ, "INDEX_AUTH", ("password", "iam")),
            index_timeout_ms=_positive(environ, "INDEX_TIMEOUT_MS", DEFAULT_INDEX_TIMEOUT_MS, 900_000),
            api_key=_key(environ, "API_KEY"),
            max_results=_positive(environ, "MAX_RESULTS", DEFAULT_MAX_RESULTS),
            max_text_length=_positive(environ, "MAX_TEXT_LENGTH", DEFAULT_MAX_TEXT_LENGTH),
            max_batch=_positive(environ, "MAX_BATCH", DEFAULT_MAX_BATCH),
            max_body_bytes=_positive(environ, "MAX_BODY_BYTES", DEFAULT_MAX_BODY_BYTES),
            max_response_bytes=_positive(environ, "MAX_RESPONSE_BYTES", DEFAULT_MAX_RESPONSE_BYTES),
            max_waiting=_positive(environ, "MAX_WAITING", DEFAULT_MAX_WAITING, least=0),
            cors_origins=_origins(environ, "CORS_ORIGINS"),
            cache_control=_header(environ, "CACHE_CONTROL", "no-cache"),
            mcp=_switch(environ, "MCP"),
            threads=_positive(environ, "THREADS", _default_threads(environ), MOST_THREADS),
            snap_start=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start",
        )


def _positive(
    environ: Mapping[str, str], name: str, default: int, most: int = MOST, *, least: int = 1
) -> int:
    value = environ.get(name)
    if not value:
        return default
    # By its length first: Python refuses to read thousands of digits.
    digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
    if not (digits and least <= int(value) <= most):
        raise SettingsError(
            f"{name}={value!r:.40} is not a whole number from {least} to {most}: unset it or set it to one, such as {default}"
        )
    return int(value)


def _s3_uri(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    # The bucket's part is S3's rule for names. A double slash is refused: it would be part of the keys.
    if not re.fullmatch(_S3_URI, value):
        raise SettingsError(
            f"{name}={value!r} is not s3://bucket or s3://bucket/prefix: set it to where the artifact was uploaded"
        )
    return value.rstrip("/")


def _indexes(environ: Mapping[str, str], name: str) -> tuple[IndexPlace, ...]:
    places: dict[str, IndexPlace] = {}
    for part in (environ.get(name) or "").split(","):
        if not part.strip():
            continue
        index, _, uri = part.strip().partition("=")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", index) or not uri:
            raise SettingsError(
                f"{name} has {part.strip()!r:.80}: write name=s3://bucket/prefix or name=folder with commas between them, "
                "and names of small letters, digits and hyphens"
            )
        if uri.startswith("s3:") and not re.fullmatch(_S3_URI, uri):
            raise SettingsError(f"{name} has {uri!r:.80}, which is not s3://bucket/prefix: mend the address")
        if index in places:
            raise SettingsError(f"{name} names {index!r} twice: give each index a name of its own")
        places[index] = IndexPlace(index, uri.rstrip("/") or "/")
    return tuple(places.values())


def _half_memory(environ: Mapping[str, str]) -> int:
    """Returns half of the function's memory in bytes; 0 outside Lambda."""
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return int(memory) * 2**19 if memory.isascii() and memory.isdigit() else 0


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in (environ.get(name) or "").split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin):
            raise SettingsError(
                f"{name} has {origin!r:.80}, which is no origin: write https://host with commas between them, or *"
            )
    return origins


def _header(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name) or default
    if not re.fullmatch(r"[ -~]{1,200}", value):
        raise SettingsError(f"{name}={value!r:.80} can't be a header: use ASCII letters, digits and signs")
    return value


def _switch(environ: Mapping[str, str], name: str) -> bool:
    return _choice(environ, name, ("on", "off")) == "on"


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, str]) -> str:
    """Returns one of two choices; the first is the default."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise SettingsError(
            f"{name}={value!r:.40} is neither {choices[0]} nor {choices[1]}: set it to one of them"
        )
    return value


def _account(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    if not re.fullmatch(r"[0-9]{12}", value):
        raise SettingsError(
            f"{name}={value!r} is not the 12 digits of an AWS account: set it to the bucket owner's"
        )
    return value


def _key(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    if value is None:
        return None
    if not value:
        # A secret that failed to load is empty too, and must not open the service.
        raise SettingsError(f"{name} is set and empty: set it to a key, or unset it to let everyone in")
    if not all("!" <= character <= "~" for character in value):
        # The message leaves the value out, since it is logged.
        raise SettingsError(
            f"{name} has a character that a header can't carry: use ASCII letters, digits and signs, no spaces"
        )
    return value


def _default_threads(environ: Mapping[str, str]) -> int:
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if memory.isascii() and memory.isdigit():
        return max(1, int(memory) // MEMORY_PER_VCPU_MB)
    return available_cpus()
