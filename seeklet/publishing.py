"""What `seeklet publish` prints: progress, what was published and measured, and the releases of a database."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from seeklet.progress import Counter
from seeklet.terminal import printable

if TYPE_CHECKING:
    from export.publish.publishing import Published
    from export.publish.recall import Recall
    from export.publish.state import Stored

MB = 1e6


class PublishProgress:
    """Lines and counters on standard error, or none with `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet

    def say(self, line: str) -> None:
        """Prints one line."""
        if not self._quiet:
            print(printable(line), file=sys.stderr, flush=True)

    def counting(self, title: str, total: int, unit: str) -> AbstractContextManager[Counter]:
        """Counts what is done of `total`."""
        return Counter(title, total, unit, quiet=self._quiet)


def describe(published: Published, name: str, seconds: float) -> list[str]:
    """Says what a publishing did."""
    what = f"release {published.release} of {name}"
    if published.was_current:
        return [f"{what} is up to date: {published.documents:,} documents, {published.bytes / MB:,.1f} MB"]
    if published.loading is None:
        return [f"{what} was there, and is current again: {published.documents:,} documents"]
    sent = published.loading
    lines = [
        f"{what} is current: {published.documents:,} documents, {published.bytes / MB:,.1f} MB in the database, "
        f"{seconds:,.1f} s",
        f"sent: {sent.sent_documents:,} documents, {sent.sent / MB:,.1f} MB, of which "
        f"{sent.sent_keywords / MB:,.1f} MB are the keywords'",
    ]
    return lines + (describe_recall(published.recall) if published.recall else [])


def describe_recall(recall: Recall) -> list[str]:
    """Shows what was measured at each ef_search, and what was chosen."""
    if recall.chosen is None:
        return []
    chosen = recall.chosen
    lines = ["", f"{'ef_search':>9}  {f'recall@{recall.k}':>9}  {'ms':>6}"]
    lines += [
        f"{one.ef_search:9}  {one.recall:9.4f}  {one.ms:6.2f}{'  chosen' if one == chosen else ''}"
        for one in recall.measured
    ]
    return [*lines, f"{recall.queries:,} queries, the vectors of rows, each without itself"]


def describe_releases(stored: Sequence[Stored], name: str) -> list[str]:
    """Lists releases as a table."""
    if not stored:
        return [f"{name} has no release"]
    lines = [
        f"{'release':16}  {'published (UTC)':19}  {'documents':>11}  {'MB':>9}  {'recall':>6}  {'ef':>4}"
    ]
    for one in stored:
        state = "of another role" if one.owner else "not whole"
        lines.append(
            f"{one.release:16}  {(one.published or state)[:19]:19}  "
            f"{'' if one.documents is None else f'{one.documents:,}':>11}  {one.bytes / MB:9,.1f}  "
            f"{'' if one.recall is None else f'{one.recall:.4f}':>6}  {one.ef_search or '':>4}"
            f"{'  current' if one.current else '  rolled back' if one.rolled_back else ''}"
            f"{f'  belongs to {one.owner}' if one.owner else ''}"
        )
    return lines


def describe_dropped(dropped: Sequence[Stored], name: str) -> list[str]:
    """Says which releases were dropped."""
    if not dropped:
        return [f"{name} has no old release to drop"]
    return [
        f"dropped release {one.release}, {one.bytes / MB:,.1f} MB{'' if one.finished else ', which was not whole'}"
        for one in dropped
    ]
