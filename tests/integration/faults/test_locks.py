"""Another process holds the database: requests that write wait, others run."""

import sqlite3
import threading
import uuid
from contextlib import closing

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.tus import Tus
from tests.conformance.wire import Server
from tests.support.servers import Serve
from tests.support.stored import documents_of, get_json


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=100_000)


@pytest.mark.long
def test_a_locked_database_does_not_freeze_the_server(serve: Serve, pdf: bytes) -> None:
    """One thread that waits must not keep the event loop from other requests."""
    running = serve()
    tus = Tus(Server(running.base_url), "/files")
    url = tus.create(pdf)
    statuses: list[int] = []
    writing = threading.Thread(target=lambda: statuses.append(tus.patch(url, 0, pdf).status))
    with closing(sqlite3.connect(running.data_dir / "state" / "pdfsluice.db")) as database:
        database.isolation_level = None
        database.execute("BEGIN IMMEDIATE")
        writing.start()
        for _ in range(8):  # done long before the writer's patience of 10 s is at its end
            assert get_json(f"{running.base_url}/health/live") == {"status": "alive"}
            assert tus.offset(url) == 0
            assert tus.request("HEAD", tus.unknown_url).status == 404
        assert statuses == []
        database.execute("ROLLBACK")
    writing.join(60)
    assert statuses == [204]
    assert len(documents_of(running.base_url, pdf)) == 1
