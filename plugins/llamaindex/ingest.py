"""From pages to passages, and from passages to vectors with LlamaIndex's parts.

Cutting needs no LlamaIndex, so that words are published without waiting for its import.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pdfsluice.core import PageText

from .languages import UNKNOWN, language_of
from .models import EmbeddingModel
from .recipe import Recipe
from .splitting import heading, split
from .stored import PendingPassage, StagedPassage

if TYPE_CHECKING:  # LlamaIndex takes a second to import
    from llama_index.core.schema import BaseNode

PAGE, OWNER = "page", "owner"


class Cutter:
    """A cutter of one document's pages into passages that know page and language."""

    def __init__(self, recipe: Recipe, document: int) -> None:
        self._recipe = recipe
        self._document = document
        self._language = UNKNOWN

    def passages(self, pages: Sequence[PageText]) -> Iterator[StagedPassage]:
        """Yield the passages of pages, in their order.

        A passage whose language cannot be recognized, as in a table, has that of the passage
        before it. Equal passages of a page are one.
        """
        recipe = self._recipe
        for page in pages:
            top = heading(page.text)
            for text in split(page.text, tokens=recipe.chunk_tokens, overlap=recipe.chunk_overlap):
                self._language = language_of(text) or self._language
                yield StagedPassage(
                    key=self._key(page.number, text),
                    page=page.number,
                    text=text,
                    language=self._language,
                    heading=top,
                )

    def _key(self, page: int, text: str) -> str:
        content = hashlib.sha256(text.encode()).hexdigest()[:24]
        return f"{self._document}-{page}-{content}"


class Embedder:
    """An embedder of passages with the LlamaIndex model of the settings."""

    def __init__(self, model: EmbeddingModel) -> None:
        from llama_index.core.ingestion import IngestionPipeline  # noqa: PLC0415 - see above

        self._pipeline = IngestionPipeline(transformations=[model.part], disable_cache=True)

    def nodes(self, passages: Sequence[PendingPassage], *, owner: str) -> "list[BaseNode]":
        """Return embedded nodes, in the order of the passages.

        The ``ref_doc_id`` of a node is its own key, by which a vector store can delete it.
        Only the text is embedded, no metadata.
        """
        from llama_index.core.schema import (  # noqa: PLC0415 - see above
            NodeRelationship,
            RelatedNodeInfo,
            TextNode,
        )

        metadata = {OWNER: owner}
        nodes = [
            TextNode(
                id_=passage.key,
                text=passage.text,
                metadata=dict(metadata),
                excluded_embed_metadata_keys=list(metadata),
                excluded_llm_metadata_keys=list(metadata),
                relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=passage.key)},
            )
            for passage in passages
        ]
        return list(self._pipeline.run(nodes=nodes))
