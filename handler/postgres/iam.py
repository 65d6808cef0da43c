"""IAM authentication of Amazon RDS and Aurora: a token, valid for 15 minutes, in the place of a password.

It is a signed address, as AWS describes it in "IAM database authentication":
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
botocore finds the credentials and signs. No client of botocore is made, which would take longer than all the rest of a start.
"""

from __future__ import annotations

from collections.abc import Callable

from handler.errors import SettingsError
from handler.light_typing import Any
from handler.postgres.address import Address

try:
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.session import get_session
except ImportError:
    raise SettingsError(
        "INDEX_AUTH=iam needs botocore, which Lambda's own runtime has and this Python hasn't: `pip install botocore`"
    ) from None

VALID_SECONDS = 900


def token_maker(address: Address) -> Callable[[], str]:
    """Returns what makes a token for each connection. Raises SettingsError where botocore finds no region or credentials."""
    session = get_session()
    region, credentials = session.get_config_variable("region"), session.get_credentials()
    if not region:
        raise SettingsError(
            "INDEX_AUTH=iam finds no region: set AWS_DEFAULT_REGION, which Lambda sets by itself"
        )
    if credentials is None:
        raise SettingsError("INDEX_AUTH=iam finds no AWS credentials: give the function a role, or log in")
    if address.socket or address.sslmode == "disable":
        raise SettingsError(
            "INDEX_AUTH=iam needs TLS, which RDS asks for: name a host, and leave sslmode out"
        )
    # Credentials that end are renewed when they are frozen.
    return lambda: make_token(address, region, credentials.get_frozen_credentials())


def make_token(address: Address, region: str, credentials: Any) -> str:
    """Makes a token: the signed address of rds-db:connect, without its scheme."""
    place = f"{address.host}:{address.port}"
    request = AWSRequest("GET", f"https://{place}/", params={"Action": "connect", "DBUser": address.user})
    SigV4QueryAuth(credentials, "rds-db", region, expires=VALID_SECONDS).add_auth(request)
    return str(request.url).removeprefix("https://")
