"""Addresses through which clients reach objects for a short time."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

import obstore

from .options import ObjectStoreOptions
from .presigning import S3Keys, presigned

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

_DEFAULT_REGION = "us-east-1"


class Links(Protocol):
    """A maker of addresses of objects."""

    def get(self, name: str, *, seconds: int, content_type: str, content_disposition: str) -> str:
        """Return an address from which an object can be read."""
        ...

    def put(self, name: str, *, seconds: int, length: int) -> tuple[str, Mapping[str, str]]:
        """Return an address for a new object, and the header fields that it needs."""
        ...


class S3Links:
    """Addresses of S3, signed with the key of the settings.

    The store answers with the media type and the file name that are part of the address.

    Args:
        base: The address of the folder in the bucket, as clients reach it.
        keys: What addresses are signed with.
        now: The clock.
    """

    def __init__(
        self,
        base: str,
        keys: S3Keys,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base = base
        self._keys = keys
        self._now = now

    def get(self, name: str, *, seconds: int, content_type: str, content_disposition: str) -> str:
        """Return an address from which an object can be read."""
        return presigned(
            "GET",
            f"{self._base}/{name}",
            self._keys,
            now=self._now(),
            seconds=seconds,
            query={
                "response-cache-control": f"private, max-age={seconds}, immutable",
                "response-content-disposition": content_disposition,
                "response-content-type": content_type,
            },
        )

    def put(self, name: str, *, seconds: int, length: int) -> tuple[str, Mapping[str, str]]:
        """Return an address for an object of exactly this length.

        HTTP clients send its length anyway, so no header field is left to set.
        """
        url = presigned(
            "PUT",
            f"{self._base}/{name}",
            self._keys,
            now=self._now(),
            seconds=seconds,
            headers={"content-length": str(length)},
        )
        return url, {}


class LibraryLinks:
    """Addresses that the library signs: Azure, Google Cloud, S3 with an identity.

    It signs neither media type nor file name, so the store answers with its own.

    Args:
        client: A store of obstore, with the address that clients use.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client

    def get(self, name: str, *, seconds: int, content_type: str, content_disposition: str) -> str:
        """Return an address from which an object can be read."""
        del content_type, content_disposition
        url: str = obstore.sign(self._client, "GET", name, timedelta(seconds=seconds))  # type: ignore[call-overload]
        return url

    def put(self, name: str, *, seconds: int, length: int) -> tuple[str, Mapping[str, str]]:
        """Return an address for an object of any length, which is checked afterwards."""
        del length
        url: str = obstore.sign(self._client, "PUT", name, timedelta(seconds=seconds))  # type: ignore[call-overload]
        azure = type(self._client).__name__ == "AzureStore"
        return url, {"x-ms-blob-type": "BlockBlob"} if azure else {}


def s3_links(
    options: ObjectStoreOptions, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> S3Links | None:
    """Return the links of S3; ``None`` for other services, or without a key."""
    secret = options.secret_access_key.get_secret_value()
    scheme, _, rest = options.url.partition("://")
    if scheme not in {"s3", "s3a"} or not (options.access_key_id and secret):
        return None
    if any("token" in name for name in options.config):  # a key that is valid for a session only
        return None
    bucket, _, folder = rest.partition("/")
    region = options.region or _DEFAULT_REGION
    endpoint = (options.link_endpoint or options.endpoint).rstrip("/")
    if options.path_style:
        base = f"{endpoint or f'https://s3.{region}.amazonaws.com'}/{bucket}"
    else:  # an endpoint has the name of the bucket already
        base = endpoint or f"https://{bucket}.s3.{region}.amazonaws.com"
    parts = urlsplit(base)
    path = quote(f"{parts.path}/{folder}".rstrip("/"), safe="/-_.~")
    return S3Links(
        f"{parts.scheme}://{parts.netloc}{path}",
        S3Keys(options.access_key_id, secret, region),
        now=now,
    )
