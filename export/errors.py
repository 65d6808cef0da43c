"""What stops a build, all of it mendable by the user: exit status 2, one sentence, no traceback.

ExportError
├── OptionError     the command line can't be understood
├── CorpusError     the corpus can't be read as asked; names file, line, column
├── ModelError      the model is missing, damaged, or can't be reproduced faithfully
├── OutputError     the artifact can't be written where it was asked for
└── VerifyError     the artifact is less faithful than the thresholds ask
"""

from __future__ import annotations

from handler.errors import SeekletError


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
