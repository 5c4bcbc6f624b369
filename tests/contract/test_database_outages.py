"""A database is locked or unreachable: callers get the error after one attempt."""

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, event, make_url, text

from pdfsluice.core.errors import Overloaded, StorageFailed
from pdfsluice.plugins.sql.engine import Engines, open_engines
from pdfsluice.plugins.sql.writer import Writer

TIMEOUT_SECONDS = 60


def engines(directory: Path, url: str = "") -> Engines:
    return open_engines(url, state_dir=directory, durability="process")


async def answers(writer: Writer, count: int) -> list[int | BaseException]:
    """Request several writes at the same time; return the result of each."""

    def operation(connection: Connection) -> int:
        return int(connection.execute(text("SELECT 1")).scalar_one())

    async with asyncio.timeout(TIMEOUT_SECONDS):
        asked = (writer.begin(operation) for _ in range(count))
        return await asyncio.gather(*asked, return_exceptions=True)


@contextmanager
def counted_failures(engine: Engine) -> Iterator[list[object]]:
    """Note each time that the database refuses to begin a transaction."""
    seen: list[object] = []

    def note(context: object) -> None:
        seen.append(context)

    event.listen(engine, "handle_error", note)
    yield seen
    event.remove(engine, "handle_error", note)


async def test_a_lock_is_waited_for_once_by_all(tmp_path: Path) -> None:
    opened = engines(tmp_path)
    writer = Writer(opened)
    await writer.begin(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 10"))
    with (
        closing(sqlite3.connect(tmp_path / "pdfsluice.db", isolation_level=None)) as other,
        counted_failures(opened.write) as failures,
    ):
        other.execute("BEGIN IMMEDIATE")
        outcomes = await answers(writer, 20)
        assert [type(outcome) for outcome in outcomes] == [Overloaded] * 20
        assert len(failures) == 1
    assert await answers(writer, 2) == [1, 1]
    await writer.close()
    opened.dispose()


@contextmanager
def silent_peer() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that hangs: it accepts connections and never answers."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        yield listener.getsockname()[1], taken
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(TIMEOUT_SECONDS)
    for connection in taken:
        connection.close()


async def test_a_silent_host_is_given_up_once_for_all(tmp_path: Path) -> None:
    with silent_peer() as (port, taken):
        opened = engines(tmp_path, f"postgresql://alice@127.0.0.1:{port}/nothing")
        writer = Writer(opened)
        outcomes = await answers(writer, 20)
        assert [type(outcome) for outcome in outcomes] == [StorageFailed] * 20
        assert len(taken) == 1
        await writer.close()
        opened.dispose()


async def test_a_connection_that_breaks_is_not_tried_for_each(
    tmp_path: Path, empty_postgresql: str
) -> None:
    opened = engines(tmp_path, empty_postgresql)
    writer = Writer(opened)
    runs: list[int] = []

    def broken(connection: Connection) -> None:
        runs.append(len(runs))
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    outcomes = await asyncio.gather(
        answers(writer, 3), writer.begin(broken), answers(writer, 3), return_exceptions=True
    )
    assert isinstance(outcomes[1], StorageFailed)
    assert len(runs) == 1
    assert await answers(writer, 2) == [1, 1]
    await writer.close()
    opened.dispose()


def parameters(opened: Engines) -> dict[str, str]:
    """Return with what the driver connected."""
    with opened.write.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        given: dict[str, str] = driver.info.get_parameters()
    opened.dispose()
    return given


def test_a_host_that_vanished_is_noticed_unless_the_url_opts_out(
    tmp_path: Path, empty_postgresql: str
) -> None:
    given = parameters(engines(tmp_path, empty_postgresql))
    assert (given["connect_timeout"], given["tcp_user_timeout"]) == ("5", "15000")
    own = make_url(empty_postgresql).update_query_dict({"connect_timeout": "60"})
    given = parameters(engines(tmp_path, own.render_as_string(hide_password=False)))
    assert (given["connect_timeout"], given["tcp_user_timeout"]) == ("60", "15000")
