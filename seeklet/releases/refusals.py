"""Turns botocore's errors into sentences that say what to do: log in, set the clock, or mend the bucket or the address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from handler.errors import SeekletError
from handler.only_s3 import only_s3

# S3's codes for credentials that it doesn't take. The answer to a HEAD has its status in place of a code.
_CREDENTIALS = re.compile(
    "ExpiredToken.*|InvalidToken|TokenRefresh.*|InvalidAccessKeyId|SignatureDoesNotMatch|400"
)
_CLOCK = ("RequestTimeTooSkewed", "RequestExpired")
_LOG_IN = "log in again, or name another --profile"


@contextmanager
def told(place: str, where: str) -> Iterator[None]:
    """Raises SeekletError for an error of botocore. `place` is s3://bucket/prefix, `where` the object's address."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        with only_s3(where):
            yield
    except NoCredentialsError:
        raise SeekletError(f"no AWS credentials to use {place}: log in, or name a --profile") from None
    except BotoCoreError as error:
        if _is_login(error):
            raise SeekletError(f"no valid AWS credentials to use {place} ({error}): {_LOG_IN}") from None
        raise SeekletError(f"{where} can't be reached ({error}): check the network and --region") from None
    except ClientError as error:
        raise _refused(place, where, error) from None


def code_of(error: Any) -> str:
    """Returns the code of S3's error."""
    return str(error.response["Error"].get("Code"))


def _refused(place: str, where: str, error: Any) -> SeekletError:
    code = code_of(error)
    if code == "NoSuchBucket":
        bucket = place.removeprefix("s3://").partition("/")[0]
        return SeekletError(f"there is no bucket {bucket}: make it, or mend the address")
    if code in ("AccessDenied", "403"):
        return SeekletError(
            f"you may not use {where}: it takes s3:GetObject, s3:PutObject and s3:ListBucket, and for "
            "--keep s3:DeleteObject too"
        )
    remedy = "mend the bucket, or try again"
    if code in _CLOCK:
        remedy = "set this machine's clock"
    elif _CREDENTIALS.fullmatch(code):
        remedy = _LOG_IN
    said = error.response["Error"].get("Message", "no reason given")
    return SeekletError(f"S3 refused {where} ({code}: {said}): {remedy}")


def _is_login(error: Exception) -> bool:
    """Tells whether an error of botocore is about credentials, such as those of a login that has ended."""
    from botocore import exceptions

    kinds = (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.CredentialRetrievalError)
    return isinstance(error, kinds)
