"""The section ``text`` of the settings."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TextOptions(BaseModel):
    """Limits on the text of one document; only hostile files reach them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_seconds: float = Field(
        default=900.0,
        gt=0,
        description="Maximum time for the text of one document, all extractors together, in"
        " seconds.",
    )
    document_characters: int = Field(
        default=64 * 1024 * 1024,
        ge=1,
        description="Maximum number of characters stored of one document; a page counts as at"
        " least 100.",
    )
    hidden_text: Literal["leave_out", "keep"] = Field(
        default="leave_out",
        description="What becomes of text that a person cannot see: it is left out of stored text"
        " and searches, or kept in a line that begins with `Hidden text:`.",
    )
