"""Settings of the plugin."""

from pydantic import BaseModel, ConfigDict, Field


class PdfOptions(BaseModel):
    """How PDFs are scanned while they arrive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hyperscan: bool = Field(
        default=True,
        description="Use hyperscan if it is installed; the findings are the same without.",
    )
