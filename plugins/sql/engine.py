"""Engines for SQLite and PostgreSQL, set up for the durability setting."""

import logging
import os
import select
import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from pdfsluice.core import PluginError, StorageFailed
from pdfsluice.core.directories import make_directory

from .errors import DAMAGED_HINT, RETRY_SECONDS, explained, is_read_error, located, unreadable

logger = logging.getLogger(__name__)

_MAX_CHECKED_BYTES = 1 << 30
_CHECKPOINT_PAGES = 4000  # 16 MiB: fewer, longer syncs than SQLite's own 1000
_BUSY_TIMEOUT_SECONDS = 10
READERS = 4
_HOST_TIMEOUTS: Mapping[str, str] = {
    "connect_timeout": "5",  # seconds
    "tcp_user_timeout": "15000",  # milliseconds without a confirmation of what was sent
    "keepalives_idle": "5",  # seconds without an answer before the first probe
    "keepalives_interval": "5",
}
"""When a connection to a lost host is dropped; libpq alone waits for minutes or hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Two ways to the same database.

    Attributes:
        write: For transactions that write: one connection, and one for heartbeats in PostgreSQL.
        read: For single statements, which see what is committed and never wait.
        location: The database, for people; without a password.
        power_safe: Whether every commit survives a power cut; if not, only those within
            :meth:`syncing` do.
        keeps_connections: Whether writer and readers may keep theirs when they have done their
            work. A server may close one that is idle, and the pool then replaces it.
        commits_alone: Whether a single statement needs no transaction around it. To PostgreSQL
            its beginning and its end are two journeys.
    """

    write: Engine
    read: Engine
    location: str
    power_safe: bool = True
    keeps_connections: bool = False
    commits_alone: bool = False

    @contextmanager
    def syncing(self, connection: Connection) -> Generator[None]:
        """Make the transactions within survive a power cut: one sync of SQLite's log each.

        Args:
            connection: The writer's, outside of a transaction, in which SQLite ignores the
                change of ``synchronous``.
        """
        if self.power_safe:
            yield
            return
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA synchronous = FULL")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):  # it then syncs more than it has to
                driver.execute("PRAGMA synchronous = NORMAL")

    def dispose(self) -> None:
        """Close all connections; the writer's last, so that SQLite checkpoints its log."""
        self.read.dispose()
        self.write.dispose()


def open_engines(
    url: str, *, state_dir: Path, durability: str, check: bool = True, pooled: bool = False
) -> Engines:
    """Prepare the database of a URL.

    Args:
        url: SQLAlchemy URL; empty for ``pdfsluice.db`` in ``state_dir``.
        state_dir: Created if it is missing.
        durability: ``"process"`` or ``"power"``: what a committed transaction survives.
        check: Whether an SQLite file is checked that was not closed; other processes may use it.
        pooled: Whether a pooler in transaction mode is in front of PostgreSQL. It gives each
            transaction another connection, so that no statement is prepared.

    Raises:
        PluginError: The URL is not one of SQLite or PostgreSQL.
        StorageFailed: The SQLite file cannot be made or is damaged.
    """
    parsed = _parse(url) if url else URL.create("sqlite", database=str(state_dir / "pdfsluice.db"))
    location = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed.set(drivername="postgresql+psycopg"), location, pooled=pooled)
    path = Path(parsed.database or "").absolute()
    _prepare_file(path)
    return _sqlite(
        parsed.set(drivername="sqlite+pysqlite", database=str(path)), path, durability, check=check
    )


def _parse(url: str) -> URL:
    hint = "Use postgresql://user:password@host/name, sqlite:////path/to/file, or nothing."
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise PluginError("The setting 'database.url' is not a URL.", hint=hint) from None
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise PluginError(f"The setting 'database.url' asks for {backend!r}.", hint=hint)
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise PluginError("The setting 'database.url' names no SQLite file.", hint=hint)
    return parsed


def with_timeouts(url: URL) -> URL:
    """Return a URL with limits for lost hosts; its own values stay."""
    return url.set(query={**_HOST_TIMEOUTS, **url.query})


