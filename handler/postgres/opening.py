"""Opens the search of a published corpus: connects, reads the current release, and checks that the encoder fits it."""

from __future__ import annotations

from handler.light_typing import Any
from handler.manifest import Manifest
from handler.named import NamedTuple
from handler.postgres.address import parse_address
from handler.postgres.connection import Connection
from handler.postgres.engine import PostgresEngine
from handler.postgres.layout import DEFAULT_NAME, check_name
from handler.postgres.release import current_id, find_release


class Corpus(NamedTuple):
    """A corpus in a database: where it is, and its name there."""

    connection: Connection
    name: str

    def open(self, own: Manifest, tokenizer: Any) -> PostgresEngine:
        """Opens the current release; `own` is the manifest of the function's encoder.

        Raises DatabaseError where the database can't answer, and ArtifactError where nothing is published or the
        encoder isn't the release's.
        """
        release = find_release(self.connection, self.name)
        release.check_encoder(own)
        # Kept for every connection that is made again.
        self.connection.set("hnsw.ef_search", str(release.ef_search))
        return PostgresEngine(self.connection, release, tokenizer)

    def current(self) -> str:
        """Returns the id of the current release. Raises as `open` does."""
        return current_id(self.connection, self.name)


def open_corpus(uri: str, *, name: str = DEFAULT_NAME, seconds: float, iam: bool = False) -> Corpus:
    """Reads the settings of a corpus in a database; nothing is connected yet.

    Args:
        uri: postgresql://...
        name: of the corpus.
        seconds: the limit of one statement.
        iam: whether AWS IAM makes the password.

    Raises SettingsError.
    """
    address = parse_address(uri)
    password = None
    if iam:
        from handler.postgres.iam import token_maker

        password = token_maker(address)
    connection = Connection(address, statement_seconds=seconds, password=password)
    # An index search goes on until it has as many rows as were asked for, nearest first.
    connection.set("hnsw.iterative_scan", "strict_order")
    return Corpus(connection, check_name(name, "INDEX_NAME"))
