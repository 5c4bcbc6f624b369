"""The section ``object_store`` of the settings."""

from pydantic import BaseModel, ByteSize, ConfigDict, Field, SecretStr

from pdfsluice.config import Folder, Size
from pdfsluice.core.segments.store import DEFAULT_CACHE_BYTES


class ObjectStoreOptions(BaseModel):
    """Where the objects are, and what is kept of them on the local disk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        default="",
        description="Address of the store with a folder in it: s3://bucket/folder, "
        "az://container/folder or gs://bucket/folder",
    )
    endpoint: str = Field(
        default="",
        description="Address of a service that is compatible with S3 or Azure, such as "
        "https://minio.example.org; empty for the provider's own",
    )
    link_endpoint: str = Field(
        default="",
        description="Address of the service as clients reach it, for links; empty if it is that "
        "of the server",
    )
    region: str = Field(default="", description="Region of an S3 bucket")
    path_style: bool = Field(
        default=True,
        description="Whether the bucket is part of the path of an S3 request; otherwise it is "
        "part of the host name",
    )
    access_key_id: str = Field(
        default="",
        description="Key id for S3, or name of the Azure account; empty to use the provider's "
        "environment variables or the identity of the machine",
    )
    secret_access_key: SecretStr = Field(
        default=SecretStr(""), description="The secret that belongs to `access_key_id`"
    )
    config: dict[str, str] = Field(
        default_factory=dict,
        description="More settings for the service by their names in obstore, such as "
        "`aws_server_side_encryption` and `aws_sse_kms_key_id`",
    )
    cache_dir: Folder | None = Field(
        default=None,
        description="Folder for local copies, which may be lost at any time; by default "
        "`objects` in `upload_dir`",
    )
    cache_bytes: Size = Field(
        default=ByteSize(DEFAULT_CACHE_BYTES),
        ge=0,
        description="Most bytes of local copies of documents; copies in use are not counted",
    )
    timeout_seconds: float = Field(
        default=300.0, gt=0, description="Longest time that one request may take"
    )
