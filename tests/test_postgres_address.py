"""Addresses of databases, IAM's tokens, and filters as SQL: all that needs no server."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from handler.errors import SettingsError
from handler.filters import parse_filter
from handler.postgres.address import Address, parse_address
from handler.postgres.filters import FilterSql
from handler.postgres.iam import token_maker
from handler.postgres.layout import check_name, schema_of
from handler.settings import Settings

TYPES = {"year": "number", "topic": "string", "tags": "strings", "open": "boolean", "day": "date"}


def test_the_parts_of_an_address() -> None:
    assert parse_address("postgresql://se%40ek:p%3Aw@db.example.org/search") == Address(
        "se@ek", "p:w", "db.example.org", 5432, "search"
    )
    given = parse_address("postgres://a@h:6000/d?sslmode=verify-ca&sslrootcert=/x.pem")
    assert (given.port, given.sslmode, given.rootcert, given.password) == (6000, "verify-ca", "/x.pem", None)
    socket = parse_address("postgresql://a@/d?host=/run/postgresql&port=5433")
    assert socket.socket == "/run/postgresql/.s.PGSQL.5433"
    assert socket.ssl_context() is None


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("mysql://a@h/d", "postgresql://"),
        ("postgresql://h/d", "no user"),
        ("postgresql://a@/d", "no host"),
        ("postgresql://a@h/", "no database"),
        ("postgresql://a@h:port/d", "can't be read"),
        ("postgresql://a@h/d?sslmode=prefer", "sslmode"),
        ("postgresql://a@h/d?options=-c", "parameter 'options'"),
    ],
)
def test_a_bad_address_is_refused_without_its_password(uri: str, said: str) -> None:
    with pytest.raises(SettingsError, match="INDEX_URI") as caught:
        parse_address(uri.replace("a@", "a:secret@"))
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_password_is_in_no_log() -> None:
    uri = "postgresql://a:secret@h/d"
    settings = Settings.from_env({"INDEX_URI": uri})
    assert settings.index_uri == uri
    assert "secret" not in f"{parse_address(uri)!r} {parse_address(uri)} {settings!r}"


def test_a_certificate_is_verified_where_nothing_else_is_said() -> None:
    address = parse_address("postgresql://a@h/d")
    context = address.ssl_context()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    by_ca = address._replace(sslmode="verify-ca").ssl_context()
    assert by_ca is not None
    assert (by_ca.verify_mode, by_ca.check_hostname) == (ssl.CERT_REQUIRED, False)
    unchecked = address._replace(sslmode="require").ssl_context()
    assert unchecked is not None
    assert unchecked.verify_mode == ssl.CERT_NONE
    with pytest.raises(SettingsError, match="sslrootcert"):
        address._replace(rootcert="/nowhere.pem").ssl_context()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "to/ken+=")


def test_an_iam_token_is_botocores(credentials: None) -> None:
    address = parse_address("postgresql://seek%20reader@db.example.org:6000/search")
    client: Any = botocore.session.get_session().create_client("rds")
    made = token_maker(address)()
    # The time of signing is a second, which may pass between the two.
    others = {client.generate_db_auth_token(address.host, address.port, address.user) for _ in range(2)}
    assert made in others or token_maker(address)() in others


def test_iam_without_what_it_needs(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="needs TLS"):
        token_maker(parse_address("postgresql://a@h/d?sslmode=disable"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SettingsError, match="credentials"):
        token_maker(parse_address("postgresql://a@h/d"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SettingsError, match="region"):
        token_maker(parse_address("postgresql://a@h/d"))


@pytest.mark.parametrize(
    "question",
    [
        {"topic": "'); DROP TABLE documents; --"},
        {"tags": {"$in": ["a", "\x00", ":v0", "::int4"]}},
        {"$or": [{"year": {"$gt": 1e300, "$lte": 2**70}}, {"$not": {"open": True}}, {}]},
        {"day": {"$gte": "2024-05-31"}, "topic": {"$nin": [], "$exists": False}},
    ],
)
def test_a_filters_values_are_parameters(question: dict[str, Any]) -> None:
    condition = FilterSql(parse_filter(question, TYPES), TYPES)
    assert not set(condition.text) & set("'\"$;\\")
    assert "DROP" not in condition.text
    assert all(f":{name}" in condition.text for name in condition.values)


def test_names_are_identifiers() -> None:
    assert schema_of(check_name("news", "--name"), "0123456789abcdef") == "news_0123456789abcdef"
    with pytest.raises(SettingsError, match="looks like the schema of a release of another corpus"):
        check_name("news_0123456789abcdef", "--name")
    for bad in ("News", "1a", "a-b", 'a"b', "a" * 47, ""):
        with pytest.raises(SettingsError, match="--name"):
            check_name(bad, "--name")
    # Words of SQL would need quotes; PostgreSQL keeps pg_ for itself.
    for bad in ("user", "default", "order", "table", "end", "left", "pg_news"):
        with pytest.raises(SettingsError, match=f"--name {bad} is"):
            check_name(bad, "--name")
    with pytest.raises(ValueError, match="no schema"):
        schema_of("news", "0123")
