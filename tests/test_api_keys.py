"""Several API keys with names: who is let in, what a line says of it, and a rotation without a refused request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from http_events import EVENTS, make_event
from watched import Watched

from handler.errors import RequestError, SettingsError
from handler.requests import check_key
from handler.searcher import Searcher
from handler.settings import Settings
from handler.variables import ApiKey

OLD, NEW = "old-k3y=of+the/test", "new-k3y-of-the-test"


@pytest.fixture(scope="module")
def searcher(tiny_artifact: Path) -> Searcher:
    return Searcher.load(tiny_artifact)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {}),
        ({"API_KEY": OLD}, {"default": OLD}),
        ({"API_KEYS": f"web={OLD}, app={NEW}"}, {"web": OLD, "app": NEW}),
        ({"API_KEY": OLD, "API_KEYS": f"app={NEW},"}, {"default": OLD, "app": NEW}),
        ({"API_KEY": "", "API_KEYS": f"app={NEW}"}, {"app": NEW}),
        ({"API_KEY": OLD, "API_KEYS": ""}, {"default": OLD}),
    ],
)
def test_keys_and_their_names(variables: dict[str, str], expected: dict[str, str]) -> None:
    settings = Settings.from_env(variables)
    assert dict(settings.api_keys) == expected
    assert (settings.api_key is None) == (not expected)
    assert not [key for key in expected.values() if key in f"{settings!r} {settings} {settings.api_keys!r}"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"API_KEY": ""}, "API_KEY is set and empty"),
        ({"API_KEYS": ""}, "API_KEYS is set and empty"),
        ({"API_KEYS": " , "}, "API_KEYS is set and empty"),
        ({"API_KEY": "", "API_KEYS": ""}, "API_KEY is set and empty"),
        ({"API_KEYS": NEW}, "no name=key"),
        ({"API_KEYS": "lower-case-base64=="}, "no name=key"),
        ({"API_KEYS": "web="}, "no name=key"),
        ({"API_KEYS": f"Web Site={OLD}"}, "no name=key"),
        ({"API_KEYS": f"web={OLD},web={NEW}"}, "names 'web' twice"),
        ({"API_KEYS": f"web={OLD},app={OLD}"}, "the same key under two names"),
        ({"API_KEY": OLD, "API_KEYS": f"app={OLD}"}, "the same key under two names"),
        ({"API_KEY": OLD, "API_KEYS": f"default={NEW}"}, "names 'default' twice"),
        ({"API_KEYS": f"web={OLD} {NEW}"}, "a header can't carry"),
    ],
)
def test_what_is_no_set_of_keys_is_refused_without_a_word_of_it(variables: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        Settings.from_env(variables)
    assert not [key for key in (OLD, NEW, OLD.partition("=")[0]) if key in str(caught.value)]


def test_every_key_is_compared_wherever_the_right_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    keys = [ApiKey(f"k{i}", f"key-{i}") for i in range(4)]
    for i in range(4):
        compared.clear()
        assert check_key(f"key-{i}".encode(), keys) == f"k{i}"
        assert compared == [key.encode() for _, key in keys]
    for sent in (b"", b"key-9", b"k0", b"k0=key-0", b"\xff"):
        with pytest.raises(RequestError):
            check_key(sent, keys)


def test_a_rotation_refuses_no_request(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [
        # The keys of the deployment, the key that a client sends, and what it gets.
        (f"app={OLD}", OLD, 200, "app"),
        (f"app={OLD},app-2={NEW}", OLD, 200, "app"),
        (f"app={OLD},app-2={NEW}", NEW, 200, "app-2"),
        (f"app-2={NEW}", NEW, 200, "app-2"),
        (f"app-2={NEW}", OLD, 403, None),
    ]
    for keys, sent, status, name in steps:
        watched = Watched(searcher, capsys, LOG_REQUESTS="on", API_KEYS=keys)
        event = json.loads(json.dumps(EVENTS["similar"]))
        event["headers"]["x-api-key"] = sent
        assert watched.ask(event)["statusCode"] == status
        (line,) = watched.written()
        assert json.loads(line)["key"] == name
        assert not [key for key in (OLD, NEW) if key in line]


def test_the_schema_says_that_a_key_is_needed(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    watched = Watched(searcher, capsys, API_KEYS=f"app={NEW}")
    event = make_event("GET", "/openapi.json")
    event["headers"]["x-api-key"] = NEW
    schema = json.loads(watched.ask(event)["body"])
    assert "403" in schema["paths"]["/similar"]["post"]["responses"]
    # A program that is generated from it sends the key.
    ((name, scheme),) = schema["components"]["securitySchemes"].items()
    assert scheme == {"type": "apiKey", "in": "header", "name": "x-api-key"}
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert operation.get("security") == (None if path in ("/", "/map") else [{name: []}])
            assert ("403" in operation["responses"]) == (path not in ("/", "/map"))
