"""Opens the store of the settings."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsluice.core import PluginError, SegmentedUploadStore, open_segmented_store

from .options import ObjectStoreOptions

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

    from .objects import ObstoreObjects

_SCHEMES = {"s3": "s3", "s3a": "s3", "az": "az", "azure": "az", "abfs": "az", "gs": "gs"}
_MAX_RETRIES = 5
_MAX_RETRY_TIME = timedelta(seconds=30)
_CONNECT_TIMEOUT = timedelta(seconds=5)


@asynccontextmanager
async def open_store(
    options: ObjectStoreOptions, folder: Path, min_free: int
) -> AsyncGenerator[SegmentedUploadStore]:
    """Open the upload store whose bytes are in an object store.

    Args:
        options: Which object store.
        folder: For local copies.
        min_free: Bytes of the local disk that stay free.

    Raises:
        PluginError: The settings do not name an object store.
        PdfsluiceError: It cannot be used.
    """
    objects = open_objects(options)
    async with open_segmented_store(
        objects, folder, cache_bytes=int(options.cache_bytes), min_free=min_free
    ) as store:
        yield store


def open_objects(options: ObjectStoreOptions) -> "ObstoreObjects":
    """Return the objects of the settings. No request is sent.

    Raises:
        PluginError: The settings do not name an object store.
    """
    from .links import LibraryLinks, s3_links  # noqa: PLC0415 - only an open store needs it
    from .objects import ObstoreObjects  # noqa: PLC0415 - as above

    links = s3_links(options)
    if links is not None:
        return ObstoreObjects(open_client(options), options.url, links)
    public = options.model_copy(update={"endpoint": options.link_endpoint or options.endpoint})
    return ObstoreObjects(open_client(options), options.url, LibraryLinks(open_client(public)))


def open_client(options: ObjectStoreOptions) -> "Client":
    """Return obstore's client for the settings. No request is sent.

    Raises:
        PluginError: The settings do not name an object store.
    """
    from obstore.store import from_url  # noqa: PLC0415 - only an open store needs it

    connect: Callable[..., Client] = from_url  # its types know the settings of each service apart
    config = client_config(options)
    try:
        return connect(
            options.url,
            config=config,
            client_options={
                "allow_http": options.endpoint.startswith("http:"),
                "timeout": timedelta(seconds=options.timeout_seconds),
                "connect_timeout": _CONNECT_TIMEOUT,
            },
            retry_config={"max_retries": _MAX_RETRIES, "retry_timeout": _MAX_RETRY_TIME},
        )
    except Exception as error:
        raise PluginError(
            f"the object store {options.url!r} cannot be opened: {str(error).splitlines()[0]}",
            hint="Check the section 'object_store' of the settings.",
        ) from error


def client_config(options: ObjectStoreOptions) -> dict[str, Any]:
    """Return the settings of obstore's client.

    Raises:
        PluginError: The URL names no known kind of store.
    """
    scheme = _SCHEMES.get(options.url.partition("://")[0])
    if scheme is None:
        raise PluginError(
            f"{options.url!r} is no address of an object store",
            hint="Set 'url' in the section 'object_store', such as s3://bucket/folder.",
        )
    secret = options.secret_access_key.get_secret_value()
    config: dict[str, Any] = {}
    if scheme == "s3":
        config["virtual_hosted_style_request"] = not options.path_style
        values = {
            "endpoint": options.endpoint,
            "region": options.region,
            "access_key_id": options.access_key_id,
            "secret_access_key": secret,
        }
    elif scheme == "az":
        values = {
            "endpoint": options.endpoint,
            "account_name": options.access_key_id,
            "account_key": secret,
        }
    else:
        values = {}
    return config | {key: value for key, value in values.items() if value} | options.config
