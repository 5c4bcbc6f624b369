"""From pages to passages, with LlamaIndex; imported only in the indexing process."""

import re
from collections.abc import Sequence

from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode, Document, MetadataMode

from pdfsluice.core import PageText

from .models import EmbeddingModel
from .recipe import Recipe

PAGE, OWNER = "page", "owner"
_LEADERS = re.compile(r"(?:[.·•…_‥]\s?){4,}")


class Ingestion:
    """Cuts pages into passages that know their page, and embeds them."""

    def __init__(self, recipe: Recipe, model: EmbeddingModel) -> None:
        splitter = SentenceSplitter(
            chunk_size=recipe.chunk_tokens,
            chunk_overlap=recipe.chunk_overlap,
            tokenizer=model.tokenize,
            include_prev_next_rel=False,
        )
        self._pipeline = IngestionPipeline(
            transformations=[splitter, model.part], disable_cache=True
        )

    def passages(self, pages: Sequence[PageText], *, reference: str, owner: str) -> list[BaseNode]:
        """Return embedded nodes, in the order of the pages.

        Args:
            pages: Pages of one document.
            reference: With the page number it becomes the ``ref_doc_id`` of the page's nodes,
                by which a vector store can forget them. (LlamaIndex gives nodes the metadata
                of the last document of their id, and keeps the metadata key ``document_id``
                for itself.)
            owner: Goes into the metadata, for the filter of a vector store.
        """
        documents = [self._document(page, reference, owner) for page in pages if page.text.strip()]
        return list(self._pipeline.run(documents=documents))

    @staticmethod
    def _document(page: PageText, reference: str, owner: str) -> Document:
        metadata = {PAGE: page.number, OWNER: owner}
        return Document(
            text=collapse_leaders(page.text),
            id_=f"{reference}-{page.number}",
            metadata=metadata,
            excluded_embed_metadata_keys=list(metadata),  # only the text is embedded
            excluded_llm_metadata_keys=list(metadata),
        )


def collapse_leaders(text: str) -> str:
    """Shorten rows of dots, which make the lines of a table of contents alike to a model."""
    return _LEADERS.sub(" … ", text)


def text_of(node: BaseNode) -> str:
    """Return a passage's own text."""
    return node.get_content(metadata_mode=MetadataMode.NONE)