def _postgresql(url: URL, location: str, *, pooled: bool) -> Engines:
    url = with_timeouts(url)
    # The connection used last has prepared the statements, and its process their tables.
    options: dict[str, Any] = {"pool_use_lifo": True}
    if pooled:
        options["connect_args"] = {"prepare_threshold": None}
    try:
        write = create_engine(url, pool_size=2, max_overflow=0, **options)
        read = create_engine(url, pool_size=READERS, isolation_level="AUTOCOMMIT", **options)
    except ModuleNotFoundError as error:
        raise PluginError(
            f"PostgreSQL needs the package {error.name!r}.",
            hint="Install it with: pip install 'pdfsluice[postgres]'",
        ) from error
    for engine in (write, read):
        _replace_closed(engine)
    return Engines(write=write, read=read, location=location, commits_alone=True)


def _replace_closed(engine: Engine) -> None:
    """Replace connections that the server has closed since their last use.

    A pre-ping would be one more transaction for each use.
    """

    @event.listens_for(engine, "checkin")
    def _note_use(_connection: Any, record: Any) -> None:
        record.info["used"] = True

    @event.listens_for(engine, "checkout")
    def _check_used(connection: Any, record: Any, _proxy: Any) -> None:
        if "used" in record.info and _is_closed(connection):
            raise DisconnectionError("The server has closed the connection.")


def _is_closed(connection: Any) -> bool:
    """Return whether there is something to read from an idle connection, as its end."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _sqlite(url: URL, path: Path, durability: str, *, check: bool) -> Engines:
    unclean = check and path.with_name(path.name + "-wal").exists()
    options: dict[str, Any] = {
        "connect_args": {"isolation_level": None, "timeout": _BUSY_TIMEOUT_SECONDS}
    }
    write = create_engine(url, pool_size=1, max_overflow=0, **options)
    read = create_engine(url, pool_size=READERS, **options)
    power_safe = durability == "power"
    synchronous = "FULL" if power_safe else "NORMAL"

    @event.listens_for(write, "connect")
    def _set_up_writer(connection: SqliteConnection, _record: Any) -> None:
        _use_log(connection)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")

    @event.listens_for(read, "connect")
    def _set_up_reader(connection: SqliteConnection, _record: Any) -> None:
        connection.execute("PRAGMA query_only = ON")

    @event.listens_for(write, "begin")
    def _begin(connection: Any) -> None:
        _begin_immediate(connection)

    engines = Engines(
        write=write, read=read, location=str(path), power_safe=power_safe, keeps_connections=True
    )
    try:
        if unclean:
            _check(engines, path)
    except BaseException:
        engines.dispose()
        raise
    return engines


def _use_log(connection: SqliteConnection) -> None:
    """Begin a write-ahead log; SQLite does not wait for others that begin it."""
    give_up_at = time.monotonic() + _BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not is_busy or time.monotonic() >= give_up_at:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


def _begin_immediate(connection: Connection) -> None:
    """Begin a transaction that waits for the lock now, and not in the middle."""
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.Error:  # SQLAlchemy gives it its meaning, and takes longer
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_file(path: Path) -> None:
    try:
        make_directory(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # SQLite syncs the directory for its log only
        finally:
            os.close(directory)
    except OSError as error:
        raise StorageFailed(
            f"The database file {path} cannot be opened for writing: {error.strerror}.",
            hint="Run this as the user of the server, which owns its data directory, or set"
            " STREAMING_STATE_DIR to another one.",
        ) from error


def _check(engines: Engines, path: Path) -> None:
    """Check a database whose last server did not stop by itself.

    SQLite undoes torn writes; this finds damage by a disk or another program. Serving from a
    damaged database could lose what was acknowledged.

    Raises:
        StorageFailed: It is damaged, or the disk failed a read.
    """
    size = path.stat().st_size
    if size > _MAX_CHECKED_BYTES:
        logger.warning("%s ended uncleanly and is too large for a check at start-up", path)
        return
    began = time.monotonic()
    location = engines.location
    with located(location), explained(location), engines.write.connect() as connection:
        verdict = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if is_read_error(verdict):
        raise unreadable(engines.location, verdict)
    if verdict != "ok":
        raise StorageFailed(f"The database {path} is damaged: {verdict}.", hint=DAMAGED_HINT)
    logger.info("%s ended uncleanly; checked in %.1f s", path, time.monotonic() - began)
