"""Settings: every environment variable that the function reads, named here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from handler.errors import SettingsError
from handler.threads import available_cpus

# AWS: 1,769 MB of memory give a function one vCPU.
MEMORY_PER_VCPU_MB = 1769
# What nobody means to exceed. ONNX Runtime starts as many threads as it is told to, and doesn't come back from a million.
MOST = 10**9
MOST_THREADS = 1024


class Settings(NamedTuple):
    """What the environment decides.

    artifact_dir    ARTIFACT_DIR, default /opt/artifact: the directory that `python -m export` wrote
    artifact_uri    ARTIFACT_URI, default none: s3://bucket/prefix of such a directory. Where it is set, ARTIFACT_DIR
                    is ignored: an image has that one set already
    artifact_bucket_owner  ARTIFACT_BUCKET_OWNER, default none: the AWS account that the bucket must belong to
    api_key         API_KEY, default none: what every request must send as x-api-key. Empty is an error, not no key
    max_results     MAX_RESULTS, default 100: the largest `num_results` that is answered
    max_body_bytes  MAX_BODY_BYTES, default 65536: a longer request body is refused with 413
    max_response_bytes  MAX_RESPONSE_BYTES, default 6000000: a longer answer is refused with 422. Lambda's own
                    limit is 6291556 for body and headers; a load balancer takes 1 MB
    threads         THREADS, default from the function's memory or the CPUs at hand: threads of the search
    snap_start      whether Lambda is about to take a SnapStart snapshot
    """

    artifact_dir: Path
    artifact_uri: str | None
    artifact_bucket_owner: str | None
    api_key: str | None
    max_results: int
    max_body_bytes: int
    max_response_bytes: int
    threads: int
    snap_start: bool

    def __repr__(self) -> str:
        """All but the key: a repr may end in a log."""
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name != "api_key")
        return f"Settings({', '.join(shown)})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Reads the variables; raises SettingsError naming the one that is unusable."""
        return cls(
            artifact_dir=Path(environ.get("ARTIFACT_DIR") or "/opt/artifact"),
            artifact_uri=_s3_uri(environ, "ARTIFACT_URI"),
            artifact_bucket_owner=_account(environ, "ARTIFACT_BUCKET_OWNER"),
            api_key=_key(environ, "API_KEY"),
            max_results=_positive(environ, "MAX_RESULTS", 100),
            max_body_bytes=_positive(environ, "MAX_BODY_BYTES", 65536),
            max_response_bytes=_positive(environ, "MAX_RESPONSE_BYTES", 6_000_000),
            threads=_positive(environ, "THREADS", _default_threads(environ), MOST_THREADS),
            snap_start=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start",
        )


def _positive(environ: Mapping[str, str], name: str, default: int, most: int = MOST) -> int:
    value = environ.get(name)
    if not value:
        return default
    # By its length first: Python refuses to read thousands of digits.
    digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
    if not (digits and 1 <= int(value) <= most):
        raise SettingsError(
            f"{name}={value!r:.40} is not a whole number from 1 to {most}: unset it or set it to one, such as {default}"
        )
    return int(value)


def _s3_uri(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    # Bucket names are S3's rule; a double slash would be part of the keys, which no upload means.
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/\s]+)*/?", value):
        raise SettingsError(
            f"{name}={value!r} is not s3://bucket or s3://bucket/prefix: set it to where the artifact was uploaded"
        )
    return value.rstrip("/")


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
        # Without the value: this is logged.
        raise SettingsError(
            f"{name} has a character that a header can't carry: use ASCII letters, digits and signs, no spaces"
        )
    return value


def _default_threads(environ: Mapping[str, str]) -> int:
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if memory.isascii() and memory.isdigit():
        return max(1, int(memory) // MEMORY_PER_VCPU_MB)
    return available_cpus()
