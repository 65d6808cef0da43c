"""One export, from corpus to artifact.

    read the corpus -> convert the model -> embed -> write embeddings and scan -> verify -> manifest -> rename

A text isn't embedded again if an interrupted run or the artifact that is replaced has its vector by the same recipe.
The artifact's bytes don't depend on that. This module prints nothing: a Progress does.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

from export.build.embed import Embedder, Vectors, find_reusable
from export.build.gate import Thresholds, measure
from export.build.journal import SYNC_SECONDS, Journal
from export.build.output import Output
from export.build.progress import Progress
from export.build.recipe import Recipe
from export.build.token_counts import write_token_counts
from export.build.vectors import write_embeddings
from export.build.write_documents import write_documents
from export.build.write_model import write_model
from export.build.write_scan import SCAN_VERSION, write_scan
from export.corpus.reader import CorpusReader
from export.model.convert import conversion_key, convert, versions
from export.model.fp32 import Fp32Encoder
from export.model.source_model import SourceModel, find_model
from handler.artifact import (
    ALL_FILES,
    EMBEDDINGS_FILE,
    SCAN_MODEL_FILE,
    TOKENS_FILE,
    Artifact,
    file_sha256,
)
from handler.bound import Scan
from handler.errors import ArtifactError, ModelError
from handler.manifest import FORMAT_VERSION, MANIFEST_FILE, FileEntry, Manifest
from handler.scores import Embeddings

# Raise it with every change of export/build/ or export/corpus/ that gives another artifact for the same inputs.
BUILD_VERSION = 1


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The options of `seeklet export`."""

    corpus: str
    text: list[str]
    out: Path
    id: str | None = None
    metadata: list[str] = field(default_factory=list)
    format: str | None = None
    model: str | None = None
    revision: str | None = None
    sha256: str | None = None
    pooling: str | None = None
    max_length: int | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    dtype: str = "float32"
    threads: int = 1
    force: bool = False
    thresholds: Thresholds | None = field(default_factory=Thresholds)  # None: no verification


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of an export."""

    manifest: Manifest
    embedded: int  # texts that went through the model in this run
    up_to_date: bool
    seconds: float


def build(options: BuildOptions, progress: Progress, *, sync_seconds: float = SYNC_SECONDS) -> Summary:
    """Runs the export. New vectors are written to disk every `sync_seconds`.

    Raises an ExportError where it can't be done, and leaves `out` as it was.
    """
    started = time.monotonic()
    model = find_model(options.model, options.revision, options.sha256)
    recipe = Recipe.choose(
        model,
        pooling=options.pooling,
        max_length=options.max_length,
        query_prompt=options.query_prompt,
        document_prompt=options.document_prompt,
    )
    with Output(options.out) as output:
        inputs = _inputs_sha256(options, model, recipe)
        old = None if options.force else _open_artifact(output.out)
        if old and _is_up_to_date(old, inputs):
            return Summary(old.manifest, 0, True, time.monotonic() - started)
        partial = output.partial
        reader = CorpusReader(options.corpus, options.text, options.id, options.metadata, options.format)
        documents = write_documents(reader, partial, progress, options.corpus)
        with progress.step("converting the model"):
            conversion = convert(model)
            encoder = write_model(conversion, partial, recipe, model.dim, options.threads)
        recipe_sha256 = recipe.sha256(partial)
        replaced = find_reusable(old, recipe_sha256)
        with (
            _model_errors(model),
            Journal(
                partial, model.dim, recipe_sha256, fresh=options.force, sync_seconds=sync_seconds
            ) as journal,
        ):
            embedder = Embedder(
                encoder,
                journal,
                recipe=recipe_sha256,
                prompt=recipe.document_prompt,
                replaced=replaced,
                progress=progress,
            )
            vectors = embedder.embed(partial, documents.count)
            with progress.step("writing the embeddings"):
                stored = _write_arrays(partial, vectors, options.dtype)
        figures: dict[str, Any] | None = None
        if options.thresholds is not None:
            with progress.step("verifying int8 against fp32"), _model_errors(model):
                fp32 = Fp32Encoder(conversion.fp32, encoder.tokenizer, encoder.pooling, options.threads)
                figures = measure(
                    partial,
                    stored,
                    encoder,
                    fp32,
                    query_prompt=recipe.query_prompt,
                    document_prompt=recipe.document_prompt,
                )
                options.thresholds.check(figures)
        # Checked before the journal is deleted: an export that is refused here needn't embed again.
        output.check_replaceable()
        journal.delete()
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            model_id=model.model_id,
            revision=model.revision,
            weights_sha256=model.weights_sha256,
            **asdict(recipe),
            normalize=True,
            dim=model.dim,
            dtype=options.dtype,
            count=documents.count,
            skipped=documents.skipped,
            truncated=int(vectors.counts.truncated.sum()),
            inputs_sha256=inputs,
            recipe_sha256=recipe_sha256,
            files=_file_entries(partial),
            versions=versions(),
            verify=figures,
            graph=conversion.graph,
            scan_crc32=_scan_crc32(partial, documents.count, model.dim),
        )
        (partial / MANIFEST_FILE).write_bytes(manifest.to_json())
        output.commit()
    return Summary(manifest, journal.appended, False, time.monotonic() - started)


def _inputs_sha256(options: BuildOptions, model: SourceModel, recipe: Recipe) -> str:
    """Hashes everything that decides the artifact; returns "" for a corpus that can't be read twice, or not at all."""
    if options.corpus == "-" or not Path(options.corpus).is_file():
        return ""
    try:
        with Path(options.corpus).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError:
        return ""  # the corpus reader will raise the error
    names = ("text", "id", "metadata", "format", "dtype")
    named = {name: getattr(options, name) for name in names} | asdict(recipe)
    # Where no format is named, the file's name tells it.
    named["suffixes"] = PurePath(options.corpus).suffixes
    source = [model.model_id, model.revision, conversion_key(model)]
    thresholds = None if options.thresholds is None else asdict(options.thresholds)
    parts = [FORMAT_VERSION, BUILD_VERSION, SCAN_VERSION, named, source, thresholds]
    digest.update(json.dumps(parts, allow_nan=False).encode())
    return digest.hexdigest()


