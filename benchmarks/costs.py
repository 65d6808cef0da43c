"""Where a function that searches its own files stops being the cheapest: dollars a month by documents and queries a second.

    python -m benchmarks.costs [benchmarks/results/FILE.json] [--out docs/costs.svg]

It measures nothing. The times and bytes are those that benchmarks.postgres kept, for the mode hybrid. PRICES are list prices of
the region us-east-1, without free tiers and discounts, as read in June 2026: aws.amazon.com/lambda/pricing,
/api-gateway/pricing and /rds/postgresql/pricing. The assumptions are in `own_files` and `database`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.postgres import LOCAL
from benchmarks.record import Results, default_file

PRICES = {
    "lambda GB-second": 0.0000166667,
    "lambda million requests": 0.20,
    "http api million requests": 1.00,
    "gp3 GB-month": 0.115,
}
# Single-AZ instances of RDS for PostgreSQL: name, processors, GB of memory, dollars an hour.
INSTANCES = (
    ("db.t4g.micro", 2, 1, 0.016),
    ("db.t4g.small", 2, 2, 0.032),
    ("db.t4g.medium", 2, 4, 0.065),
    ("db.t4g.large", 2, 8, 0.129),
    ("db.m7g.large", 2, 8, 0.168),
    ("db.m7g.xlarge", 4, 16, 0.337),
    ("db.m7g.2xlarge", 8, 32, 0.674),
)
HOURS = 730
SECONDS = HOURS * 3600
# One processor of Lambda, in MB.
PROCESSOR_MB = 1769
# What a function needs beside its artifact, in MB.
RUNTIME_MB = 250
# The share of an instance's memory that the tables and indexes may fill, and of its processors that queries may use.
MEMORY_SHARE, PROCESSOR_SHARE = 0.6, 0.5
# A burstable instance earns this share of a processor for good (AWS: 10 to 30 percent of each of its two).
BURSTABLE_SHARE = 0.3
NETWORK_MS = 1.5  # three statements within a region
QUERIES_A_SECOND = (0.01, 0.1, 1, 5, 10, 20, 50, 100)


class Measured(NamedTuple):
    """A corpus as it was measured: milliseconds of a warm event, and bytes."""

    documents: int
    own_ms: float
    database_ms: float
    artifact_bytes: int
    database_bytes: int


class Cost(NamedTuple):
    """Dollars a month, and what they pay for."""

    dollars: float
    what: str


def main() -> None:
    """Prints the table, and draws it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", default=default_file())
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="draws the dollars, as SVG; needs matplotlib"
    )
    options = parser.parse_args()
    measured = read(Results.read(options.results))
    if not measured:
        raise SystemExit("error: no corpus was measured: run `python -m benchmarks.postgres ARTIFACT` first")
    print(as_table(measured))
    if options.out:
        draw(measured, options.out)


def read(results: Results) -> list[Measured]:
    """Returns the corpora of the results, by their size."""
    found = []
    for figures in results.each("postgres").values():
        mode = figures["modes"]["hybrid"]
        chosen = mode[f"PostgreSQL, ef_search {figures['chosen_ef_search']}"]
        found.append(
            Measured(
                figures["documents"],
                mode[LOCAL]["median"],
                chosen["median"],
                figures["artifact_bytes"],
                figures["database_bytes"],
            )
        )
    return sorted(found)


def own_files(corpus: Measured, queries: float) -> Cost | None:
    """Returns the cost of a function over its own files; None where they don't fit into one.

    Its memory is one processor's, or what the artifact needs. Starts aren't counted: they depend on the traffic's shape.
    """
    memory = max(PROCESSOR_MB, RUNTIME_MB + 1.2 * corpus.artifact_bytes / 1e6)
    if memory > 10_240:
        return None
    return Cost(requests(corpus.own_ms, memory, queries), f"function with {memory:,.0f} MB")


def database(corpus: Measured, queries: float) -> Cost | None:
    """Returns the cost of a function that embeds and the smallest instance that suffices; None where none does.

    The tables and indexes fit into MEMORY_SHARE of the instance's memory. A query takes the database what its event takes
    longer than the embedding; here that is the whole event's time, which is more than enough.
    """
    load = queries * corpus.database_ms / 1000
    for name, processors, memory, hourly in INSTANCES:
        able = processors * (BURSTABLE_SHARE if ".t4g." in name else PROCESSOR_SHARE)
        if corpus.database_bytes / 1e9 <= MEMORY_SHARE * memory and load <= able:
            storage = max(20.0, 2 * corpus.database_bytes / 1e9) * PRICES["gp3 GB-month"]
            mine = requests(corpus.database_ms + NETWORK_MS, PROCESSOR_MB, queries)
            return Cost(mine + hourly * HOURS + storage, name)
    return None


def requests(ms: float, memory: float, queries: float) -> float:
    """Returns the dollars of a month's requests, with an HTTP API before the function."""
    each = memory / 1024 * ms / 1000 * PRICES["lambda GB-second"]
    each += (PRICES["lambda million requests"] + PRICES["http api million requests"]) / 1e6
    return each * queries * SECONDS


def break_even(corpus: Measured) -> float | None:
    """Returns the queries a second from which the database is cheaper; None where it never is up to 1,000."""
    for step in range(400):
        queries = 0.01 * 10 ** (step / 80)
        mine, other = own_files(corpus, queries), database(corpus, queries)
        if other is not None and (mine is None or other.dollars < mine.dollars):
            return queries
    return None


def as_table(measured: Sequence[Measured]) -> str:
    """Returns Markdown: dollars a month for each corpus and load, own files and database."""
    heads = [f"{corpus.documents:,} documents: own files | PostgreSQL" for corpus in measured]
    lines = [f"| queries a second | {' | '.join(heads)} |", "|---" * (1 + 2 * len(measured)) + "|"]
    for queries in QUERIES_A_SECOND:
        cells = []
        for corpus in measured:
            mine, other = own_files(corpus, queries), database(corpus, queries)
            cells.append("too large" if mine is None else f"${mine.dollars:,.2f}")
            cells.append("more than one" if other is None else f"${other.dollars:,.2f} ({other.what})")
        lines.append(f"| {queries:g} | {' | '.join(cells)} |")
    ends = []
    for corpus in measured:
        found = break_even(corpus)
        ends += [f"cheaper {'always' if found is None else f'below {found:.2g}'}", ""]
    lines.append(f"| own files are | {' | '.join(ends)} |")
    return "\n".join(lines)


def draw(measured: Sequence[Measured], path: Path) -> None:
    """Draws dollars a month by queries a second, one picture for each corpus."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    figure, every = plt.subplots(
        1, len(measured), figsize=(4.2 * len(measured), 3.8), sharey=True, squeeze=False
    )
    loads = [0.01 * 10 ** (step / 20) for step in range(82)]
    makers: Mapping[str, Any] = {"own files": own_files, "PostgreSQL": database}
    for axes, corpus in zip(every[0], measured, strict=True):
        for name, maker in makers.items():
            costs = [maker(corpus, queries) for queries in loads]
            axes.plot(loads, [None if cost is None else cost.dollars for cost in costs], label=name)
        axes.set(
            xscale="log", yscale="log", xlabel="queries a second", title=f"{corpus.documents:,} documents"
        )
        axes.grid(alpha=0.3)
    every[0][0].set_ylabel("dollars a month")
    every[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
