"""What is asked, and what has no good answer: a line of JSON for each query, where ANALYTICS=on.

    {"kind": "query", "query": "storms in Europe", "results": 10, "top_score": 0.53, "no_good_answer": 0, "who": "5b1e04c1..."}

It is the one module that lets a query's text into a log. Who asked is a keyed hash, from which nobody can tell an address
without the deployment's secret (ANALYTICS_SALT); the same person has the same hash while the secret stays.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from handler.clock import Searched
from handler.lines import timestamp
from handler.output import to_line
from handler.record import Record
from handler.settings import Settings

# Characters of a query; the rest is cut.
MOST_CHARACTERS = 1000


class Analytics:
    """Tells a line of each query that was searched for."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        self._good_score = settings.good_score
        self._now = now
        # Most requests of a person come together.
        self._who = functools.lru_cache(256)(functools.partial(hash_of, settings.analytics_salt))

    def ping(self, _invocation: str, /) -> tuple[()]:
        """Returns nothing: nobody asked."""
        return ()

    def __call__(self, record: Record) -> list[str]:
        """Returns the lines of a request: none where it wasn't a search."""
        return [self._line(record, searched) for searched in record.clock.searches or ()]

    def _line(self, record: Record, searched: Searched) -> str:
        asker = record.request.source_ip or record.key
        top, query = searched.top_score, searched.query
        best = top if top is not None and top == top else None
        # The best result of a later page is on an earlier one, so nothing is said of it.
        poor = searched.empty or (best is not None and best < self._good_score)
        return to_line(
            {
                "kind": "query",
                "level": "INFO",
                "timestamp": timestamp(self._now()),
                "requestId": record.request.invocation or None,
                "id": record.response.headers.get("x-request-id"),
                "route": record.route,
                "index": record.index,
                "query": None if query is None else query[:MOST_CHARACTERS],
                "mode": searched.mode,
                "results": searched.results,
                "top_score": best,
                # A number: whether Logs Insights calls a boolean true or 1, nobody need know.
                "no_good_answer": int(poor),
                "who": self._who(asker) if asker else None,
            }
        )


def hash_of(salt: str, who: str) -> str:
    """Returns 16 hex digits of the HMAC of an address or a name."""
    # Imported here: hmac loads hashlib and OpenSSL.
    import hmac

    return hmac.digest(salt.encode(), who.encode(errors="surrogatepass"), "sha256").hex()[:16]
