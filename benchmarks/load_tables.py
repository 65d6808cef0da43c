"""The tables of load and overload, in Markdown. This module measures nothing."""

from __future__ import annotations

from benchmarks.markdown import table
from benchmarks.record import Results


def load_table(results: Results) -> str:
    """Returns a line for each service: answers a second with their quartiles, p50 and p99 by the number of clients."""
    counts = results.figures("load").get("clients", {})
    head = [
        "",
        *(f"{clients} {cell}" for clients in counts for cell in ("clients: a second", "p50 ms", "p99 ms")),
        "errors",
    ]
    rows = []
    for name in next(iter(counts.values()), {}):
        of = [services[name] for services in counts.values()]
        cells = []
        for one in of:
            low, high = one["rate"]["quartiles"]
            cells.append(f"{one['rate']['median']:,.0f} ({low:,.0f} to {high:,.0f})")
            cells += [f"{one[part]['median']:,.1f}" for part in ("p50", "p99")]
        rows.append([name, *cells, str(sum(one["errors"] for one in of))])
    return table(head, rows)


def overload_table(results: Results) -> str:
    """Returns a line for each service and rate."""
    rows = [
        [
            name,
            *(
                f"{one[part]:,.0f}"
                for part in ("offered", "served", "refused", "lost", "p50", "p99", "memory")
            ),
        ]
        for name, rates in results.figures("overload").get("services", {}).items()
        for one in rates
    ]
    return table(
        ["", "offered a second", "answered", "refused", "lost", "p50 ms", "p99 ms", "resident MB"], rows
    )
