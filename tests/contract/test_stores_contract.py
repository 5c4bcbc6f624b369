"""The built-in stores and the doubles keep the contracts they are published with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore, UploadStore
from pdfsluice.core.testing import MemoryCatalogue, MemorySessionStore, MemoryUploadStore
from pdfsluice.core.testing.contracts import (
    CatalogueContract,
    SessionStoreContract,
    UploadStoreContract,
)
from pdfsluice.plugins.local_store.store import open_store
from tests.support.databases import sql_context, sql_stores


class TestMemoryUploads(UploadStoreContract):
    @pytest.fixture
    def store(self) -> UploadStore:
        return MemoryUploadStore()


class TestLocalUploads(UploadStoreContract):
    @pytest.fixture(params=["process", "power"])
    async def store(
        self, tmp_path: Path, request: pytest.FixtureRequest
    ) -> AsyncIterator[UploadStore]:
        async with open_store(
            upload_dir=tmp_path / "uploads",
            data_dir=tmp_path / "data",
            power_safe=request.param == "power",
        ) as store:
            yield store


class TestMemorySessions(SessionStoreContract):
    @pytest.fixture
    def store(self) -> SessionStore:
        return MemorySessionStore()


class TestSqliteSessions(SessionStoreContract):
    @pytest.fixture(params=["process", "power"])
    async def store(
        self, tmp_path: Path, request: pytest.FixtureRequest
    ) -> AsyncIterator[SessionStore]:
        async with sql_stores(sql_context(tmp_path, durability=request.param)) as (sessions, _):
            yield sessions


class TestPostgresqlSessions(SessionStoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path, empty_postgresql: str) -> AsyncIterator[SessionStore]:
        async with sql_stores(sql_context(tmp_path, url=empty_postgresql)) as (sessions, _):
            yield sessions


class TestMemoryCatalogue(CatalogueContract):
    @pytest.fixture
    def catalogue(self) -> Catalogue:
        return MemoryCatalogue()


class TestSqliteCatalogue(CatalogueContract):
    @pytest.fixture
    async def catalogue(self, tmp_path: Path) -> AsyncIterator[Catalogue]:
        async with sql_stores(sql_context(tmp_path)) as (_, catalogue):
            yield catalogue


class TestPostgresqlCatalogue(CatalogueContract):
    @pytest.fixture
    async def catalogue(self, tmp_path: Path, empty_postgresql: str) -> AsyncIterator[Catalogue]:
        async with sql_stores(sql_context(tmp_path, url=empty_postgresql)) as (_, catalogue):
            yield catalogue
