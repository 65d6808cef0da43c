"""The artifact: the one folder that an export writes and the handler reads.

This module has the names of its files and checks them; manifest.py has the manifest's fields. It reads no file but the manifest, unless it compares hashes. It needs neither numpy nor ONNX Runtime: the layers'
scripts use it too.

    model.onnx               int8 encoder: input_ids (1, t) int64 -> token_embeddings (1, t, dim) float32
    model.onnx.data          its weights, mapped into memory
    tokenizer.json           the tokenizer, with truncation at max_length
    wordpieces.json          a BERT tokenizer's vocabulary, by first two characters: a start reads it instead of the tokenizer
    dense.safetensors        the layers after the pooling, of a model that has such layers
    embeddings.safetensors   "embeddings" (rows, dim), L2-normalised, in the corpus's order; "scales" for int8
    documents.jsonl          one line for each document: {"id", "text", "metadata"}
    documents.offsets.npy    (count + 1,) uint64: where each line begins, in bytes
    documents.tokens.npy     (rows,) int16: tokens of each text, negative where it was cut; only the next export reads it
    passages.safetensors     "first" (count + 1,) int64: each document's first row; "spans" (rows, 2) int32: each row's
                             begin and end in its document's text, in code points
    scan.onnx                the int8 scan: codes (q, columns) uint8 -> sums (q, rows) int32
    scan.bin                 its matrix, (columns, rows) int8
    scan.safetensors         the numbers of its bound
    keywords.safetensors     the keyword index: words, terms, and the rows that hold each term
    columns.safetensors      the metadata's columns, for filters
    ids.safetensors          the documents by the CRC-32 of their ids
    map.safetensors          "points" (count, 2) uint16: each document's place on the map
    manifest.json            the Manifest

A row is a passage of a document where there is passages.safetensors, and else a whole document.
An artifact has all three files of the scan, or none: a small corpus has no scan.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping

from handler.checksums import affordable, file_crc32
from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, TypeVar
from handler.manifest import FORMAT_VERSION, MANIFEST_FILE, MAX_MANIFEST_BYTES, REMEDY, Manifest
from handler.named import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MODEL_FILE = "model.onnx"
# ONNX external data is mapped into memory. Weights within model.onnx would be parsed and copied, 30 ms at each start.
WEIGHTS_SUFFIX = ".data"
WEIGHTS_FILE = MODEL_FILE + WEIGHTS_SUFFIX
TOKENIZER_FILE = "tokenizer.json"
WORDPIECES_FILE = "wordpieces.json"
DENSE_FILE = "dense.safetensors"
EMBEDDINGS_FILE = "embeddings.safetensors"
DOCUMENTS_FILE = "documents.jsonl"
OFFSETS_FILE = "documents.offsets.npy"
TOKENS_FILE = "documents.tokens.npy"
PASSAGES_FILE = "passages.safetensors"
SCAN_MODEL_FILE = "scan.onnx"
SCAN_MATRIX_FILE = "scan.bin"
SCAN_BOUND_FILE = "scan.safetensors"
KEYWORDS_FILE = "keywords.safetensors"
COLUMNS_FILE = "columns.safetensors"
IDS_FILE = "ids.safetensors"
MAP_FILE = "map.safetensors"

REQUIRED_FILES = (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, EMBEDDINGS_FILE, DOCUMENTS_FILE, OFFSETS_FILE)
# What embeds a query.
ENCODER_FILES = (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, WORDPIECES_FILE, DENSE_FILE)
# The manifest's fields that say how. The prompts are the searcher's.
ENCODER_FIELDS = ("pooling", "normalize", "max_length", "dim", "full_dim", "dense")
SCAN_FILES = (SCAN_MODEL_FILE, SCAN_MATRIX_FILE, SCAN_BOUND_FILE)
# Every name that an export writes. An export deletes no other file in its folders.
ALL_FILES = (
    *REQUIRED_FILES,
    WORDPIECES_FILE,
    DENSE_FILE,
    TOKENS_FILE,
    PASSAGES_FILE,
    *SCAN_FILES,
    KEYWORDS_FILE,
    COLUMNS_FILE,
    IDS_FILE,
    MAP_FILE,
    MANIFEST_FILE,
)
# Files that no start compares by their bytes: `scan_crc32` covers these, and only the next export reads the last one.
_OTHERWISE = (SCAN_MATRIX_FILE, SCAN_BOUND_FILE, TOKENS_FILE)

T = TypeVar("T")


class Artifact(NamedTuple):
    """A folder whose manifest was read, and whose files have the sizes that it says."""

    directory: Path
    manifest: Manifest

    @classmethod
    def open_encoder(cls, directory: Path | str) -> Artifact:
        """Opens a folder of which only the encoder is needed: its manifest and the files that embed a query.

        The corpus's files may be missing, as where a database has the corpus. Raises ArtifactError as `open` does.
        """
        artifact = cls._read(directory, FORMAT_VERSION)
        artifact.check_sizes(artifact.encoder_files)
        artifact.check_crc32(artifact.encoder_files)
        return artifact

    @classmethod
    def open(cls, directory: Path | str, oldest: int = FORMAT_VERSION) -> Artifact:
        """Reads the manifest, of format `oldest` or newer, and compares the size of every file. It reads no other file.

        Raises ArtifactError where the folder, the manifest, a field or a file is missing or wrong.
        """
        artifact = cls._read(directory, oldest)
        artifact.check_sizes()
        return artifact

    @classmethod
    def _read(cls, directory: Path | str, oldest: int) -> Artifact:
        if isinstance(directory, str):
            # Imported here: a start has a LightPath.
            from pathlib import Path

            directory = Path(directory)
        path = directory / MANIFEST_FILE
        if not directory.is_dir():
            raise ArtifactError(
                f"there is no artifact folder {directory}: name one that `seeklet export` wrote (ARTIFACT_DIR or INDEXES)"
            )
        try:
            # A pipe would be waited for.
            if not path.is_file():
                raise FileNotFoundError
            with path.open("rb") as file:
                data = file.read(MAX_MANIFEST_BYTES + 1)
        except FileNotFoundError:
            raise ArtifactError(
                f"{directory} has no {MANIFEST_FILE}, so it is not an artifact: {REMEDY}"
            ) from None
        except OSError as error:
            raise ArtifactError(f"{path} can't be read ({error.strerror}): check its permissions") from None
        return cls(directory, parse_manifest(data, str(path), oldest))

    def path(self, name: str) -> Path:
        """Returns the path of one of its files."""
        return self.directory / name

    @property
    def encoder_files(self) -> list[str]:
        """The files of it that embed a query."""
        return [name for name in ENCODER_FILES if name in self.manifest.files]

    @property
    def has_scan(self) -> bool:
        """Whether it has a scan; a small corpus has none."""
        return SCAN_MODEL_FILE in self.manifest.files

    def check_sizes(self, names: Iterable[str] | None = None) -> None:
        """Raises ArtifactError where a file is missing or not of the size that the manifest says; as check_hashes."""
        for name in self.manifest.files if names is None else names:
            entry = self.manifest.files[name]
            try:
                status = self.path(name).stat()
            except OSError:
                raise ArtifactError(f"the artifact {self.directory} lacks {name}: {REMEDY}") from None
            if not stat.S_ISREG(status.st_mode):
                raise ArtifactError(f"{self.path(name)} is not a file: copy it again, or {REMEDY}")
            if status.st_size != entry.bytes:
                raise ArtifactError(
                    f"{self.path(name)} has {status.st_size:,} bytes, its manifest says {entry.bytes:,}: "
                    f"copy it again, or {REMEDY}"
                )

    def check_crc32(self, names: Iterable[str] | None = None) -> None:
        """Compares the checksums that the manifest has: of all files that a start can afford to read, or of those in `names`.

        Raises ArtifactError as check_hashes does.
        """
        crc32 = self.manifest.files_crc32 or {}
        for name in crc32 if names is None else names:
            if name in crc32 and (found := _read(self.path(name), file_crc32)) != crc32[name]:
                raise ArtifactError(
                    f"{self.path(name)} has the checksum {found}, its manifest says {crc32[name]}: "
                    f"copy it again, or {REMEDY}"
                )

    def check_hashes(self, names: Iterable[str] | None = None) -> None:
        """Raises ArtifactError where a file's SHA-256 is not the manifest's; checks all files, or those in `names`."""
        for name in self.manifest.files if names is None else names:
            expected = self.manifest.files[name].sha256
            found = file_sha256(self.path(name))
            if found != expected:
                raise ArtifactError(
                    f"{self.path(name)} has SHA-256 {found}, its manifest says {expected}: copy it again, or {REMEDY}"
                )


def parse_manifest(data: bytes, where: str, oldest: int = FORMAT_VERSION) -> Manifest:
    """Reads the bytes of a manifest.json, and checks that it lists every file that an artifact needs.

    `where` names it in errors. Raises ArtifactError where it is not an artifact's manifest.
    """
    manifest = Manifest.parse(data, where, oldest)
    needed = list(REQUIRED_FILES)
    if any(name in manifest.files for name in SCAN_FILES):
        needed += SCAN_FILES
    if manifest.dense:
        needed.append(DENSE_FILE)
    if manifest.keywords is not None:
        needed.append(KEYWORDS_FILE)
    if manifest.columns:
        needed.append(COLUMNS_FILE)
    if manifest.map is not None:
        needed.append(MAP_FILE)
    if manifest.passages is not None:
        needed.append(PASSAGES_FILE)
    elif PASSAGES_FILE in manifest.files:
        raise ArtifactError(f"{where} lists {PASSAGES_FILE}, and its passages are null: {REMEDY}")
    missing = [name for name in needed if name not in manifest.files]
    if missing:
        raise ArtifactError(f"{where} lists no {missing[0]}: {REMEDY}")
    return manifest


def crc32_of_files(directory: Path, sizes: Mapping[str, int]) -> dict[str, int]:
    """Returns the checksums that a start compares, of the files of these sizes; the manifest has them.

    The matrix of the scan has a checksum of its own, and no start reads the token counts.
    """
    names = affordable({name: size for name, size in sizes.items() if name not in _OTHERWISE})
    return {name: _read(directory / name, file_crc32) for name in names}


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a file's content, in hex digits. Raises ArtifactError where it can't be read."""
    return _read(path, _sha256)


def _sha256(path: Path) -> str:
    # Imported here: OpenSSL is not needed to answer queries.
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, how: Callable[[Path], T]) -> T:
    try:
        return how(path)
    except OSError as error:
        raise ArtifactError(f"{path} can't be read ({error.strerror}): check its permissions") from None
