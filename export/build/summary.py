"""The summary that an export ends with."""

from __future__ import annotations

import shlex
from pathlib import Path

from export.build.pipeline import Summary


def describe(summary: Summary, out: Path) -> str:
    """What was made, how large each part is, how long it took, and the next command to type."""
    manifest = summary.manifest
    lines = [
        f"{out}: unchanged inputs, nothing to do"
        if summary.up_to_date
        else f"{out}: done in {_duration(summary.seconds)}"
    ]
    lines += [
        f"  documents   {manifest.count:>12,}"
        + (
            "" if summary.up_to_date else f"   {summary.embedded:,} texts embedded, the others known or equal"
        ),
        f"  skipped     {manifest.skipped:>12,}   empty",
        f"  truncated   {manifest.truncated:>12,}   longer than {manifest.max_length} tokens",
        f"  model       {manifest.model_id} ({manifest.revision}), {manifest.pooling} pooling, {manifest.dim} dimensions",
    ]
    if manifest.verify:
        figures = manifest.verify
        lines.append(
            f"  int8/fp32   cosine mean {figures['cosine_mean']}, least {figures['cosine_least']}; "
            f"top 10 overlap {figures['overlap']}"
        )
    for name, entry in manifest.files.items():
        lines.append(f"  {entry.bytes / 1e6:>10.1f} MB  {name}")
    lines.append(f"  {sum(entry.bytes for entry in manifest.files.values()) / 1e6:>10.1f} MB  in all")
    lines.append(f"next: ARTIFACT_DIR={shlex.quote(str(out))} uvicorn handler.app:app --port 3000")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
