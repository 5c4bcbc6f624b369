"""The settings section ``tesseract``."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pdfsluice.config import Folder
from pdfsluice.core import Limits

_MIB = 1024 * 1024
_NICENESS = 19  # everything else goes first
_WALL_FACTOR = 30  # a process that stands back for others takes longer by the clock

Language = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_/-]{1,63}$")]


class TesseractOptions(BaseModel):
    """What Tesseract reads, and what it may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    languages: tuple[Language, ...] = Field(
        default=("eng",),
        min_length=1,
        max_length=16,
        description="Languages of the pages as Tesseract names them (`eng`, `deu`, `chi_sim`),"
        " the most frequent first; each more takes time.",
    )
    pages_per_document: int = Field(
        default=1000, ge=1, description="Maximum number of pages that are read of one document."
    )
    resolution: int = Field(
        default=300, ge=100, le=600, description="Dots per inch in which pages are drawn."
    )
    page_seconds: int = Field(
        default=60,
        ge=1,
        description="Processor time for one page, seconds; by the clock it may be 30 times as"
        " long.",
    )
    memory_mb: int = Field(
        default=1024,
        ge=256,
        description="Address space of a process, MiB.",
    )
    library: str = Field(
        default="", description="File of the library `libtesseract`; by default the system's."
    )
    data_dir: Folder | None = Field(
        default=None, description="Folder with `*.traineddata`; by default the library's own."
    )

    def limits(self) -> Limits:
        """Return the limits of a child process."""
        return Limits(
            address_space=self.memory_mb * _MIB,
            cpu_seconds=self.page_seconds,
            wall_seconds=self.page_seconds * _WALL_FACTOR,
            file_size=0,
            niceness=_NICENESS,
        )
