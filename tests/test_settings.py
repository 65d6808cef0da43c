"""Settings from an environment."""

from __future__ import annotations

from pathlib import Path

import h11
import httpx
import pytest

from handler.errors import SettingsError
from handler.settings import Settings


def test_defaults_need_nothing() -> None:
    settings = Settings.from_env({})
    assert settings.artifact_dir == Path("/opt/artifact")
    assert (settings.max_results, settings.max_body_bytes) == (100, 65536)
    assert settings.threads >= 1
    assert (settings.artifact_uri, settings.api_key, settings.snap_start) == (None, None, False)


@pytest.mark.parametrize(
    ("memory", "threads"), [("128", 1), ("1769", 1), ("3537", 1), ("3538", 2), ("10240", 5)]
)
def test_threads_follow_the_memory_of_the_function(memory: str, threads: int) -> None:
    assert Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}).threads == threads


def test_threads_can_be_set() -> None:
    assert Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "THREADS": "3"}).threads == 3


@pytest.mark.parametrize("name", ["MAX_RESULTS", "MAX_BODY_BYTES", "MAX_RESPONSE_BYTES", "THREADS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "٣", "10000000000", "9" * 5000])
def test_an_unusable_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}='{value[:39]}.* is not a whole number from 1 to 10"):
        Settings.from_env({name: value})


def test_no_more_threads_than_any_machine_has() -> None:
    assert Settings.from_env({"THREADS": "1024"}).threads == 1024
    with pytest.raises(
        SettingsError, match=r"^THREADS='1025' is not a whole number from 1 to 1024: unset it"
    ):
        Settings.from_env({"THREADS": "1025"})


def test_an_empty_variable_is_an_unset_one() -> None:
    names = (
        "ARTIFACT_DIR",
        "ARTIFACT_URI",
        "ARTIFACT_BUCKET_OWNER",
        "MAX_RESULTS",
        "MAX_RESPONSE_BYTES",
        "THREADS",
    )
    assert Settings.from_env(dict.fromkeys(names, "")) == Settings.from_env({})


def test_an_empty_key_is_no_open_door() -> None:
    with pytest.raises(SettingsError, match=r"^API_KEY is set and empty: set it to a key, or unset it"):
        Settings.from_env({"API_KEY": ""})


@pytest.mark.parametrize("owner", ["12345678901", "1234567890123", "12345678901x", "١٢٣٤٥٦٧٨٩٠١٢"])
def test_the_buckets_owner_is_an_account(owner: str) -> None:
    assert (
        Settings.from_env({"ARTIFACT_BUCKET_OWNER": "123456789012"}).artifact_bucket_owner == "123456789012"
    )
    with pytest.raises(SettingsError, match=r"is not the 12 digits of an AWS account"):
        Settings.from_env({"ARTIFACT_BUCKET_OWNER": owner})


def test_the_key_is_kept_out_of_the_repr() -> None:
    settings = Settings.from_env({"API_KEY": "s3cret"})
    assert settings.api_key == "s3cret"
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("key", ["two words", "line\n", "caf\u00e9", "tab\t"])
def test_a_key_that_no_header_carries_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^API_KEY has a character") as caught:
        Settings.from_env({"API_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "uri"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://my.bucket-1/a/b_c=1", "s3://my.bucket-1/a/b_c=1"),
        ("s3://bucket/a/", "s3://bucket/a"),
    ],
)
def test_where_the_artifact_is_on_s3(value: str, uri: str) -> None:
    assert Settings.from_env({"ARTIFACT_URI": value}).artifact_uri == uri


@pytest.mark.parametrize(
    "value",
    [
        "bucket/a",
        "S3://bucket/a",
        "https://bucket.s3.amazonaws.com/a",
        "s3://",
        "s3://B/a",
        "s3://bucket//a",
        "s3:///a",
    ],
)
def test_what_is_no_place_on_s3_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^ARTIFACT_URI='.*' is not s3://bucket"):
        Settings.from_env({"ARTIFACT_URI": value})


def test_a_snapshot_is_told_by_lambda() -> None:
    assert Settings.from_env({"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}).snap_start
    assert not Settings.from_env({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}).snap_start


@pytest.mark.parametrize("value", [" ", " no-cache", "no-cache ", "no\ncache", "größe", "x" * 201])
def test_what_no_server_can_send_is_no_header(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^CACHE_CONTROL=.* can't be a header: use ASCII"):
        Settings.from_env({"CACHE_CONTROL": value})


@pytest.mark.parametrize("value", ["x", "no-cache", "public, max-age=60", "x" * 200])
def test_what_a_server_can_send_is_a_header(value: str) -> None:
    assert Settings.from_env({"CACHE_CONTROL": value}).cache_control == value
    # uvicorn's own library takes it.
    h11.Response(status_code=200, headers=[("cache-control", value)])


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://Example.com", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:80", "https://example.com:80"),
        ("http://localhost:4430", "http://localhost:4430"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_read_as_browsers_send_it(written: str, sent: str) -> None:
    # httpx writes an address as browsers do (WHATWG's URL Standard).
    assert str(httpx.URL(written)).rstrip("/") == sent
    assert Settings.from_env({"CORS_ORIGINS": f"https://a.example, {written}"}).cors_origins == (
        "https://a.example",
        sent,
    )
