"""Settings from an environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from handler.errors import SettingsError
from handler.settings import Settings


def test_defaults_need_nothing() -> None:
    settings = Settings.from_env({})
    assert settings.artifact_dir == Path("/opt/artifact")
    assert (settings.max_results, settings.max_body_bytes) == (100, 65536)
    assert settings.threads >= 1


@pytest.mark.parametrize(
    ("memory", "threads"), [("128", 1), ("1769", 1), ("3537", 1), ("3538", 2), ("10240", 5)]
)
def test_threads_follow_the_memory_of_the_function(memory: str, threads: int) -> None:
    assert Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}).threads == threads


def test_threads_can_be_set() -> None:
    assert Settings.from_env({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "THREADS": "3"}).threads == 3


@pytest.mark.parametrize("name", ["MAX_RESULTS", "MAX_BODY_BYTES", "THREADS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "٣"])
def test_an_unusable_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}='{value}' is not a whole number above 0"):
        Settings.from_env({name: value})
