"""Answers that aren't S3's, such as those of a proxy: botocore fails over them in ways of its own, and this says what they are."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from handler.errors import UnreachableError, reason
from handler.light_typing import Any

_REDIRECTS = (301, 302, 303, 307, 308)


@contextlib.contextmanager
def only_s3(where: str) -> Iterator[None]:
    """Raises UnreachableError where botocore can't make sense of an answer; `where` is the object's address."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        # botocore follows S3's own redirects, which name a region.
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") not in _REDIRECTS:
            raise
        raise _not_s3(where, "it leads elsewhere, and names no region") from None
    except (ValueError, LookupError, TypeError) as error:
        if isinstance(error, BotoCoreError):
            # It has a sentence already.
            raise
        raise _not_s3(where, f"{type(error).__name__}: {reason(error)}") from None


def ask_region_once(client: Any) -> Any:
    """Lets a client of botocore ask for the region of a bucket once at a redirect; returns the client.

    Where that request is redirected too, botocore would ask again, without end.
    """
    from botocore.exceptions import ClientError

    ask, asking = client.head_bucket, threading.local()

    def ask_once(**asked: Any) -> Any:
        if getattr(asking, "now", False):
            raise ClientError({"ResponseMetadata": {"HTTPHeaders": {}}}, "HeadBucket")
        asking.now = True
        try:
            return ask(**asked)
        finally:
            asking.now = False

    client.head_bucket = ask_once
    return client


def _not_s3(where: str, why: str) -> UnreachableError:
    return UnreachableError(
        f"{where} can't be reached, since what answers isn't S3 ({why:.200}): check the region, AWS_ENDPOINT_URL and the "
        "network's proxy"
    )
