"""Settings of the plugin."""

from pydantic import BaseModel, ConfigDict, Field

from pdfsluice.core import Limits

_MIB = 1024 * 1024
_NICENESS = 10  # uploads go before imports
_CPU_SECONDS = 300  # of one request; holds where the clocks of this machine do not


class PypdfOptions(BaseModel):
    """The limits of one child process; only hostile files reach them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_mb: int = Field(
        default=1024, ge=256, description="Address space of a child process, MiB."
    )
    page_seconds: float = Field(
        default=30.0, gt=0, description="Longest wait for one page, seconds."
    )

    def limits(self) -> Limits:
        """Return the limits of a child process."""
        return Limits(
            address_space=self.memory_mb * _MIB,
            cpu_seconds=_CPU_SECONDS,
            wall_seconds=self.page_seconds,
            file_size=0,
            niceness=_NICENESS,
        )
