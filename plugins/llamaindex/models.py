"""The embedding model of the settings, made when it is first needed.

Searching with a built-in model needs no LlamaIndex; it is imported only for indexing, and for
models and vector stores that are other LlamaIndex parts.
"""

import hashlib
from array import array
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from .recipe import Recipe

if TYPE_CHECKING:  # see above
    from llama_index.core.base.embeddings.base import BaseEmbedding

    from .encoder import Encoder


class EmbeddingModel:
    """A model that turns texts into vectors, as the settings choose."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    @property
    def identity(self) -> str:
        """Names the model; vectors of different identities are never compared."""
        if self._encoder is not None:
            return self._encoder.identity
        options = orjson.dumps(dict(self._recipe.embedding_options), option=orjson.OPT_SORT_KEYS)
        return f"{self._recipe.embedding}:{hashlib.sha256(options).hexdigest()[:16]}"

    @cached_property
    def _encoder(self) -> "Encoder | None":
        from .encoder import Encoder  # noqa: PLC0415 - words need no model

        recipe = self._recipe
        if recipe.embedding == "minilm":
            return Encoder.minilm(threads=recipe.threads)
        if recipe.embedding == "onnx":
            folder = Path(recipe.embedding_options["folder"])
            return Encoder.from_folder(folder, threads=recipe.threads)
        return None

    @cached_property
    def part(self) -> "BaseEmbedding":
        """The model as a LlamaIndex part."""
        from .parts import OnnxEmbedding, load_embedding  # noqa: PLC0415 - imports LlamaIndex

        recipe = self._recipe
        if self._encoder is not None:
            return OnnxEmbedding(self._encoder)
        return load_embedding(recipe.embedding, recipe.embedding_options, recipe.api_key)

    @property
    def tokenize(self) -> Callable[[str], list[int]] | None:
        """The model's own tokenizer, if it is known."""
        return None if self._encoder is None else self._encoder.tokenize

    def encode_query(self, query: str) -> list[float]:
        """Return the vector of a query."""
        if self._encoder is not None:
            return [float(value) for value in self._encoder.encode([query])[0]]
        return self.part.get_query_embedding(query)


def pack(vector: list[float]) -> bytes:
    """Return a vector as the database keeps it: float32, in the machine's byte order."""
    return array("f", vector).tobytes()
