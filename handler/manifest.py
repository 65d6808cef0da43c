"""The manifest, which describes an artifact. It is read and checked field by field.

It knows which fields there are; manifest_fields.py knows their values. Which files an artifact needs, artifact.py knows.
"""

from __future__ import annotations

import json

from handler.checksums import FIELDS_CRC32, fields_crc32
from handler.errors import ArtifactError
from handler.frozen import Frozen
from handler.json_types import refuse_constant
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest_fields import MOST, MOST_TOKENS, DocumentModel, FileEntry, check_field

FORMAT_VERSION = 2
MANIFEST_FILE = "manifest.json"
# An export takes over the vectors of artifacts from this format on.
OLDEST_REUSABLE = 1
# How an artifact that has keywords can be searched, the default first.
MODES = ("hybrid", "semantic", "keyword")
# An export writes 5 KB.
MAX_MANIFEST_BYTES = 2**20
# The remedy for a damaged artifact: an export compares every file's hash before it says that nothing has changed.
REMEDY = "run `seeklet export` again"


class Manifest(Frozen):
    """How the artifact was made, and what it holds. A query's recipe comes only from here."""

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
    truncated: int  # rows longer than max_length
    inputs_sha256: str  # of the corpus and every option: unchanged inputs need no new export
    recipe_sha256: str  # of all that decides a text's vector
    files: dict[str, FileEntry]
    versions: dict[str, str]  # of the packages that made it
    verify: dict[str, Any] | None  # figures of int8 against fp32
    # Fields that older artifacts of this format lack.
    graph: str | None = None  # "fused", or "unfused" where the model's graph has an unknown pattern
    scan_crc32: dict[str, int] | None = None  # "bound" and "sums": what a scan must give when it is loaded
    keywords: dict[str, Any] | None = None  # how terms are made, and their share; None: no keywords
    rows: int = 0  # of the embeddings: passages, or else documents; left out or 0, count
    passages: dict[str, int] | None = None  # "tokens" and "overlap": how documents were cut; None: not at all
    dense: list[str] | None = None  # the activation of each Dense layer after the pooling
    full_dim: int | None = None  # of the model's vector, whose first `dim` are kept; None: all are
    map: dict[str, Any] | None = None  # "method" of the documents' places in a plane; None: there is no map
    document_model: DocumentModel | None = None  # None: the model of the queries embedded the documents too
    columns: dict[str, str] | None = None  # of the metadata, name -> one of COLUMN_TYPES; None: no columns
    files_crc32: dict[str, int] | None = None  # of the files that a start compares

    if not TYPE_CHECKING:

        def __init__(self, **values: Any) -> None:
            # Older artifacts have a row for each document, and don't say so.
            super().__init__(**{**values, "rows": values.get("rows") or values.get("count")})

    @property
    def document_max_length(self) -> int:
        """The tokens after which a document is cut."""
        return self.document_model.max_length if self.document_model else self.max_length

    def fields(self) -> dict[str, Any]:
        """Every field by its name, as JSON has it."""
        values = {name: getattr(self, name) for name in self._fields}
        values["files"] = {name: entry._asdict() for name, entry in self.files.items()}
        if self.document_model:
            values["document_model"] = self.document_model._asdict()
        return values

    def to_json(self) -> bytes:
        """Returns the bytes of manifest.json, with the checksum of its fields."""
        fields = self.fields()
        fields[FIELDS_CRC32] = fields_crc32(fields)
        text = json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()

    @classmethod
    def parse(cls, data: bytes, where: str, oldest: int = FORMAT_VERSION) -> Manifest:
        """Reads the bytes of a manifest.json, of format `oldest` or newer; `where` names it in errors.

        Raises ArtifactError where the version, a field, or the name of a file is missing or wrong.
        """
        try:
            return cls._of_fields(_parse_json(data, where), where, oldest)
        except RecursionError:
            raise ArtifactError(f"{where} is nested too deeply: {REMEDY}") from None

    @classmethod
    def _of_fields(cls, fields: Any, where: str, oldest: int) -> Manifest:
        version = fields.get("format_version") if isinstance(fields, dict) else None
        if version not in range(oldest, FORMAT_VERSION + 1) or type(version) is not int:
            raise ArtifactError(
                f"{where} says format_version {version!r:.40}, this code reads {FORMAT_VERSION}: {_version_remedy(version)}"
            )
        values: dict[str, Any] = {}
        for name, kind in cls._fields.items():
            if name in fields:
                try:
                    values[name] = check_field(name, kind, fields[name])
                except ValueError as error:
                    raise ArtifactError(f"{where}: {error}: {REMEDY}") from None
            elif name not in cls._defaults:
                raise ArtifactError(f"{where} lacks the field {name!r}: {REMEDY}")
        manifest = cls(**values)
        manifest._check_sizes(where)
        manifest._check_keywords(where)
        if FIELDS_CRC32 in fields and fields[FIELDS_CRC32] != (found := fields_crc32(fields)):
            raise ArtifactError(
                f"{where} has the checksum {found}, it says {fields[FIELDS_CRC32]!r:.40}: copy it again, or {REMEDY}"
            )
        return manifest

    def _check_sizes(self, where: str) -> None:
        if MANIFEST_FILE in self.files:
            raise ArtifactError(
                f"{where}: files has {MANIFEST_FILE}, which is no name of an artifact's file: {REMEDY}"
            )
        for name in self.files_crc32 or ():
            # A start would read it, wherever it is.
            if name not in self.files:
                raise ArtifactError(
                    f"{where}: files_crc32 has {name!a:.80}, which its files haven't: {REMEDY}"
                )
        for name in ("dim", "count", "max_length"):
            most = MOST_TOKENS if name == "max_length" else MOST
            if not 1 <= getattr(self, name) <= most:
                raise ArtifactError(f"{where}: {name} is {getattr(self, name)}, not 1 to {most}: {REMEDY}")
        if self.passages is not None and set(self.passages) != {"tokens", "overlap"}:
            raise ArtifactError(
                f"{where}: passages is {self.passages!r:.80}, which lacks tokens and overlap: {REMEDY}"
            )
        if not self.count <= self.rows <= (self.count if self.passages is None else MOST):
            raise ArtifactError(
                f"{where}: rows is {self.rows}, count is {self.count}: without passages they are equal, and with "
                f"passages rows is the larger one: {REMEDY}"
            )

    def _check_keywords(self, where: str) -> None:
        if self.keywords is None:
            return
        terms, share = self.keywords.get("terms"), self.keywords.get("share")
        fits = isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1
        if type(terms) is not str or not fits:
            raise ArtifactError(
                f"{where}: keywords has terms {terms!r:.40} and share {share!r:.40}, "
                f"not a name and a number from 0 to 1: {REMEDY}"
            )


def _version_remedy(version: Any) -> str:
    if type(version) is int and OLDEST_REUSABLE <= version < FORMAT_VERSION:
        return "run `seeklet export` again with the same options, which takes over its vectors"
    if type(version) is int and version > FORMAT_VERSION:
        return f"install a newer seeklet, or {REMEDY}"
    return REMEDY


def _parse_json(data: bytes, where: str) -> Any:
    if len(data) > MAX_MANIFEST_BYTES:
        raise ArtifactError(
            f"{where} has more than {MAX_MANIFEST_BYTES:,} bytes, so it is no manifest: {REMEDY}"
        )
    try:
        fields = json.loads(data, parse_constant=refuse_constant)
        # Half of a surrogate pair would raise later, when the text is encoded.
        json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise ArtifactError(f"{where} is not JSON ({error}): {REMEDY}") from None
    return fields
