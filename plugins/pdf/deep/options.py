"""The settings section ``deep``."""

from typing import Annotated

from pydantic import BaseModel, ByteSize, ConfigDict, Field

from pdfsluice.config import Size

MIB = 1024 * 1024


class DeepOptions(BaseModel):
    """What the inspection of a whole file may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(True, description="Whether whole files are inspected at completion.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        2, description="Files that are inspected at the same time, each in a process of its own."
    )
    wall_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0, description="Seconds that the inspection of one file may take."
    )
    cpu_seconds: Annotated[int, Field(gt=0)] = Field(
        45, description="Processor seconds that the inspection of one file may take."
    )
    memory: Size = Field(
        ByteSize(1024 * MIB), ge=256 * MIB, description="Address space of an inspecting process."
    )
    stream_memory: Size = Field(
        ByteSize(64 * MIB),
        ge=MIB,
        le=2048 * MIB,
        description="The most that one compressed stream may expand to.",
    )
    recycle_after: Annotated[int, Field(ge=1)] = Field(
        1000, description="Files after which another process takes the place of an inspecting one."
    )
    idle_seconds: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Idle time after which an inspecting process ends."
    )
