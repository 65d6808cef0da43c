"""One export: corpus in, artifact out.

    read the corpus -> convert the model -> embed -> write embeddings, scan -> verify -> manifest -> rename

Texts that an interrupted run or the artifact being replaced already has vectors for, by the same recipe, aren't
embedded again. The bytes of the artifact don't depend on which were. It prints nothing: a Progress does.
"""

from __future__ import annotations

import hashlib
import json
import time
from array import array
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from export.build.embed import embed, find_reusable, save_array, write_arrays
from export.build.journal import Journal
from export.build.output import LOCK_FILE, Output
from export.build.progress import Progress
from export.build.verify import Thresholds, measure
from export.build.write_scan import SCAN_VERSION
from export.corpus.reader import CorpusReader
from export.model.configs import usable_positions
from export.model.convert import conversion_key, convert, versions
from export.model.source_model import SourceModel, find_model
from handler.artifact import (
    DOCUMENTS_FILE,
    MODEL_FILE,
    OFFSETS_FILE,
    SCAN_MODEL_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    Artifact,
)
from handler.bound import Scan
from handler.encoder import Encoder
from handler.errors import ArtifactError, ModelError
from handler.manifest import FORMAT_VERSION, MANIFEST_FILE, FileEntry, Manifest
from handler.session import open_session
from handler.tokenizer import BoundedTokenizer, load_tokenizer


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What `python -m export` was asked for."""

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
    thresholds: Thresholds | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """From text to vector: the model's own way, where the options don't ask for another."""

    pooling: str
    max_length: int  # tokens
    query_prompt: str
    document_prompt: str

    @classmethod
    def choose(cls, options: BuildOptions, model: SourceModel) -> Recipe:
        """Raises ModelError where the model can't do what the options ask for."""
        recipe = cls(
            options.pooling or model.pooling,
            model.max_length if options.max_length is None else options.max_length,
            model.query_prompt if options.query_prompt is None else options.query_prompt,
            model.document_prompt if options.document_prompt is None else options.document_prompt,
        )
        most = usable_positions(model.transformer_dir)
        if not 3 <= recipe.max_length <= most:
            raise ModelError(
                f"--max-length is {recipe.max_length}, {model.model_id} can read 3 to {most} tokens: "
                "choose one of those"
            )
        if (recipe.query_prompt or recipe.document_prompt) and not model.include_prompt:
            raise ModelError(
                f"{model.model_id} leaves the prompt out of its pooling, which can't be reproduced: "
                "use another model, or no prompt"
            )
        return recipe

    def sha256(self, directory: Path) -> str:
        """Of all that decides a document's vector; the model's files are in `directory`."""
        parts = [
            hashlib.sha256((directory / name).read_bytes()).hexdigest()
            for name in (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
        ]
        parts += [self.pooling, str(self.max_length), self.document_prompt, versions()["onnxruntime"]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Summary:
    """What an export did."""

    manifest: Manifest
    embedded: int  # texts that went through the model in this run
    up_to_date: bool
    seconds: float


def build(options: BuildOptions, progress: Progress) -> Summary:
    """Runs the export; raises an ExportError, and leaves `out` as it was, where it can't be done."""
    started = time.monotonic()
    model = find_model(options.model, options.revision, options.sha256)
    recipe = Recipe.choose(options, model)
    with Output(options.out) as output:
        inputs = _inputs_sha256(options, model, recipe)
        old = _old_manifest(output.out)
        if old and inputs and old.inputs_sha256 == inputs and not options.force:
            return Summary(old, 0, True, time.monotonic() - started)
        partial = output.partial
        count, skipped = _read_corpus(options, partial, progress)
        with progress.step("converting the model"):
            converted = convert(model).folder
            for name in (MODEL_FILE, WEIGHTS_FILE):
                (partial / name).write_bytes((converted / name).read_bytes())
            tokenizer = load_tokenizer(converted / TOKENIZER_FILE, recipe.max_length)
            (partial / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8")
        encoder = Encoder(
            open_session(partial / MODEL_FILE),
            BoundedTokenizer(tokenizer, recipe.max_length),
            pooling=recipe.pooling,
            dim=model.dim,
            threads=options.threads,
        )
        recipe_sha256 = recipe.sha256(partial)
        journal = Journal(partial, model.dim, recipe_sha256, fresh=options.force)
        before = journal.rows
        try:
            reusable = None if options.force else find_reusable(output.out, old, recipe_sha256)
            vectors = embed(
                partial, count, recipe_sha256, recipe.document_prompt, encoder, journal, reusable, progress
            )
            with progress.step("writing the embeddings"):
                write_arrays(partial, vectors, model.dim, options.dtype)
        finally:
            journal.close()
        figures: dict[str, Any] | None = None
        if options.thresholds is not None:
            with progress.step("verifying int8 against fp32"):
                figures = measure(partial, converted, encoder, recipe.query_prompt, recipe.document_prompt)
                options.thresholds.check(figures)
        embedded = journal.rows - before
        journal.delete()
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            model_id=model.model_id,
            revision=model.revision,
            weights_sha256=model.weights_sha256,
            pooling=recipe.pooling,
            normalize=True,
            max_length=recipe.max_length,
            query_prompt=recipe.query_prompt,
            document_prompt=recipe.document_prompt,
            dim=model.dim,
            dtype=options.dtype,
            count=count,
            skipped=skipped,
            truncated=int((vectors.tokens < 0).sum()),
            inputs_sha256=inputs,
            recipe_sha256=recipe_sha256,
            files=_file_entries(partial),
            versions=versions(),
            verify=figures,
            scan_crc32=_scan_crc32(partial, count, model.dim),
        )
        (partial / MANIFEST_FILE).write_bytes(manifest.to_json())
        output.commit()
    return Summary(manifest, embedded, False, time.monotonic() - started)


def _inputs_sha256(options: BuildOptions, model: SourceModel, recipe: Recipe) -> str:
    """Of the corpus file, the options, the model and how a scan is written; "" for what can't be read twice, or at all."""
    if options.corpus == "-" or not Path(options.corpus).is_file():
        return ""
    try:
        with Path(options.corpus).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError:
        return ""  # reading it as a corpus will say why
    names = ("text", "id", "metadata", "format", "dtype")
    named = {name: getattr(options, name) for name in names} | asdict(recipe)
    source = [model.model_id, model.revision, conversion_key(model)]
    thresholds = None if options.thresholds is None else asdict(options.thresholds)
    digest.update(json.dumps([FORMAT_VERSION, SCAN_VERSION, named, source, thresholds]).encode())
    return digest.hexdigest()


def _old_manifest(out: Path) -> Manifest | None:
    try:
        return Artifact.open(out).manifest
    except ArtifactError:
        return None


def _read_corpus(options: BuildOptions, partial: Path, progress: Progress) -> tuple[int, int]:
    """Writes the documents and where each line begins; returns how many, and how many were empty."""
    reader = CorpusReader(options.corpus, options.text, options.id, options.metadata, options.format)
    offsets = array("Q", [0])
    position = 0
    with (partial / DOCUMENTS_FILE).open("wb") as file, progress.reading(options.corpus) as bar:
        for document in reader:
            line = {"id": document.id, "text": document.text, "metadata": document.metadata}
            data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            file.write(data)
            position += len(data)
            offsets.append(position)
            bar.update(len(offsets) - 1, reader.fraction)
    save_array(partial / OFFSETS_FILE, np.frombuffer(offsets, np.uint64))
    return len(offsets) - 1, reader.skipped


def _scan_crc32(partial: Path, count: int, dim: int) -> dict[str, int] | None:
    """What the handler compares when it loads the scan; None for a corpus without one."""
    if not (partial / SCAN_MODEL_FILE).exists():
        return None
    return Scan.load(partial, count, dim).checksums(partial)


def _file_entries(partial: Path) -> dict[str, FileEntry]:
    entries = {}
    for path in sorted(partial.iterdir()):
        if path.name != LOCK_FILE:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            entries[path.name] = FileEntry(path.stat().st_size, digest)
    return entries
