"""The section ``local_store`` of the settings."""

from pydantic import BaseModel, ConfigDict, Field

from pdfsluice.config import Size


class LocalStoreOptions(BaseModel):
    """How much space uploads may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_bytes: Size | None = Field(
        default=None,
        ge=0,
        description="Most bytes that all unfinished uploads together may have, as announced; "
        "nothing for as much as the disk has",
    )
