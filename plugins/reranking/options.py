"""Settings of the plugin."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1024 * 1024


class RerankingOptions(BaseModel):
    """Which postprocessor orders the passages of a search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    postprocessor: str = Field(
        default="",
        pattern=r"^([\w.]+:\w+)?$",
        description="module:Class of a node postprocessor of LlamaIndex; empty for none. It runs in"
        " a process that may read, write, connect and start programs.",
    )
    postprocessor_options: dict[str, Any] = Field(
        default_factory=dict, description="Arguments of the postprocessor.", repr=False
    )
    passages: int = Field(
        default=50, ge=1, le=200, description="How many passages of a search are ordered again."
    )
    timeout_seconds: float = Field(
        default=2.0,
        gt=0,
        description="Longest time for one search, seconds; then the order of the index stays.",
    )
    processes: int = Field(default=1, ge=1, le=16, description="Searches ranked at the same time.")
    memory_mb: int = Field(
        default=4096, ge=1024, description="Address space of a child process, MiB."
    )
    reply_seconds: float = Field(
        default=60.0, gt=0, description="Longest time in which a process loads its model, seconds."
    )

    @property
    def address_space(self) -> int:
        """The address space of a child process, in bytes."""
        return self.memory_mb * _MIB
