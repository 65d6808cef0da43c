"""Everything that seeklet raises on purpose.

SeekletError                  a user can mend the cause; the text is one sentence with the remedy
├── SettingsError             an environment variable has an unusable value
├── ArtifactError             the artifact is missing, damaged, or doesn't fit this code
│   ├── MissingError          it isn't on S3, or may not be read there
│   └── UnreachableError      S3 can't be asked now; later it may work
├── RequestError              a request can't be answered; the error has status, code and field
├── UnavailableError          an answer can't be had now, as when a database is down; the error has a code
├── EvaluationError           queries or judgements can't be used, or the artifact scores less than asked
└── ExportError               the export can't continue; the command prints one sentence and ends with status 2
    ├── OptionError           the command line can't be understood
    ├── CorpusError           the corpus can't be read as asked; the text names file, line and column
    ├── ModelError            the model is missing, damaged, or can't be reproduced faithfully
    ├── OutputError           the artifact can't be written where it was asked for
    ├── EngineError           the engine that embeds can't be reached, or one of its workers fails
    └── VerifyError           the artifact is less faithful than the thresholds ask

Any other exception is a defect of seeklet. All classes are in one module, so that a caller finds every one of them.
"""

from __future__ import annotations


class SeekletError(Exception):
    """Raised when a user can mend the cause; the message says how."""


class SettingsError(SeekletError):
    """Raised when an environment variable has an unusable value."""


class ArtifactError(SeekletError):
    """Raised when the artifact can't be trusted to answer."""


class MissingError(ArtifactError):
    """Raised when an object on S3 isn't there, or may not be read: S3 doesn't tell which to everyone."""


class UnreachableError(ArtifactError):
    """Raised when S3 can't be asked now. The same request may work later."""


class RequestError(SeekletError):
    """Raised when a request can't be answered.

    status is the HTTP status: docs/http.md lists all of them with their codes. code is a short name for programs, and stays the
    same. field is the JSON field at fault, or None if no single field is. headers are further headers of the response.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field
        self.headers: dict[str, str] = {}


class UnavailableError(SeekletError):
    """Raised when an answer can't be had now; the same request may be answered later. `code` is short, for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EvaluationError(SeekletError):
    """Raised when queries or judgements can't be used, or the artifact scores less than asked."""


class ExportError(SeekletError):
    """Raised when the export can't continue; the message says what to do."""


class OptionError(ExportError):
    """Raised when the command line can't be understood."""


class CorpusError(ExportError):
    """Raised when the corpus can't be read as asked."""


class ModelError(ExportError):
    """Raised when the model is missing, damaged, or can't be reproduced faithfully."""


class OutputError(ExportError):
    """Raised when the artifact can't be written where it was asked for."""


class EngineError(ExportError):
    """Raised when the engine that embeds can't be reached, or one of its workers fails."""


class VerifyError(ExportError):
    """Raised when the artifact is less faithful than the thresholds ask."""


def reason(error: BaseException) -> str:
    """Returns the first line of what a library's error says, for a sentence of ours."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def is_defect(error: BaseException) -> bool:
    """Tells whether it is an Exception, or a panic of a library in Rust, which is none. All others end the process."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