def _open_artifact(out: Path) -> Artifact | None:
    try:
        return Artifact.open(out)
    except ArtifactError:
        return None


def _is_up_to_date(old: Artifact, inputs: str) -> bool:
    """Tells whether the artifact was made from these inputs, and no file has changed since."""
    if not inputs or old.manifest.inputs_sha256 != inputs:
        return False
    try:
        old.check_hashes()
    except ArtifactError:
        return False
    return True


@contextmanager
def _model_errors(model: SourceModel) -> Iterator[None]:
    """Turns an ArtifactError of the encoder into a ModelError that names this model and says what to do."""
    try:
        yield
    except ArtifactError as error:
        raise ModelError(
            f"{model.model_id} ({model.revision}) can't embed this corpus: {error}: "
            "fetch the model again, or use another --model"
        ) from None


def _write_arrays(partial: Path, vectors: Vectors, dtype: str) -> Embeddings:
    """Writes the embeddings as `dtype`, the token counts, and the scan; returns the stored embeddings."""
    count, dim = len(vectors.rows), vectors.dim
    write_embeddings(partial / EMBEDDINGS_FILE, vectors.chunks(), count, dim, dtype)
    write_token_counts(partial / TOKENS_FILE, vectors.counts)
    stored = Embeddings.load(partial, count, dim)
    write_scan(stored, partial)
    return stored


def _scan_crc32(partial: Path, count: int, dim: int) -> dict[str, int] | None:
    """Returns the checksums that the handler compares when it loads the scan; None for a corpus without a scan."""
    if not (partial / SCAN_MODEL_FILE).exists():
        return None
    return Scan.load(partial, count, dim).checksums(partial)


def _file_entries(partial: Path) -> dict[str, FileEntry]:
    paths = [partial / name for name in sorted(ALL_FILES) if (partial / name).exists()]
    return {path.name: FileEntry(path.stat().st_size, file_sha256(path)) for path in paths}
