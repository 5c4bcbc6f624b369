"""LlamaIndex parts: the built-in model as one, and those that the settings name.

Importing this module imports LlamaIndex, which takes a second and 80 MB.
"""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.vector_stores.types import BasePydanticVectorStore
from pydantic import PrivateAttr

from .encoder import Encoder

_OPENAI = "llama_index.embeddings.openai_like:OpenAILikeEmbedding"
_OPENAI_DEFAULTS = {
    "model_name": "text-embedding-3-small",
    "api_base": "https://api.openai.com/v1",
    "embed_batch_size": 64,
}


class OnnxEmbedding(BaseEmbedding):
    """A LlamaIndex embedding model around :class:`~.encoder.Encoder`."""

    _encoder: Encoder = PrivateAttr()

    def __init__(self, encoder: Encoder, **kwargs: Any) -> None:
        super().__init__(model_name=encoder.identity, embed_batch_size=32, **kwargs)
        self._encoder = encoder

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex stores such a part."""
        return "OnnxEmbedding"

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return [vector.tolist() for vector in self._encoder.encode(texts)]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await asyncio.to_thread(self._get_query_embedding, query)


def load_embedding(name: str, options: Mapping[str, Any], api_key: str | None) -> BaseEmbedding:
    """Make the LlamaIndex embedding that the settings name.

    Args:
        name: ``openai`` or ``module:Class``.
        options: Arguments of the class.
        api_key: Passed as ``api_key`` where there is one.
    """
    arguments = dict(options)
    if name == "openai":
        name, arguments = _OPENAI, {**_OPENAI_DEFAULTS, **arguments}
    if api_key is not None:
        arguments["api_key"] = api_key
    part = _load(name)(**arguments)
    if not isinstance(part, BaseEmbedding):
        raise TypeError(f"{name} is not a LlamaIndex embedding")
    return part


def load_vector_store(name: str, options: Mapping[str, Any]) -> BasePydanticVectorStore:
    """Create the LlamaIndex vector store ``module:Class`` from its options."""
    part = _load(name)(**options)
    if not isinstance(part, BasePydanticVectorStore):
        raise TypeError(f"{name} is not a LlamaIndex vector store")
    return part


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        extra = " Install it with: pip install 'pdfsluice[openai]'" if name == _OPENAI else ""
        raise ImportError(f"{name} is not installed ({error}).{extra}") from error
