"""postgresql://... as the parts of a connection. It reads no environment, and connects to nothing.

postgresql://user:password@host:5432/database?sslmode=verify-full&sslrootcert=bundle.pem
postgresql://user@/database?host=/var/run/postgresql    a Unix socket in that folder
"""

from __future__ import annotations

import ssl
from urllib.parse import parse_qsl, unquote, urlsplit

from handler.errors import SettingsError
from handler.named import NamedTuple

SCHEMES = ("postgresql", "postgres")
SSL_MODES = ("verify-full", "verify-ca", "require", "disable")
_PARAMETERS = ("host", "port", "sslmode", "sslrootcert")
DEFAULT_PORT = 5432


class Address(NamedTuple):
    """Where a database is, and who asks.

    host      a host name, or the folder of a Unix socket, which begins with /
    sslmode   one of SSL_MODES. verify-full checks the server's certificate and its name; a Unix socket needs none
    rootcert  a file of certificates to trust; None is the system's
    """

    user: str
    password: str | None
    host: str
    port: int
    database: str
    sslmode: str = "verify-full"
    rootcert: str | None = None

    def __repr__(self) -> str:
        """Without the password: a repr may end in a log."""
        return f"Address({self})"

    def __str__(self) -> str:
        place = f"{self.host}:{self.port}" if not self.socket else self.host
        return f"{self.user}@{place}/{self.database}"

    @property
    def socket(self) -> str | None:
        """The path of the Unix socket; None for a host."""
        return f"{self.host}/.s.PGSQL.{self.port}" if self.host.startswith("/") else None

    def ssl_context(self) -> ssl.SSLContext | None:
        """Makes what checks the server's certificate; None where nothing is encrypted.

        Raises SettingsError where the file of certificates can't be read.
        """
        if self.socket or self.sslmode == "disable":
            return None
        try:
            context = ssl.create_default_context(cafile=self.rootcert)
        except OSError as error:
            raise SettingsError(
                f"the certificates {self.rootcert} can't be read ({error.strerror or error}): mend sslrootcert"
            ) from None
        if self.sslmode != "verify-full":
            context.check_hostname = False
        if self.sslmode == "require":
            context.verify_mode = ssl.CERT_NONE
        return context


def parse_address(uri: str, name: str = "INDEX_URI") -> Address:
    """Reads postgresql://...; `name` is the setting's, for errors, which never show the password.

    Raises SettingsError where it isn't one.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        if "port" in given:
            port = int(given["port"])
    except ValueError:
        raise _bad(name, "can't be read") from None
    if parts.scheme not in SCHEMES:
        raise _bad(name, "doesn't begin with postgresql://")
    unknown = sorted(set(given) - set(_PARAMETERS))
    if unknown:
        raise _bad(name, f"has the parameter {unknown[0]!a:.40}; there are {', '.join(_PARAMETERS)}")
    host = given.get("host") or unquote(parts.hostname or "")
    database = unquote(parts.path.removeprefix("/"))
    user = unquote(parts.username or "")
    if not (host and database and user):
        lacks = "user" if not user else "host" if not host else "database"
        raise _bad(name, f"names no {lacks}")
    sslmode = given.get("sslmode", "verify-full")
    if sslmode not in SSL_MODES:
        raise _bad(name, f"has sslmode={sslmode!a:.40}, not one of {', '.join(SSL_MODES)}")
    rootcert = given.get("sslrootcert")
    password = unquote(parts.password) if parts.password else None
    return Address(
        user,
        password,
        host,
        port or DEFAULT_PORT,
        database,
        sslmode,
        None if rootcert in (None, "", "system") else rootcert,
    )


def _bad(name: str, fault: str) -> SettingsError:
    return SettingsError(f"{name} {fault}: write postgresql://user:password@host:5432/database")
