"""seeklet for LangChain: a retriever over an artifact or a service, and an artifact's embeddings.

It needs the extra `langchain`. It builds no artifact: `seeklet export` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handler.errors import ArtifactError
from seeklet.adapters import OPTIONS, content, open_searcher, search
from seeklet.extras import require

require("langchain", "seeklet.langchain")

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict, PrivateAttr, SecretStr


class SeekletRetriever(BaseRetriever):
    """Finds documents in an artifact's folder, or by a service at a URL.

    A document's page_content is the text, and its metadata is the corpus's, with the score under `score_key`. A call may
    replace an option for itself: `retriever.invoke("storms", k=2)`. The arguments without a description are those of
    Searcher.search; None is the searcher's default.

    Examples:
        >>> from seeklet.langchain import SeekletRetriever
        >>> retriever = SeekletRetriever(artifact="artifact", k=1)
        >>> retriever.invoke("storms in Europe")[0].page_content
        'Winter storms reach western Europe'
    """

    # A misspelt option would otherwise be left out without a word.
    model_config = ConfigDict(extra="forbid")

    artifact: Path | None = None
    """The artifact's folder; either this or `url` is given."""
    url: str | None = None
    """Where the service is, without a route."""
    api_key: SecretStr | None = None
    """The service's API key, where it has one."""
    timeout: float | None = None
    """Seconds after which a service that says nothing is given up; None: 60."""
    k: int = 5
    mode: str | None = None
    share: float | None = None
    filter: dict[str, Any] | None = None
    offset: int | None = None
    min_score: float | None = None
    passages: bool = False
    """Whether page_content is the best passage alone, where the artifact's documents are cut into passages."""
    score_key: str | None = "score"
    """The score's name in the metadata; it hides a column of that name. None leaves the score out."""

    _searcher: Any = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Loads the artifact; raises OptionError where both or neither of artifact and url are given."""
        super().model_post_init(context)
        key = None if self.api_key is None else self.api_key.get_secret_value()
        self._searcher = open_searcher(self.artifact, self.url, key, self.timeout)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain passes it
        **options: Any,
    ) -> list[Document]:
        return self._search(query, options)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain passes it
        **options: Any,
    ) -> list[Document]:
        documents: list[Document] = await run_in_executor(None, self._search, query, options)
        return documents

    def _search(self, query: str, options: Mapping[str, Any]) -> list[Document]:
        own = {name: getattr(self, name) for name in OPTIONS}
        documents = []
        for hit in search(self._searcher, query, own, options):
            metadata = dict(hit.metadata)
            if self.score_key is not None:
                metadata[self.score_key] = hit.score
            documents.append(Document(id=hit.id, page_content=content(hit, self.passages), metadata=metadata))
        return documents


class SeekletEmbeddings(Embeddings):
    """An artifact's model as LangChain's embeddings, with the artifact's prompts.

    Examples:
        >>> from seeklet.langchain import SeekletEmbeddings
        >>> len(SeekletEmbeddings("artifact").embed_query("storms in Europe"))
        384
    """

    def __init__(self, artifact: Path | str, threads: int = 1) -> None:
        """Loads the model of the artifact's folder; `threads` is how many texts are embedded at once.

        Raises ArtifactError where it can't, and where another model embedded the documents: it isn't in the artifact.
        """
        from handler.artifact import Artifact
        from handler.encoder import Encoder

        opened = Artifact.open(artifact)
        self._manifest = opened.manifest
        if self._manifest.document_model is not None:
            raise ArtifactError(
                f"the documents of {artifact} were embedded by {self._manifest.document_model.model_id}, which the "
                "artifact doesn't hold: use SeekletRetriever"
            )
        self._encoder = Encoder.open(opened, threads)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Returns an L2-normalised vector for each document."""
        vectors: list[list[float]] = self._encoder.encode(texts, self._manifest.document_prompt).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Returns a query's L2-normalised vector."""
        vector: list[float] = self._encoder.encode([text], self._manifest.query_prompt)[0].tolist()
        return vector
