"""The section ``secure_link`` of the settings."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class SecureLinkOptions(BaseModel):
    """Where nginx serves documents, and what it checks links with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        default="",
        pattern=r"^(https?://[!-~]*[^/])?$",
        description="Address of the folder of documents at nginx, without a slash at its end, "
        "such as https://files.example.org/documents",
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="The text at the end of `secure_link_md5` in the configuration of nginx",
    )
