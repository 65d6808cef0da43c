"""`seeklet info`: describes an artifact from its manifest alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from handler.artifact import Artifact
from handler.manifest import Manifest
from seeklet.arguments import add_artifact, default_artifact
from seeklet.parser import Parser, new_parser
from seeklet.terminal import printable, to_json

SUMMARY = "says what an artifact holds, from which model, how large"

EXAMPLES = """\
examples:
  %(prog)s artifact
  %(prog)s artifact --json
  %(prog)s artifact | jq .verify.cosine_mean
"""
BAR = 20  # characters of the longest bar


def build_parser(prog: str = "seeklet info") -> Parser:
    """Makes the parser of the options."""
    parser = new_parser(
        prog,
        "Says what an artifact is: its model, its recipe, its fidelity, its documents, and how large each part is.\n"
        "It reads the manifest and the files' sizes only; `seeklet verify` reads the files.",
        EXAMPLES,
    )
    add_artifact(parser)
    parser.add_argument(
        "--json", action="store_true", help="JSON, as it is when standard output isn't a terminal"
    )
    return parser


def run(options: argparse.Namespace, environ: MutableMapping[str, str]) -> None:
    """Prints the artifact's description."""
    directory: Path = options.artifact or default_artifact(environ.get("ARTIFACT_DIR"))
    manifest = Artifact.open(directory).manifest
    if options.json or not sys.stdout.isatty():
        print(to_json(as_json(manifest), indent=2))
    else:
        print("\n".join(printable(line) for line in describe(directory, manifest)))


def as_json(manifest: Manifest) -> dict[str, Any]:
    """Returns the manifest's fields, and `bytes`, the size of all its files."""
    return manifest.fields() | {"bytes": _total(manifest)}


def describe(directory: Path, manifest: Manifest) -> list[str]:
    """Returns the same as lines for people."""
    lines = [
        f"{directory}: {manifest.count:,} documents, {_size(_total(manifest))}",
        _row("model", f"{manifest.model_id} ({manifest.revision})"),
        _row("weights", f"SHA-256 {manifest.weights_sha256}"),
        _row(
            "recipe",
            f"{manifest.pooling} pooling, {manifest.max_length} tokens at most, {_dimensions(manifest)}",
        ),
        _row(
            "prompts", f"query {_prompt(manifest.query_prompt)}, document {_prompt(manifest.document_prompt)}"
        ),
    ]
    if model := manifest.document_model:
        lines.append(
            _row("documents", f"embedded by {model.model_id} ({model.revision}), {model.pooling} pooling")
        )
    if graph := manifest.graph:
        lines.append(_row("graph", graph))
    if passages := manifest.passages:
        size = f"{passages['tokens']} tokens at most, overlap {passages['overlap']} at most"
        lines.append(_row("passages", f"{manifest.rows:,}, {size}"))
    if columns := manifest.columns:
        lines.append(_row("columns", ", ".join(f"{name} {kind}" for name, kind in columns.items())))
    lines += [
        _row("embeddings", manifest.dtype),
        _row("keywords", _keywords(manifest.keywords)),
        _row("fidelity", _fidelity(manifest.verify)),
        _row("skipped", f"{manifest.skipped:,}, empty texts"),
        _row("truncated", f"{manifest.truncated:,}, longer than {manifest.document_max_length} tokens"),
        _row("made by", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
    ]
    return lines + _parts(manifest)


def _parts(manifest: Manifest) -> list[str]:
    total = max(_total(manifest), 1)
    largest = max((entry.bytes for entry in manifest.files.values()), default=0)
    by_size = sorted(manifest.files.items(), key=lambda item: -item[1].bytes)
    return [
        f"  {_size(entry.bytes):>10}  {entry.bytes / total:>4.0%}  {'#' * round(BAR * entry.bytes / max(largest, 1)):{BAR}}"
        f"  {name}"
        for name, entry in by_size
    ]


def _row(name: str, value: str) -> str:
    return f"  {name:12}{value}"


def _dimensions(manifest: Manifest) -> str:
    of = f" of {manifest.full_dim}" if manifest.full_dim else ""
    layers = f", Dense layers {', '.join(manifest.dense)}" if manifest.dense else ""
    return f"{manifest.dim}{of} dimensions{layers}"


def _prompt(prompt: str) -> str:
    return repr(prompt) if prompt else "none"


def _keywords(described: dict[str, Any] | None) -> str:
    if described is None:
        return "none (--no-keywords)"
    return (
        f"{described['terms']} terms ({described['language']}), {described['postings']:,} postings, "
        f"share {described['share']} of a hybrid score"
    )


def _fidelity(figures: dict[str, Any] | None) -> str:
    if not figures:
        return "not measured (--no-verify)"
    shown = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    return f"int8 against fp32: {shown}"


def _total(manifest: Manifest) -> int:
    return sum(entry.bytes for entry in manifest.files.values())


def _size(count: int) -> str:
    """Writes a number of bytes as the summary of an export does."""
    from export.build.sizes import show_bytes

    return show_bytes(count)
