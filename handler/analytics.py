"""What is asked, and what has no good answer: a line of JSON for each query, where ANALYTICS=on.

    {"kind": "query", "query": "storms in Europe", "results": 10, "top_score": 0.53, "no_good_answer": 0, "who": "5b1e04c1..."}

It is the one module that lets a query's text into a log. Who asked is a keyed hash, from which nobody can tell an address
without the deployment's secret (ANALYTICS_SALT); the same person has the same hash while the secret stays.
"""

from __future__ import annotations

from functools import lru_cache, partial

from handler.output import literal, or_null, to_line
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
        lines = []
        for query, mode, results, empty, best in record.clock.searches or ():
            # The best result of a later page is on an earlier one, so nothing is said of it.
            poor = empty or (best is not None and best < self._good_score)
            asker = record.request.source_ip or record.key
            lines.append(
                _template_of(record.route, record.index, mode)
                % (
                    shared,
                    or_null(query and query[:MOST_CHARACTERS]),
                    results,
                    "null" if best is None else best,
                    poor,
                    or_null(asker and self._who(asker)),
                )
            )
        return lines


@lru_cache(maxsize=256)
def _template_of(route: str, index: str, mode: str) -> str:
    """Writes what many lines have alike, with a % for each value that a line has of its own."""
    alike = literal(to_line({"route": route, "index": index, "mode": mode})[1:-1])
    # `no_good_answer` is a number: whether Logs Insights calls a boolean true or 1, nobody need know.
    return f'{{"kind":"query","level":"INFO",%s,{alike},"query":%s,"results":%d,"top_score":%s,"no_good_answer":%d,"who":%s}}'


def hash_of(salt: str, who: str) -> str:
    """Returns 16 hex digits of the HMAC of an address or a name."""
    # Imported here: hmac loads hashlib and OpenSSL.
    import hmac

    return hmac.digest(salt.encode(), who.encode(errors="surrogatepass"), "sha256").hex()[:16]
