"""The connection to a published corpus over TLS: the server's certificate and name are checked where nothing else is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from database_search import open_searcher, publish_artifact
from postgres import Postgres, postgres
from tls_front import TlsFront, make_certificate

from handler.errors import UnavailableError
from handler.searcher import Searcher

pytestmark = pytest.mark.scale


@pytest.fixture(scope="module")
def server(tiny_artifact: Path) -> Iterator[Postgres]:
    with postgres() as started:
        publish_artifact(tiny_artifact, started.uri)
        yield started


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"), "localhost")


def search(artifact: Path, front: TlsFront, host: str, options: str) -> list[str]:
    uri = f"postgresql://postgres@{host}:{front.port}/postgres{options}"
    return [hit.id for hit in open_searcher(artifact, uri).search("a storm over Europe", 3)]


def test_a_certificate_that_is_trusted(
    server: Postgres, certificate: tuple[Path, Path], tiny_artifact: Path
) -> None:
    right = [hit.id for hit in Searcher.load(tiny_artifact).search("a storm over Europe", 3)]
    with TlsFront(server.socket, *certificate) as front:
        for mode in ("", "&sslmode=verify-full", "&sslmode=verify-ca"):
            found = search(tiny_artifact, front, "localhost", f"?sslrootcert={certificate[0]}{mode}")
            assert found == right
        assert search(tiny_artifact, front, "localhost", "?sslmode=require") == right


def test_what_is_not_trusted_is_refused(
    server: Postgres, certificate: tuple[Path, Path], tiny_artifact: Path
) -> None:
    with TlsFront(server.socket, *certificate) as front:
        # An unknown signer, and the right signer for another name.
        for host, options in (
            ("localhost", ""),
            ("localhost", "?sslmode=verify-ca"),
            ("127.0.0.1", f"?sslrootcert={certificate[0]}"),
        ):
            with pytest.raises(UnavailableError, match="certificate verify failed"):
                search(tiny_artifact, front, host, options)
        named = f"?sslrootcert={certificate[0]}&sslmode=verify-ca"
        assert len(search(tiny_artifact, front, "127.0.0.1", named)) == 3


def test_a_server_without_tls_is_refused(server: Postgres, tiny_artifact: Path) -> None:
    """Nothing is sent in clear, the password least of all."""
    with TlsFront(server.socket) as front:
        for options in ("", "?sslmode=require"):
            with pytest.raises(UnavailableError, match="can't be reached"):
                search(tiny_artifact, front, "localhost", options)
