"""The built-in stores and the doubles keep the contracts they are published with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore, UploadStore
from pdfsluice.core.testing import MemoryCatalogue, MemorySessionStore, MemoryUploadStore
from pdfsluice.core.testing.contracts import (
    CatalogueContract,
    SessionStoreContract,
    UploadStoreContract,
)
from pdfsluice.core.testing.contracts.reopening import Reopen
from pdfsluice.plugins.local_store.opening import open_store
from tests.support.databases import sql_context, sql_stores


@asynccontextmanager
async def sql_sessions(context: PluginContext) -> AsyncIterator[SessionStore]:
    async with sql_stores(context) as (sessions, _):
        yield sessions


@asynccontextmanager
async def sql_catalogue(context: PluginContext) -> AsyncIterator[Catalogue]:
    async with sql_stores(context) as (_, catalogue):
        yield catalogue


class TestMemoryUploads(UploadStoreContract):
    @pytest.fixture
    def store(self) -> UploadStore:
        return MemoryUploadStore()


class TestLocalUploads(UploadStoreContract):
    @pytest.fixture(params=["process", "power"])
    def reopen(self, tmp_path: Path, request: pytest.FixtureRequest) -> Reopen[UploadStore]:
        return partial(
            open_store,
            upload_dir=tmp_path / "uploads",
            data_dir=tmp_path / "data",
            power_safe=request.param == "power",
        )

    @pytest.fixture
    async def store(self, reopen: Reopen[UploadStore]) -> AsyncIterator[UploadStore]:
        async with reopen() as store:
            yield store


class TestMemorySessions(SessionStoreContract):
    @pytest.fixture
    def store(self) -> SessionStore:
        return MemorySessionStore()


class TestSqliteSessions(SessionStoreContract):
    @pytest.fixture(params=["process", "power"])
    def reopen(self, tmp_path: Path, request: pytest.FixtureRequest) -> Reopen[SessionStore]:
        return partial(sql_sessions, sql_context(tmp_path, durability=request.param))

    @pytest.fixture
    async def store(self, reopen: Reopen[SessionStore]) -> AsyncIterator[SessionStore]:
        async with reopen() as store:
            yield store


@pytest.mark.long
class TestPostgresqlSessions(SessionStoreContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path, cleared_postgresql: str) -> Reopen[SessionStore]:
        return partial(sql_sessions, sql_context(tmp_path, url=cleared_postgresql))

    @pytest.fixture
    async def store(self, reopen: Reopen[SessionStore]) -> AsyncIterator[SessionStore]:
        async with reopen() as store:
            yield store


class TestMemoryCatalogue(CatalogueContract):
    @pytest.fixture
    def catalogue(self) -> Catalogue:
        return MemoryCatalogue()


class TestSqliteCatalogue(CatalogueContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen[Catalogue]:
        return partial(sql_catalogue, sql_context(tmp_path))

    @pytest.fixture
    async def catalogue(self, reopen: Reopen[Catalogue]) -> AsyncIterator[Catalogue]:
        async with reopen() as catalogue:
            yield catalogue


@pytest.mark.long
class TestPostgresqlCatalogue(CatalogueContract):
    @pytest.fixture
    def reopen(self, tmp_path: Path, cleared_postgresql: str) -> Reopen[Catalogue]:
        return partial(sql_catalogue, sql_context(tmp_path, url=cleared_postgresql))

    @pytest.fixture
    async def catalogue(self, reopen: Reopen[Catalogue]) -> AsyncIterator[Catalogue]:
        async with reopen() as catalogue:
            yield catalogue
