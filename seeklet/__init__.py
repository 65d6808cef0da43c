"""The public names of seeklet: semantic search over short texts, from one folder.

    >>> import seeklet
    >>> summary = seeklet.export("papers.csv", "artifact", text=["title", "abstract"], id="doi")
    >>> searcher = seeklet.Searcher.load("artifact")
    >>> searcher.search("storms in Europe", 1)[0].id
    '10.1/storm'

Where a user can mend the cause, a SeekletError is raised. Its text is one sentence that says how:

    >>> try:
    ...     seeklet.Searcher.load("nowhere")
    ... except seeklet.ArtifactError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    there is no artifact folder nowhere: ...

Importing this package does no I/O. Searcher, Hit and Encoder are loaded when they are first used, and numpy and ONNX
Runtime with them. `export` and `verify` load torch and the other packages of the extra `export` when they are called.
"""

from typing import TYPE_CHECKING

from handler import __version__
from handler.errors import (
    ArtifactError,
    CorpusError,
    ExportError,
    ModelError,
    OptionError,
    OutputError,
    RequestError,
    SeekletError,
    SettingsError,
    VerifyError,
)
from seeklet.building import export, verify

if TYPE_CHECKING:
    from handler.encoder import Encoder
    from handler.searcher import Hit, Searcher
else:

    def __getattr__(name: str) -> object:
        # The command line and dev/ need neither numpy nor ONNX Runtime to print a help text.
        if name == "Encoder":
            from handler.encoder import Encoder

            return Encoder
        if name in ("Hit", "Searcher"):
            from handler import searcher

            return getattr(searcher, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ArtifactError",
    "CorpusError",
    "Encoder",
    "ExportError",
    "Hit",
    "ModelError",
    "OptionError",
    "OutputError",
    "RequestError",
    "Searcher",
    "SeekletError",
    "SettingsError",
    "VerifyError",
    "__version__",
    "export",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
