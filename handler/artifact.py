"""The artifact: the directory that `python -m export` writes and the handler reads.

    model.onnx               int8 encoder: input_ids (1, t) int64 -> token_embeddings (1, t, dim) float32
    model.onnx.data          its weights, mapped into memory
    tokenizer.json           with truncation at max_length
    embeddings.safetensors   "embeddings" (count, dim), L2-normalised, in the corpus's order
    documents.jsonl          a line a document: {"id", "text", "metadata"}
    documents.offsets.npy    (count + 1,) uint64: where each line begins, in bytes
    manifest.json            this module's Manifest

Loading checks the version, the fields, and each file's size. It doesn't hash: `python -m export verify` does.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.errors import ArtifactError

FORMAT_VERSION = 1

MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.onnx"
# ONNX external data: mapped into memory where model.onnx would be parsed and copied, 30 ms of each start.
WEIGHTS_SUFFIX = ".data"
WEIGHTS_FILE = MODEL_FILE + WEIGHTS_SUFFIX
TOKENIZER_FILE = "tokenizer.json"
EMBEDDINGS_FILE = "embeddings.safetensors"
DOCUMENTS_FILE = "documents.jsonl"
OFFSETS_FILE = "documents.offsets.npy"
REQUIRED_FILES = (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, EMBEDDINGS_FILE, DOCUMENTS_FILE, OFFSETS_FILE)

REMEDY = "run `python -m export` again"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the artifact: its size in bytes and the SHA-256 of its content."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """How the artifact was made and what it holds; the only source of the query's recipe."""

    format_version: int
    model_id: str
    revision: str
    weights_sha256: str  # of the source model's weights
    pooling: str  # "mean", "max" or "cls"
    normalize: bool
    max_length: int  # tokens, the special ones included
    query_prompt: str
    document_prompt: str
    dim: int
    dtype: str  # of the stored embeddings
    count: int  # documents
    skipped: int  # empty texts left out
    truncated: int  # documents longer than max_length
    inputs_sha256: str  # of the corpus and every option: unchanged inputs need no new export
    recipe_sha256: str  # of all that decides a text's vector
    files: dict[str, FileEntry]
    versions: dict[str, str]  # of the packages that made it
    verify: dict[str, Any] | None  # figures of int8 against fp32

    def save(self, directory: Path) -> None:
        """Writes manifest.json."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"
        (directory / MANIFEST_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Manifest:
        """Reads manifest.json and checks each file's presence and size.

        Raises ArtifactError where the directory, the manifest, a field or a file is missing or wrong.
        """
        path = directory / MANIFEST_FILE
        if not directory.is_dir():
            raise ArtifactError(
                f"there is no artifact directory {directory}: set ARTIFACT_DIR to one that `python -m export` wrote"
            )
        try:
            fields = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise ArtifactError(
                f"{directory} has no {MANIFEST_FILE}, so it is not an artifact: {REMEDY}"
            ) from None
        except OSError as error:
            raise ArtifactError(f"{path} can't be read ({error.strerror}): check its permissions") from None
        except ValueError as error:
            raise ArtifactError(f"{path} is not JSON ({error}): {REMEDY}") from None
        manifest = cls._from_json(path, fields)
        manifest.check_sizes(directory)
        return manifest

    @classmethod
    def _from_json(cls, path: Path, fields: Any) -> Manifest:
        version = fields.get("format_version") if isinstance(fields, dict) else None
        if version != FORMAT_VERSION:
            raise ArtifactError(
                f"{path} says format_version {version!r}, this code reads {FORMAT_VERSION}: {REMEDY}"
            )
        kinds = {"str": str, "int": int, "bool": bool}
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name not in fields:
                raise ArtifactError(f"{path} lacks the field {field.name!r}: {REMEDY}")
            value = values[field.name] = fields[field.name]
            kind = kinds.get(str(field.type))
            if kind is not None and type(value) is not kind:
                raise ArtifactError(f"{path}: {field.name} is {value!r}, not of type {field.type}: {REMEDY}")
        entries = values["files"]
        try:
            values["files"] = {
                name: FileEntry(int(e["bytes"]), str(e["sha256"])) for name, e in entries.items()
            }
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ArtifactError(f"{path}: files is not a table of bytes and sha256: {REMEDY}") from None
        missing = [name for name in REQUIRED_FILES if name not in values["files"]]
        if missing:
            raise ArtifactError(f"{path} lists no {missing[0]}: {REMEDY}")
        if values["dim"] < 1 or values["count"] < 1 or values["max_length"] < 1:
            raise ArtifactError(f"{path}: dim, count and max_length must be at least 1: {REMEDY}")
        return cls(**values)

    def check_sizes(self, directory: Path) -> None:
        """Raises ArtifactError where a file is missing or not of the size that the manifest says."""
        for name, entry in self.files.items():
            try:
                size = (directory / name).stat().st_size
            except OSError:
                raise ArtifactError(f"the artifact {directory} lacks {name}: {REMEDY}") from None
            if size != entry.bytes:
                raise ArtifactError(
                    f"{directory / name} has {size:,} bytes, its manifest says {entry.bytes:,}: "
                    f"copy it again, or {REMEDY}"
                )
