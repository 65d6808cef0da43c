"""seeklet for LlamaIndex: a retriever over an artifact or a service.

It needs the extra `llama-index`. It builds no artifact: `seeklet export` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seeklet.adapters import content, open_searcher, search
from seeklet.extras import require

require("llama-index", "seeklet.llama_index")

from llama_index.core.base.base_retriever import (
    BaseRetriever,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode


class SeekletRetriever(BaseRetriever):
    """Finds documents in an artifact's folder, or by a service at a URL, as nodes with their scores.

    Examples:
        >>> from seeklet.llama_index import SeekletRetriever
        >>> retriever = SeekletRetriever("artifact", k=1)
        >>> retriever.retrieve("storms in Europe")[0].node.text
        'Winter storms reach western Europe'
    """

    def __init__(
        self,
        artifact: Path | str | None = None,
        *,
        url: str | None = None,
        api_key: str | None = None,
        timeout: float | None = None,
        k: int = 5,
        mode: str | None = None,
        share: float | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - Searcher's name for it
        offset: int | None = None,
        min_score: float | None = None,
        passages: bool = False,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """Loads the artifact, or takes the service's address.

        Args:
            artifact: the artifact's folder; either this or `url` is given.
            url: where the service is, without a route.
            api_key: the service's API key, where it has one.
            timeout: the seconds after which a service that says nothing is given up; None: 60.
            k: how many documents; this and the next five are Searcher.search's, and None is the searcher's default.
            mode: "hybrid", "semantic" or "keyword".
            share: the keywords' share of a hybrid score, 0 to 1.
            filter: which documents may be found, by their columns.
            offset: how many of the best documents are left out.
            min_score: the least score.
            passages: whether a node's text is the best passage alone, where documents are cut into passages.
            callback_manager: LlamaIndex's.

        Raises OptionError where both or neither of artifact and url are given, and ArtifactError where the artifact can't
        be loaded.
        """
        super().__init__(callback_manager=callback_manager)
        self._searcher = open_searcher(artifact, url, api_key, timeout)
        self._passages = passages
        self._options = {
            "k": k,
            "mode": mode,
            "share": share,
            "filter": filter,
            "offset": offset,
            "min_score": min_score,
        }

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = search(self._searcher, query_bundle.query_str, self._options)
        return [
            NodeWithScore(
                node=TextNode(id_=hit.id, text=content(hit, self._passages), metadata=dict(hit.metadata)),
                score=hit.score,
            )
            for hit in hits
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        # A search waits for the network or computes: neither may stop the other coroutines.
        return await asyncio.to_thread(self._retrieve, query_bundle)
