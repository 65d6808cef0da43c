"""Progress on standard error: what is done, how much of it, how fast, and the remaining time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm


class ReadingBar:
    """The number of documents read, and the share of the file."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._shown = 0.0
        self._documents = 0

    def update(self, documents: int, fraction: float | None) -> None:
        """Notes the figures, and shows them five times a second at most."""
        self._documents = documents
        now = time.monotonic()
        if now - self._shown > 0.2:
            self._shown = now
            self._bar.set_postfix_str(f"{documents:,} documents", refresh=False)
            if fraction is not None:
                self._bar.update(round(1000 * fraction) / 10 - self._bar.n)

    def finish(self) -> None:
        """Shows the last figures."""
        self._bar.set_postfix_str(f"{self._documents:,} documents", refresh=False)
        self._bar.update(100 - self._bar.n)


class EmbeddingBar:
    """The number of rows embedded, and the tokens per second."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._started = time.monotonic()
        self._tokens = 0

    def tokens(self, count: int) -> None:
        """Counts tokens that went through the model."""
        self._tokens += count
        rate = self._tokens / max(time.monotonic() - self._started, 1e-9)
        self._bar.set_postfix_str(f"{rate:,.0f} tokens/s", refresh=False)

    def update(self, rows: int, known: int = 0) -> None:
        """Counts rows that have a vector. The `known` ones took no time, so the speed leaves them out."""
        if not self._bar.disable:
            self._bar.initial += known
        self._bar.update(rows)


class Progress:
    """Bars and lines on standard error, or none with `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet

    @contextmanager
    def reading(self, name: str) -> Iterator[ReadingBar]:
        """Shows a bar while the corpus is read."""
        title = "standard input" if name == "-" else name.rpartition("/")[2]
        form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        with self._bar(f"reading {title}", total=100.0, bar_format=form) as bar:
            reading = ReadingBar(bar)
            yield reading
            reading.finish()

    @contextmanager
    def embedding(self, count: int) -> Iterator[EmbeddingBar]:
        """Shows a bar while texts are embedded."""
        with self._bar("embedding", total=count, unit=" rows", smoothing=0) as bar:
            yield EmbeddingBar(bar)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Prints a line before and after a step of unknown length."""
        started = time.monotonic()
        self.say(f"{name} ...")
        yield
        self.say(f"{name}: {time.monotonic() - started:.1f} s")

    def say(self, line: str) -> None:
        """Prints one line, unless `quiet` is set."""
        if not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def _bar(self, title: str, **options: Any) -> Any:
        # In a log file each update is a line, so there are few.
        pace = 0.2 if sys.stderr.isatty() else 10.0
        return tqdm(
            desc=title,
            disable=self._quiet,
            mininterval=pace,
            maxinterval=pace * 2,
            file=sys.stderr,
            **options,
        )
