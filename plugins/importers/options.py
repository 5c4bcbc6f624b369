"""Settings of the plugin."""

from pydantic import BaseModel, ConfigDict, Field


class TextOptions(BaseModel):
    """Where the text of one document ends; hostile files reach it, honest ones do not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_seconds: float = Field(
        default=900.0,
        gt=0,
        description="Longest time for the text of one document, with all extractors together,"
        " seconds.",
    )
    document_characters: int = Field(
        default=64 * 1024 * 1024,
        ge=1,
        description="Most characters of text that are kept of one document; a page counts as"
        " 100 at least.",
    )
