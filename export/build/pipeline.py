"""One export, from corpus to artifact.

    read the corpus -> write the columns -> convert the model, or both -> cut passages -> find the language
    -> embed -> write embeddings, scan, map and keywords -> verify -> manifest -> rename

A text isn't embedded again if an interrupted run or the artifact that is replaced has its vector by the same recipe.
The artifact's bytes don't depend on that. This module prints nothing: a Progress does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.build.embed import Embedder, Vectors
from export.build.engine import Engine, Job
from export.build.gate import measure_sides
from export.build.inputs import inputs_sha256, is_up_to_date, open_replaced
from export.build.journal import SYNC_SECONDS, Journal
from export.build.language import choose_terms
from export.build.language_check import warn_of_language
from export.build.options import BuildOptions
from export.build.output import Output
from export.build.progress import Progress
from export.build.recipe import choose_recipes
from export.build.reusable import find_reusable
from export.build.sides import Sides
from export.build.token_counts import write_token_counts
from export.build.vectors import write_embeddings
from export.build.write_columns import write_columns
from export.build.write_documents import read_row_texts, write_documents
from export.build.write_keywords import index_keywords
from export.build.write_map import write_map
from export.build.write_passages import write_passages
from export.build.write_scan import write_scan
from export.corpus.corpus_file import name_of
from export.corpus.entries import open_files
from export.corpus.formats import TEXT_FORMATS
from export.corpus.reader import CorpusReader
from export.model.convert import versions
from export.model.source_model import SourceModel, find_models
from handler.artifact import (
    ALL_FILES,
    EMBEDDINGS_FILE,
    SCAN_MODEL_FILE,
    TOKENS_FILE,
    crc32_of_files,
    file_sha256,
)
from handler.bound import Scan
from handler.errors import ArtifactError, ModelError
from handler.manifest import FORMAT_VERSION, MANIFEST_FILE, Manifest
from handler.manifest_fields import FileEntry
from handler.scores import Embeddings


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of an export."""

    manifest: Manifest
    embedded: int  # texts that went through the model in this run
    up_to_date: bool
    seconds: float
    left_out: dict[str, str] = field(default_factory=dict)  # metadata that makes no column, with the reason
    warnings: tuple[str, ...] = ()


def build(
    options: BuildOptions,
    progress: Progress,
    *,
    engine: Engine | None = None,
    sync_seconds: float = SYNC_SECONDS,
) -> Summary:
    """Runs the export; an engine embeds in this process's place. New vectors are written to disk every `sync_seconds`.

    Raises an ExportError where it can't be done, and leaves `out` as it was.
    """
    started = time.monotonic()
    options.check()
    models = find_models(
        options.model, options.revision, options.sha256, options.document_model, options.document_revision
    )
    recipes = choose_recipes(
        models,
        pooling=options.pooling,
        max_length=options.max_length,
        dim=options.dim,
        query_prompt=options.query_prompt,
        document_prompt=options.document_prompt,
    )
    # Checked before the work, and again when the tokenizer tells how many of the tokens are special ones.
    options.check_passages(recipes.document.max_length)
    with Output(options.out) as output:
        inputs = inputs_sha256(options, models, recipes)
        old = None if options.force else open_replaced(output.out)
        if old and is_up_to_date(old, inputs):
            return Summary(old.manifest, 0, True, time.monotonic() - started)
        partial = output.partial
        reader = CorpusReader(
            options.corpus,
            options.text,
            options.id,
            options.metadata,
            options.format,
            engine.read if engine else open_files,
        )
        documents = write_documents(reader, partial, progress, options.corpus)
        with progress.step("writing the metadata's columns") if options.metadata else nullcontext():
            columns = write_columns(
                partial,
                options.metadata,
                options.columns,
                texts=reader.format in TEXT_FORMATS,
                corpus=name_of(options.corpus),
            )
        with progress.step("converting the model"):
            sides = Sides.convert(models, recipes, options.threads)
            for side in sides:
                side.check_prompt()
            sides.query.write(partial)
        written = write_passages(partial, documents.count, sides.document, options.plan_passages, progress)
        with progress.step("finding the language") if options.language is None else nullcontext():
            terms, language = choose_terms(read_row_texts(partial), options.language)
        warnings = tuple(warn_of_language(language, options, models.document))
        for warning in warnings:
            progress.say(f"warning: {warning}")
        recipe_sha256 = sides.document.sha256()
        with (
            _model_errors(models.document),
            Journal(
                partial, recipes.document.dim, recipe_sha256, fresh=options.force, sync_seconds=sync_seconds
            ) as journal,
        ):
            embedder = Embedder(
                sides.document.int8,
                journal,
                recipe=recipe_sha256,
                prompt=recipes.document.prompt,
                replaced=find_reusable(old, recipe_sha256, options.dtype),
                progress=progress,
            )
            if engine is None:
                vectors = embedder.embed(partial, written.rows)
            else:
                job = Job(output.out, sides.document.files, recipes.document.prompt, recipe_sha256)
                vectors = embedder.embed_by(engine, job, partial, written.rows, fresh=options.force)
            with progress.step("writing the embeddings"):
                stored = _write_arrays(partial, vectors, options.dtype)
        with progress.step("drawing the map"):
            drawn = write_map(partial, stored, options.map)
        keywords: dict[str, Any] | None = None
        if options.keywords:
            with progress.step("writing the keyword index"):
                # A query's terms are made by the query side's tokenizer.
                tokenizer = sides.query.int8.tokenizer.whole
                keywords = index_keywords(partial, terms, language, options.share, tokenizer)
        figures: dict[str, Any] | None = None
        if options.thresholds is not None:
            with progress.step("verifying int8 against fp32"), _model_errors(models.query):
                figures = measure_sides(partial, stored, sides)
                options.thresholds.check(figures, ", or --no-verify")
        files = _file_entries(partial)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            **sides.manifest_fields(),
            dtype=options.dtype,
            count=documents.count,
            rows=written.rows,
            passages=written.plan and written.plan._asdict(),
            skipped=documents.skipped,
            truncated=int(vectors.counts.truncated.sum()),
            inputs_sha256=inputs,
            recipe_sha256=recipe_sha256,
            files=files,
            versions=versions(),
            verify=figures,
            scan_crc32=_scan_crc32(partial, written.rows, vectors.dim),
            keywords=keywords,
            columns={name: column.kind for name, column in columns.types.items()} or None,
            map=drawn,
            files_crc32=crc32_of_files(partial, {name: entry.bytes for name, entry in files.items()}),
        )
        (partial / MANIFEST_FILE).write_bytes(manifest.to_json())
        # The journal stays until nothing can fail any more: whatever ends an export before needn't embed again.
        output.check_replaceable()
        journal.delete()
        output.commit()
    embedded = journal.appended - embedder.recovered
    return Summary(manifest, embedded, False, time.monotonic() - started, columns.left_out, warnings)


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
