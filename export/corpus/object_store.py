"""Opens S3 by pyarrow, which the export has anyway. Credentials, region and endpoint are those of the environment."""

from __future__ import annotations

import os
from typing import Any


def s3_of(uri: str) -> Any:
    """Returns pyarrow's file system for the bucket of an s3:// URI. Raises OSError where S3 can't be asked."""
    from pyarrow import fs

    # pyarrow reads no endpoint from the environment, unlike botocore. One that isn't AWS's knows nothing of regions.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        scheme, _, host = endpoint.rpartition("://")
        return fs.S3FileSystem(endpoint_override=host.rstrip("/"), scheme=scheme or "https")
    bucket = uri.removeprefix("s3://").split("/")[0]
    return fs.S3FileSystem(region=fs.resolve_s3_region(bucket))
