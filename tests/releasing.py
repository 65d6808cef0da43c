"""`seeklet release` into an empty bucket of a FakeS3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_s3 import FakeS3, fake_s3
from fake_s3_writing import WritingHandler
from lambda_tools import NO_AWS

from seeklet.cli import main

PLACE = "s3://bucket/search"
Artifacts = dict[str, Path]


@contextmanager
def writable_bucket() -> Iterator[FakeS3]:
    """An empty bucket that may be written; AWS's settings lead there."""
    with fake_s3(WritingHandler) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in {**NO_AWS, "AWS_ENDPOINT_URL": server.url}.items():
            patch.setenv(name, value)
        yield server


def release(*arguments: str | Path) -> int:
    """Runs the command in this process; returns its status."""
    return main(["release", *map(str, arguments)], {})
