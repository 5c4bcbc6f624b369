"""An upload store that keeps bytes in a bucket of S3."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store
from pydantic import BaseModel, SecretStr

from pdfsluice.core import (
    NotFound,
    ObjectInfo,
    OptionsSpec,
    Overloaded,
    PluginContext,
    UploadStoreSpec,
    hookimpl,
    open_segmented_store,
)


class Options(BaseModel):
    bucket: str = ""
    endpoint: str | None = None
    key: str = ""
    secret: SecretStr = SecretStr("")


class Bucket:
    def __init__(self, options: Options) -> None:
        self.label = f"s3://{options.bucket}"
        self._bucket = S3Store(
            options.bucket,
            endpoint=options.endpoint,
            region="us-east-1",
            access_key_id=options.key,
            secret_access_key=options.secret.get_secret_value(),
            client_options={"allow_http": True},
        )

    def put(self, name: str, data: memoryview) -> None:
        with explained():
            obstore.put(self._bucket, name, data, use_multipart=False)

    def put_parts(self, name: str, parts: Iterator[bytes]) -> None:
        with explained():
            obstore.put(self._bucket, name, parts)

    def read_into(self, name: str, offset: int, buffer: memoryview) -> int:
        with explained():
            data = obstore.get_range(self._bucket, name, start=offset, length=len(buffer))
        buffer[: len(data)] = memoryview(data)
        return len(data)

    def size(self, name: str) -> int | None:
        try:
            with explained():
                return obstore.head(self._bucket, name)["size"]
        except NotFound:
            return None

    def copy(self, source: str, target: str) -> None:
        with explained():
            obstore.copy(self._bucket, source, target)

    def delete(self, names: Sequence[str]) -> None:
        with explained():
            obstore.delete(self._bucket, names)

    def list(self, folder: str) -> Iterable[ObjectInfo]:
        with explained():
            for item in (item for some in obstore.list(self._bucket, folder) for item in some):
                yield ObjectInfo(item["path"], item["size"], item["last_modified"])


@contextmanager
def explained() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("there is no such object") from None
    except BaseError as error:
        raise Overloaded("the bucket does not answer as it should", retry_after=5) from error


@hookimpl
def pdfsluice_register_options() -> Sequence[OptionsSpec]:
    return [OptionsSpec(name="acme_s3", model=Options)]


@hookimpl
def pdfsluice_register_upload_stores(context: PluginContext) -> Sequence[UploadStoreSpec]:
    options, folder = context.options("acme_s3", Options), context.upload_dir / "acme-s3"
    return [
        UploadStoreSpec(
            name="acme-s3",
            file_folders=(folder,),
            open=lambda: open_segmented_store(Bucket(options), folder),
        )
    ]
