"""A retriever for LangChain."""

from collections.abc import Sequence

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from pdfsluice.client.search import Passage

from .asking import Library, metadata_of


class PdfsluiceRetriever(BaseRetriever):
    """A retriever of passages as LangChain documents with title and page.

        retriever = PdfsluiceRetriever(library=Library(server="http://localhost:8000", top_k=8))
        documents = retriever.invoke("How much water passes under a gate?")

    Attributes:
        library: The server, and which of its documents are searched.
    """

    library: Library

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        return _documents(self.library.ask_blocking(query))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        return _documents(await self.library.ask(query))


def _documents(passages: Sequence[Passage]) -> list[Document]:
    return [Document(passage.text, metadata=metadata_of(passage)) for passage in passages]
