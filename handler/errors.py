"""Everything that seeklet raises on purpose.

SeekletError                  what a user can mend; its text is one sentence with the remedy
├── SettingsError             an environment variable has an unusable value
├── ArtifactError             the artifact is missing, damaged, or of another make than this code
├── RequestError              a request that can't be answered; carries status, code and field
└── ExportError               the export can't go on: exit status 2, one sentence
    ├── OptionError           the command line can't be understood
    ├── CorpusError           the corpus can't be read as asked; names file, line, column
    ├── ModelError            the model is missing, damaged, or can't be reproduced faithfully
    ├── OutputError           the artifact can't be written where it was asked for
    └── VerifyError           the artifact is less faithful than the thresholds ask

Anything else that escapes is a defect in seeklet. All are in one module, so that a caller finds every one of them.
"""

from __future__ import annotations


class SeekletError(Exception):
    """Raise when a user can mend the cause; the message says how."""


class SettingsError(SeekletError):
    """Raise when an environment variable has an unusable value."""


class ArtifactError(SeekletError):
    """Raise when the artifact can't be trusted to answer."""


class RequestError(SeekletError):
    """Raise when a request can't be answered.

    status is the HTTP status (400, 403, 404, 405, 413, 422), code a short stable name for programs,
    field the JSON field at fault, or None where it is the whole body.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field


class ExportError(SeekletError):
    """Raise when the build can't go on; the message says what to do."""


class OptionError(ExportError):
    """Raise when the command line can't be understood."""


class CorpusError(ExportError):
    """Raise when the corpus can't be read as asked."""


class ModelError(ExportError):
    """Raise when the model is missing, damaged, or can't be reproduced faithfully."""


class OutputError(ExportError):
    """Raise when the artifact can't be written where it was asked for."""


class VerifyError(ExportError):
    """Raise when the artifact is less faithful than the thresholds ask."""


def reason(error: BaseException) -> str:
    """The first line of what a library's error says, for a sentence of ours."""
    return (str(error).splitlines() or [type(error).__name__])[0]
