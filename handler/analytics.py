"""What is asked, and what has no good answer: a line of JSON for each query, where ANALYTICS=on.

    {"kind": "query", "query": "storms in Europe", "results": 10, "top_score": 0.53, "no_good_answer": 0, "who": "5b1e04c1..."}

It is the one module that lets a query's text into a log. Who asked is a keyed hash, from which nobody can tell an address
without the deployment's secret (ANALYTICS_SALT); the same person has the same hash while the secret stays.
"""

from __future__ import annotations

from functools import lru_cache, partial

from handler.clock import Searched
from handler.output import or_null, to_line
from handler.record import Record
from handler.settings import Settings

# Characters of a query; the rest is cut.
MOST_CHARACTERS = 1000


class Analytics:
    """Tells a line of each query that was searched for."""

    def __init__(self, settings: Settings) -> None:
        self._good_score = settings.good_score
        # Most requests of a person come together.
        self._who = lru_cache(256)(partial(hash_of, settings.analytics_salt))

    def ping(self, _invocation: str, _now: float, /) -> tuple[()]:
        """Returns nothing: nobody asked."""
        return ()

    def __call__(self, record: Record, _now: float, shared: str, /) -> list[str]:
        """Returns the lines of a request: none where it wasn't a search."""
        return [self._line(record, shared, searched) for searched in record.clock.searches or ()]

    def _line(self, record: Record, shared: str, searched: Searched) -> str:
        best = searched.top_score
        # The best result of a later page is on an earlier one, so nothing is said of it.
        poor = searched.empty or (best is not None and best < self._good_score)
        query = None if searched.query is None else searched.query[:MOST_CHARACTERS]
        asker = record.request.source_ip or record.key
        # `no_good_answer` is a number: whether Logs Insights calls a boolean true or 1, nobody need know.
        return (
            f'{{"kind":"query","level":"INFO",{shared},'
            f"{_write_alike(record.route, record.index, searched.mode)},"
            f'"query":{or_null(query)},"results":{searched.results},'
            f'"top_score":{"null" if best is None else repr(best)},"no_good_answer":{int(poor)},'
            f'"who":{or_null(self._who(asker) if asker else None)}}}'
        )


@lru_cache(maxsize=256)
def _write_alike(route: str, index: str, mode: str) -> str:
    """Writes what many lines have alike, without braces."""
    return to_line({"route": route, "index": index, "mode": mode})[1:-1]


def hash_of(salt: str, who: str) -> str:
    """Returns 16 hex digits of the HMAC of an address or a name."""
    # Imported here: hmac loads hashlib and OpenSSL.
    import hmac

    return hmac.digest(salt.encode(), who.encode(errors="surrogatepass"), "sha256").hex()[:16]
