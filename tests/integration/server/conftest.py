"""Fixtures: a server in this process, for each test its own or shared by a module."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.web import WebServer, a_server


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server without keys; a file with the word FORBIDDEN in it is refused."""
    async with a_server(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebServer]:
    async with a_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def shared_web(_running: WebServer) -> AsyncIterator[WebServer]:
    """The same server for a module with one event loop; each test begins without documents.

    Starting one takes longer than what most tests do.
    """
    yield _running
    await _running.delete_documents()
