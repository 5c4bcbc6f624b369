"""The settings section ``yara``."""

from typing import Annotated

from pydantic import BaseModel, ByteSize, ConfigDict, Field

from pdfsluice.config import Folder, Size

MIB = 1024 * 1024


class YaraOptions(BaseModel):
    """Where the rules are, and what a scan may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Folder | None = Field(
        None, description="Folder with *.yar and *.yara files; none for no scan."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="Files that are scanned at the same time, each in a process of its own."
    )
    wall_seconds: Annotated[float, Field(ge=1)] = Field(
        60.0, description="Seconds that the scan of one file may take."
    )
    max_file_size: Size = Field(
        ByteSize(512 * MIB),
        ge=MIB,
        description="Largest file that is scanned; larger ones are reported as unscanned.",
    )
    memory: Size = Field(
        ByteSize(1024 * MIB),
        ge=256 * MIB,
        description="Address space of a scanning process, beyond the largest file.",
    )
    idle_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0, description="Idle time after which a scanning process ends."
    )
