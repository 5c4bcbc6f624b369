"""Stores that clients reach keep their contract, in memory and in real services."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

pytest.importorskip("obstore", reason="the extra 'cloud' is not installed")

from pdfsluice.core import LinkedFile, SegmentedUploadStore, Ticket, open_segmented_store
from pdfsluice.core.testing.contracts import LinkSignerContract, ReachableStoreContract
from pdfsluice.core.testing.contracts.upload_store_basics import publish, stored_blob
from pdfsluice.plugins.object_store.opening import open_store
from pdfsluice.plugins.object_store.options import ObjectStoreOptions
from tests.support.azurite import AzuriteServer
from tests.support.direct_bucket import DirectBucket
from tests.support.object_stores import S3Server, SwiftServer


class TestMemory(ReachableStoreContract):
    @pytest.fixture
    def bucket(self) -> DirectBucket:
        return DirectBucket()

    @pytest.fixture
    async def store(
        self, bucket: DirectBucket, tmp_path: Path
    ) -> AsyncIterator[SegmentedUploadStore]:
        async with open_segmented_store(bucket, tmp_path) as store:
            yield store

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return ["it has none"]

    @pytest.fixture
    def send(self, bucket: DirectBucket) -> Callable[[Ticket, bytes], Awaitable[int]]:
        async def sent(ticket: Ticket, data: bytes) -> int:
            return bucket.send(ticket, data)

        return sent


class InService(ReachableStoreContract):
    """For a fixture ``options``."""

    @pytest.fixture
    async def store(
        self, options: ObjectStoreOptions, tmp_path: Path
    ) -> AsyncIterator[SegmentedUploadStore]:
        async with open_store(options, tmp_path, 0) as store:
            yield store

    @pytest.fixture
    def secrets(self, options: ObjectStoreOptions) -> Sequence[str]:
        return [options.secret_access_key.get_secret_value()]


class LinksOfService(LinkSignerContract):
    """For a fixture ``options``."""

    @pytest.fixture
    async def signer(
        self, options: ObjectStoreOptions, tmp_path: Path
    ) -> AsyncIterator[SegmentedUploadStore]:
        async with open_store(options, tmp_path, 0) as store:
            yield store

    @pytest.fixture
    def secrets(self, options: ObjectStoreOptions) -> Sequence[str]:
        return [options.secret_access_key.get_secret_value()]

    @pytest.fixture
    async def file(self, signer: SegmentedUploadStore) -> LinkedFile:
        document = await stored_blob(signer, self.content)
        await publish(signer, document)
        return replace(self.example(), blob_id=document.id)

    @pytest.fixture
    def fetch(self) -> Callable[[str], Awaitable[tuple[int, bytes]]]:
        async def fetched(url: str) -> tuple[int, bytes]:
            async with aiohttp.ClientSession() as http, http.get(url) as answer:
                return answer.status, await answer.read()

        return fetched


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with S3Server.running() as server:
        yield server


class TestMoto(InService):
    test_a_ticket_ends = None  # type: ignore[assignment] # moto looks at no signature

    @pytest.fixture
    def options(self, moto: S3Server) -> ObjectStoreOptions:
        return moto.options(f"s3://{moto.bucket}/{uuid4()}")


@pytest.fixture(scope="module")
def swift_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwiftServer]:
    pytest.importorskip("swift", reason="the development packages are not installed")
    with SwiftServer.running(tmp_path_factory.mktemp("reachable") / "swift") as server:
        yield server


@pytest.fixture
def swift_options(swift_server: SwiftServer) -> ObjectStoreOptions:
    return swift_server.options(f"s3://{swift_server.bucket}/{uuid4()}")


@pytest.mark.long
class TestSwift(InService):
    @pytest.fixture
    def options(self, swift_options: ObjectStoreOptions) -> ObjectStoreOptions:
        return swift_options


@pytest.mark.long
class TestLinksOfSwift(LinksOfService):
    @pytest.fixture
    def options(self, swift_options: ObjectStoreOptions) -> ObjectStoreOptions:
        return swift_options


@pytest.fixture(scope="module")
def azurite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteServer]:
    with AzuriteServer.running(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture
def azurite_options(azurite_server: AzuriteServer) -> ObjectStoreOptions:
    return azurite_server.options(str(uuid4()))


@pytest.mark.nightly
class TestAzurite(InService):
    @pytest.fixture
    def options(self, azurite_options: ObjectStoreOptions) -> ObjectStoreOptions:
        return azurite_options


@pytest.mark.nightly
class TestLinksOfAzurite(LinksOfService):
    @pytest.fixture
    def options(self, azurite_options: ObjectStoreOptions) -> ObjectStoreOptions:
        return azurite_options
