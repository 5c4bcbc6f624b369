"""The section ``backpressure`` of the settings."""

from pydantic import BaseModel, ConfigDict, Field


class BackpressureOptions(BaseModel):
    """The options of the gates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: float = Field(
        default=10.0,
        ge=0,
        le=60,
        description="Seconds for which a chunk may wait for its turn before it is refused",
    )
