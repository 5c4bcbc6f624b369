"""Settings of the plugin."""

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from pdfsluice.core import ChildAccess

from .recipe import Recipe

_OFFLINE = {"minilm", "onnx"}


class IndexOptions(BaseModel):
    """How documents are made searchable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedding: str = Field(
        default="minilm",
        pattern=r"^(minilm|onnx|openai|[\w.]+:\w+)$",
        description="Embedding model: minilm (offline), onnx (a folder of yours), openai (remote,"
        " extra 'openai') or module:Class of any LlamaIndex embedding.",
    )
    embedding_options: dict[str, Any] = Field(
        default_factory=dict, description="Arguments of the embedding model."
    )
    api_key: SecretStr | None = Field(default=None, description="Key of a remote embedding model.")
    vector_store: str = Field(
        default="sqlite",
        pattern=r"^(sqlite|[\w.]+:\w+)$",
        description="Where vectors are kept: sqlite, or module:Class of any LlamaIndex vector"
        " store that several processes can use.",
    )
    vector_store_options: dict[str, Any] = Field(
        default_factory=dict, description="Arguments of the vector store."
    )
    multilingual: bool = Field(
        default=True,
        description="With embedding minilm, which knows English alone: whether passages in other"
        " languages get vectors of a multilingual model. Words find them in any case.",
    )
    chunk_tokens: int = Field(
        default=200,
        ge=32,
        le=8000,
        description="Longest passage, in tokens; a token counts as four letters of an alphabet, two"
        " figures, or a little more than one ideograph.",
    )
    chunk_overlap: int = Field(
        default=20, ge=0, description="Tokens that a passage shares with the one before it."
    )
    document_passages: int = Field(
        default=100_000,
        ge=1,
        description="Most passages of one document; the rest of its text cannot be searched.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="Passages embedded at the same time; 0 for as many as there are processors less"
        " one, and no more than four.",
    )
    memory_mb: int = Field(
        default=4096, ge=1024, description="Address space of a child process, MiB."
    )
    reply_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Longest wait for a batch of pages or for a search, seconds.",
    )
    indexing_idle_seconds: float = Field(
        default=60.0,
        gt=0,
        description="Time without work after which the indexing process ends, seconds.",
    )
    search_processes: int = Field(
        default=0,
        ge=0,
        description="Searches at the same time, each in a process of its own; 0 for as many as"
        " there are processors, and no more than four.",
    )
    search_idle_seconds: float = Field(
        default=600.0,
        gt=0,
        description="Time without a search after which its process ends, seconds.",
    )

    @model_validator(mode="after")
    def _check(self) -> "IndexOptions":
        if self.chunk_overlap >= self.chunk_tokens:
            raise ValueError("chunk_overlap must be less than chunk_tokens")
        if self.embedding == "onnx" and "folder" not in self.embedding_options:
            raise ValueError("embedding 'onnx' needs embedding_options.folder")
        return self

    @property
    def asks_other_machines(self) -> bool:
        """Whether the child processes may have to reach a remote model or vector store."""
        return self.embedding not in _OFFLINE or self.vector_store != "sqlite"

    @property
    def parallel_searches(self) -> int:
        """How many searches run at the same time."""
        return self.search_processes or min(4, os.cpu_count() or 1)

    def access(self, folder: Path) -> ChildAccess:
        """Return what a child process may reach.

        Built-in models read their own files and write the index. What the operator chose
        besides is foreign code with needs of its own: it may read, write, connect and start
        programs.
        """
        if self.asks_other_machines:
            return ChildAccess(writable=("/",), network=True, programs=True, everything=True)
        models = (str(self.embedding_options["folder"]),) if self.embedding == "onnx" else ()
        return ChildAccess(readable=models, writable=(str(folder),))

    def recipe(self, folder: Path) -> Recipe:
        """Return what a child process needs to know."""
        return Recipe(
            folder=str(folder),
            embedding=self.embedding,
            embedding_options=self.embedding_options,
            api_key=self.api_key.get_secret_value() if self.api_key else None,
            vector_store=self.vector_store,
            vector_store_options=self.vector_store_options,
            chunk_tokens=self.chunk_tokens,
            chunk_overlap=self.chunk_overlap,
            multilingual=self.multilingual,
            threads=self.threads or min(4, max(1, (os.cpu_count() or 1) - 1)),
        )
