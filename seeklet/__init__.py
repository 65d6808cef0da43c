"""The public names of seeklet: search over short texts by meaning and words, from one folder.

    >>> import seeklet
    >>> summary = seeklet.export("papers.csv", "artifact", text=["title", "abstract"], id="doi")
    >>> searcher = seeklet.Searcher.load("artifact")
    >>> searcher.search("storms in Europe", 1)[0].id
    '10.1/storm'

If a user can mend the cause of an error, a SeekletError is raised. Its text is one sentence that says how:

    >>> try:
    ...     seeklet.Searcher.load("nowhere")
    ... except seeklet.ArtifactError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    there is no artifact folder nowhere: ...

Importing this package reads no file, and loads neither numpy nor ONNX Runtime. They are loaded when a class such as
Searcher is first used, or when `evaluate` is called. `export` and `verify` load torch and the other packages of the extra
`export` when they are called.
"""

from typing import TYPE_CHECKING

from handler import __version__
from handler.errors import (
    ArtifactError,
    CorpusError,
    EngineError,
    EvaluationError,
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
from seeklet.measuring import evaluate

if TYPE_CHECKING:
    from handler.encoder import Encoder
    from handler.hits import Hit
    from handler.keywords import Match
    from handler.passages import Span
    from handler.searcher import Searcher
    from seeklet.remote import RemoteSearcher
else:
    # The command line and dev/ need neither numpy nor ONNX Runtime to print a help text.
    _MODULES = {
        "Encoder": "handler.encoder",
        "Hit": "handler.hits",
        "Match": "handler.keywords",
        "RemoteSearcher": "seeklet.remote",
        "Searcher": "handler.searcher",
        "Span": "handler.passages",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_MODULES[name]), name)


__all__ = [
    "ArtifactError",
    "CorpusError",
    "Encoder",
    "EngineError",
    "EvaluationError",
    "ExportError",
    "Hit",
    "Match",
    "ModelError",
    "OptionError",
    "OutputError",
    "RemoteSearcher",
    "RequestError",
    "Searcher",
    "SeekletError",
    "SettingsError",
    "Span",
    "VerifyError",
    "__version__",
    "evaluate",
    "export",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
