"""What the adapters for LangChain and LlamaIndex share: the searcher behind them, and what it is asked.

It imports neither library; seeklet/langchain.py and seeklet/llama_index.py do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.errors import OptionError
from seeklet.http_service import TIMEOUT_SECONDS
from seeklet.remote import RemoteSearcher

if TYPE_CHECKING:
    from handler.hits import Hit
    from handler.searcher import Searcher

# The arguments of Searcher.search beside the query.
OPTIONS = ("k", "mode", "share", "filter", "offset", "min_score")


def open_searcher(
    artifact: Path | str | None, url: str | None, api_key: str | None = None, timeout: float | None = None
) -> Searcher | RemoteSearcher:
    """Loads the artifact, or returns the searcher of the service at the URL.

    Raises OptionError where neither or both are given, and what Searcher.load and RemoteSearcher raise.
    """
    if (artifact is None) == (url is None):
        given = "neither" if url is None else "both"
        raise OptionError(f"a retriever asks an artifact or a url, and {given} was given: give one of them")
    if url is not None:
        return RemoteSearcher(url, api_key, TIMEOUT_SECONDS if timeout is None else timeout)
    if api_key is not None or timeout is not None:
        raise OptionError(
            "api_key and timeout are of a service, and an artifact was given: give a url instead"
        )
    from handler.searcher import Searcher

    return Searcher.load(str(artifact))


def search(searcher: Searcher | RemoteSearcher, query: str, *settings: Mapping[str, Any]) -> list[Hit]:
    """Searches with the options of the settings, the later ones first; None is the searcher's own default.

    Raises OptionError for an option that isn't one of OPTIONS.
    """
    given = {name: value for setting in settings for name, value in setting.items()}
    # None is left out last: it may take the place of an earlier setting's value.
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in OPTIONS:
            raise OptionError(f"there is no option {name!r:.40}: the options are {', '.join(OPTIONS)}")
    return searcher.search(query, **options)


def content(hit: Hit, passages: bool) -> str:
    """Returns the hit's text, or where `passages` asks for it the best passage alone."""
    if passages and hit.passage is not None:
        return hit.text[hit.passage.start : hit.passage.end]
    return hit.text
