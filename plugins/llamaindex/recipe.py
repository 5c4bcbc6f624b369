"""The configuration that travels with each request to a child process."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The settings that decide about passages and vectors; see ``IndexOptions``.

    Attributes:
        folder: Where the index keeps its files.
        multilingual: Whether passages in other languages than English get vectors, in addition
            to those of ``minilm``.
        api_key: Never logged, never stored; goes to the child through its standard input.
    """

    folder: str
    embedding: str = "minilm"
    embedding_options: Mapping[str, Any] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)
    vector_store: str = "sqlite"
    vector_store_options: Mapping[str, Any] = field(default_factory=dict)
    chunk_tokens: int = 200
    chunk_overlap: int = 20
    threads: int = 1
    multilingual: bool = True

    def as_message(self) -> dict[str, Any]:
        """Return what :class:`Recipe` can be made from again."""
        return asdict(self)
