"""The settings section ``clamav``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ByteSize, ConfigDict, Field

from pdfsluice.config import Size

from .protocol import parse_address

MIB = 1024 * 1024


def _checked(address: str) -> str:
    if address:
        parse_address(address)
    return address


class ClamavOptions(BaseModel):
    """Where clamd is, and what it may be asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    socket: Annotated[str, AfterValidator(_checked)] = Field(
        "", description="clamd's socket: /path/to/clamd.ctl or tcp:HOST:PORT; empty for none."
    )
    when_down: Literal["fail-closed", "fail-open"] = Field(
        "fail-closed",
        description="Whether uploads wait while clamd is down, or are accepted unscanned.",
    )
    stream_max_length: Size = Field(
        ByteSize(100 * MIB),
        ge=1024,
        description="clamd's StreamMaxLength; what lies after it is reported as unscanned.",
    )
    connect_seconds: Annotated[float, Field(gt=0)] = Field(
        5.0, description="Seconds that clamd may take to accept a connection."
    )
    answer_seconds: Annotated[float, Field(gt=0)] = Field(
        120.0, description="Seconds that clamd may take to read or to answer."
    )
