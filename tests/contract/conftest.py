"""Databases to test stores against: SQLite always, PostgreSQL where its programs are."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

_DEBIAN = "/usr/lib/postgresql/*/bin"


def _programs() -> Path | None:
    for directory in sorted(Path("/").glob(_DEBIAN.lstrip("/")), reverse=True):
        if (directory / "initdb").is_file():
            return directory
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, on a socket in a directory of its own."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed")
    directory = Path(tempfile.mkdtemp(prefix="pdfsluice-pg-"))
    user: dict[str, str] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(directory, account.pw_uid, account.pw_gid)
        user = {"user": "postgres", "group": str(account.pw_gid)}
    data = directory / "data"

    def run(*command: str) -> None:
        subprocess.run(
            [str(programs / command[0]), *command[1:]],
            check=True,
            cwd=directory,
            user=user.get("user"),
            group=int(user["group"]) if user else None,
            extra_groups=[] if user else None,
            capture_output=True,
        )

    run("initdb", "-D", str(data), "-A", "trust", "-U", "pdfsluice", "--no-sync", "-E", "UTF8")
    options = f"-k {directory} -c listen_addresses='' -c fsync=off -c shared_buffers=16MB"
    run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(directory / "log"), "start")
    try:
        yield f"postgresql://pdfsluice@/postgres?host={directory}"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def empty_postgresql(postgresql: str) -> str:
    """The server's URL, with nothing left of an earlier test."""
    engine = create_engine(postgresql.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgresql
