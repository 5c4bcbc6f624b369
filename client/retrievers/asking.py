"""Asks a server for passages, from asynchronous and from ordinary code."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.search import Passage, SearchFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The documents of a server, or some of them.

    Attributes:
        server: Address of the server.
        api_key: Identifies the caller; ``None`` if the server needs no key.
        top_k: How many passages a question gets at most.
        where: The documents to search; all of them by default.
    """

    server: str = DEFAULT_SERVER
    api_key: str | None = None
    top_k: int = 5
    where: SearchFilter | None = None

    def __repr__(self) -> str:
        return f"Library(server={self.server!r}, top_k={self.top_k})"  # the key is a secret

    async def ask(self, question: str) -> Sequence[Passage]:
        """Return the passages that answer a question best.

        Raises:
            ClientError: The server refuses or cannot be reached.
        """
        async with Client(self.server, api_key=self.api_key) as client:
            return await client.search(question, top_k=self.top_k, where=self.where)

    def ask_blocking(self, question: str) -> Sequence[Passage]:
        """Do the same from ordinary code, even inside an event loop (a notebook).

        Raises:
            ClientError: The server refuses or cannot be reached.
        """
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, self.ask(question)).result()


def metadata_of(passage: Passage) -> dict[str, str | int | float]:
    """Return the citation of a passage."""
    return {
        "document_id": passage.document_id,
        "title": passage.title,
        "page": passage.page,
        "page_label": passage.place.label if passage.place else "",
        "score": passage.score,
        "match": passage.match,
    }
