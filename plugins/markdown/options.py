"""Settings of the plugin."""

from pydantic import BaseModel, ConfigDict, Field

from pdfsluice.core import Limits

_MIB = 1024 * 1024
_NICENESS = 10  # uploads go before readers of Markdown


class MarkdownOptions(BaseModel):
    """The limits of one document and of the child process that reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_file_mb: int = Field(
        default=200, ge=1, description="Larger files are not read as Markdown, MiB."
    )
    memory_mb: int = Field(
        default=1024, ge=256, description="Address space of a child process, MiB."
    )
    document_seconds: float = Field(
        default=60.0, gt=0, description="Longest time for one document, seconds."
    )

    @property
    def max_file_size(self) -> int:
        """Bytes of the largest file that is read."""
        return self.max_file_mb * _MIB

    def limits(self) -> Limits:
        """Return the limits of a child process."""
        return Limits(
            address_space=self.memory_mb * _MIB,
            cpu_seconds=max(1, round(self.document_seconds)),
            wall_seconds=self.document_seconds,
            file_size=0,
            niceness=_NICENESS,
        )
