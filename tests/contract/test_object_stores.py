"""Upload stores of objects keep their contract, in memory and in S3."""

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest

pytest.importorskip("obstore", reason="the extra 'cloud' is not installed")

from pdfsluice.core import (
    ObjectStore,
    SegmentedUploadStore,
    open_segmented_store,
)
from pdfsluice.core.segments.identity import read_identity
from pdfsluice.core.testing import MemoryObjectStore
from pdfsluice.core.testing.contracts import (
    DerivingStoreContract,
    ObjectStoreContract,
    SegmentedUploadStoreContract,
)
from pdfsluice.core.testing.contracts.reopening import Reopen
from pdfsluice.plugins.object_store.opening import open_store
from pdfsluice.plugins.object_store.options import ObjectStoreOptions
from tests.support.object_stores import KEY, SECRET, S3Server, s3_objects

EXAMPLE = Path(__file__).parents[1] / "third_party" / "acme-s3"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server.running() as server:
        yield server


class TestMemoryObjects(ObjectStoreContract):
    @pytest.fixture
    def objects(self) -> ObjectStore:
        return MemoryObjectStore()


class TestS3Objects(ObjectStoreContract):
    @pytest.fixture
    def url(self, s3: S3Server) -> str:
        return f"s3://{s3.bucket}/{uuid4()}"

    @pytest.fixture
    def objects(self, s3: S3Server, url: str) -> ObjectStore:
        return s3_objects(s3, url)

    @pytest.fixture
    def another(self, s3: S3Server, url: str) -> ObjectStore:
        return s3_objects(s3, url)


class TestExampleObjects(ObjectStoreContract):
    """The store of the example distribution."""

    @pytest.fixture
    def bucket(self, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ObjectStore]:
        monkeypatch.syspath_prepend(EXAMPLE)
        module = import_module("acme_s3")
        options = module.Options(bucket=s3.bucket, endpoint=s3.endpoint, key=KEY, secret=SECRET)
        return partial(module.Bucket, options)

    @pytest.fixture
    def objects(self, bucket: Callable[[], ObjectStore]) -> ObjectStore:
        return bucket()

    @pytest.fixture
    def another(self, bucket: Callable[[], ObjectStore]) -> ObjectStore:
        return bucket()


class TestSegmentsInMemory(SegmentedUploadStoreContract, DerivingStoreContract):
    @pytest.fixture
    def objects(self) -> MemoryObjectStore:
        return MemoryObjectStore()

    @pytest.fixture
    def reopen(self, tmp_path: Path, objects: MemoryObjectStore) -> Reopen[SegmentedUploadStore]:
        return partial(open_segmented_store, objects, tmp_path / "one")

    @pytest.fixture
    async def store(
        self, reopen: Reopen[SegmentedUploadStore]
    ) -> AsyncIterator[SegmentedUploadStore]:
        async with reopen() as store:
            yield store

    @pytest.fixture
    async def other(
        self, tmp_path: Path, objects: MemoryObjectStore
    ) -> AsyncIterator[SegmentedUploadStore]:
        async with open_segmented_store(objects, tmp_path / "two") as store:
            yield store


class TestSegmentsInS3(SegmentedUploadStoreContract, DerivingStoreContract):
    @pytest.fixture
    def options(self, s3: S3Server) -> ObjectStoreOptions:
        return s3.options(f"s3://{s3.bucket}/{uuid4()}")

    @pytest.fixture
    def reopen(self, tmp_path: Path, options: ObjectStoreOptions) -> Reopen[SegmentedUploadStore]:
        return partial(open_store, options, tmp_path / "one", 0)

    @pytest.fixture
    async def store(
        self, reopen: Reopen[SegmentedUploadStore]
    ) -> AsyncIterator[SegmentedUploadStore]:
        async with reopen() as store:
            yield store

    @pytest.fixture
    async def other(
        self, tmp_path: Path, options: ObjectStoreOptions
    ) -> AsyncIterator[SegmentedUploadStore]:
        async with open_store(options, tmp_path / "two", 0) as store:
            yield store


def test_new_servers_agree_on_the_identity_of_a_new_store(s3: S3Server) -> None:
    """All of them start at the same moment; of their identities the first is kept."""
    url = f"s3://{s3.bucket}/{uuid4().hex}"
    with ThreadPoolExecutor(8) as threads:
        identities = set(threads.map(lambda _: read_identity(s3_objects(s3, url)), range(8)))
    assert len(identities) == 1
