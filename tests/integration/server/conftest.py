"""Fixtures: a server in this process, for each test its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.web import WebServer, a_server


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server without keys; a file with the word FORBIDDEN in it is refused."""
    async with a_server(tmp_path) as running:
        yield running
