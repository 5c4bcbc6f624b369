"""The section ``database`` of the settings."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class DatabaseOptions(BaseModel):
    """Where sessions and documents are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr = Field(
        default=SecretStr(""),
        description="Address of the database, such as postgresql://user:password@host/name or "
        "sqlite:////var/lib/pdfsluice/pdfsluice.db; empty for the file pdfsluice.db "
        "in the state directory",
    )
    listen_url: SecretStr = Field(
        default=SecretStr(""),
        description="Address of the same PostgreSQL for hints between servers, past a pooler such "
        "as PgBouncer in transaction mode; empty to use `url`. If it is set, no statements are "
        "prepared over `url`",
    )
