"""The summary that the command prints at the end of an export."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import BinaryIO

import numpy as np

from export.build.pipeline import Summary
from export.build.sizes import show_bytes
from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE, PASSAGES_FILE
from handler.settings import DEFAULT_MAX_RESPONSE_BYTES, DEFAULT_MAX_RESULTS

# Bytes that an answer has for each hit beside the document itself: names, index and score, twice.
HIT_BYTES = 120
# The field `passage` of a hit, with two numbers of seven digits.
PASSAGE_BYTES = 60
# A byte of a line becomes so many at most: two of UTF-8 become the six of \uXXXX.
MOST_GROWTH = 3


def describe(summary: Summary, out: Path) -> str:
    """Says what was made, how large each part is, how long it took, and which commands come next."""
    manifest = summary.manifest
    lines = [
        f"{out}: unchanged inputs, nothing to do"
        if summary.up_to_date
        else f"{out}: done in {_duration(summary.seconds)}"
    ]
    lines += [
        f"  documents   {manifest.count:>12,}" + ("" if summary.up_to_date else f"   {_embedded(summary)}"),
    ]
    if passages := manifest.passages:
        size = f"{passages['tokens']} tokens at most, overlap {passages['overlap']} at most"
        lines.append(f"  passages    {manifest.rows:>12,}   {size}")
    lines += [
        f"  skipped     {manifest.skipped:>12,}   empty",
        f"  truncated   {manifest.truncated:>12,}   longer than {manifest.document_max_length} tokens",
        f"  model       {manifest.model_id} ({manifest.revision}), {manifest.pooling} pooling, {manifest.dim} dimensions",
    ]
    if manifest.columns:
        lines.append(
            f"  columns     {', '.join(f'{name} {kind}' for name, kind in manifest.columns.items())}"
        )
    lines += [f"  no column   {name}: {reason}" for name, reason in summary.left_out.items()]
    if model := manifest.document_model:
        lines.append(f"  documents by {model.model_id} ({model.revision}), {model.pooling} pooling")
    if manifest.graph == "unfused":
        lines.append(
            "  graph       unfused: this model's graph has a pattern that isn't known, so queries take longer"
        )
    if manifest.verify:
        figures = manifest.verify
        lines.append(
            f"  int8/fp32   cosine mean {figures['cosine_mean']}, least {figures['cosine_least']}; "
            f"top 10 overlap {figures['overlap']}"
        )
    for name, entry in manifest.files.items():
        lines.append(f"  {show_bytes(entry.bytes):>10}  {name}")
    lines.append(f"  {show_bytes(sum(entry.bytes for entry in manifest.files.values())):>10}  in all")
    lines += [f"warning: {warning}" for warning in summary.warnings]
    fitting = results_that_fit(out)
    if fitting < min(DEFAULT_MAX_RESULTS, manifest.count):
        lines.append(
            f"warning: of the longest documents only {fitting} fit into an answer of "
            f"{DEFAULT_MAX_RESPONSE_BYTES:,} bytes, and larger answers are refused: set MAX_RESULTS to {max(fitting, 1)}, or divide the longest documents"
        )
    folder = shlex.quote(str(out))
    lines += [f'next: seeklet query "your words" {folder}', f"      seeklet serve {folder}"]
    return "\n".join(lines)


def _embedded(summary: Summary) -> str:
    """Says how many texts went through the model, and why the others didn't."""
    texts = "text" if summary.embedded == 1 else "texts"
    others = summary.manifest.rows - summary.embedded
    left = ", the others were known, or equal to another" if others > 0 else ""
    return f"{summary.embedded:,} {texts} embedded{left}"


def results_that_fit(directory: Path) -> int:
    """Counts how many of the longest documents in `directory` surely fit into one answer, by the default settings.

    An answer holds each text twice, in `text` and in `results`; twice the document's line is never less. Both are
    counted as the handler counts an answer: escaped, within the JSON that carries it.
    """
    offsets = np.load(directory / OFFSETS_FILE, mmap_mode="r", allow_pickle=False)
    sizes = np.diff(offsets).astype(np.int64)
    longest = np.sort(sizes)[::-1][:DEFAULT_MAX_RESULTS]
    beside = HIT_BYTES + (PASSAGE_BYTES if (directory / PASSAGES_FILE).exists() else 0)
    if (2 * MOST_GROWTH * longest + beside).sum() <= DEFAULT_MAX_RESPONSE_BYTES:
        return len(longest)
    # Of shorter lines none can be among the longest when they are escaped.
    rows = np.flatnonzero(MOST_GROWTH * sizes >= longest[-1])
    with (directory / DOCUMENTS_FILE).open("rb") as file:
        escaped = np.sort([_escaped_bytes(file, int(offsets[row])) for row in rows])[::-1][
            :DEFAULT_MAX_RESULTS
        ]
    return int(np.searchsorted(np.cumsum(2 * escaped + beside), DEFAULT_MAX_RESPONSE_BYTES, "right"))


def _escaped_bytes(file: BinaryIO, start: int) -> int:
    """Returns the bytes of the line that begins at `start`, as a string of JSON in ASCII."""
    file.seek(start)
    return len(json.dumps(file.readline().decode().rstrip("\n"))) - len('""')


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
