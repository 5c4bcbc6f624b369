"""A disk, memory or descriptor that fails is 503 or 507 and passes."""

import errno
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
from sqlalchemy.exc import DBAPIError

from pdfsluice.core.models.sessions import Scope
from tests.support.keys import add_key
from tests.support.runtimes import STORES
from tests.support.servers import Serve
from tests.support.waiting import until
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of

DATA = b"%PDF-1.7 " + bytes(1000)


def raising(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    return fail


async def test_keys_on_a_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = add_key(tmp_path, "ann", [Scope.READ])
    failure = DBAPIError("SELECT", (), sqlite3.OperationalError("disk I/O error"))
    async with a_server(tmp_path) as web:

        async def status() -> int:
            async with web.http.get("/api/documents", headers=key) as response:
                if response.status != 200:
                    await problem_of(response, 503, "storage-failed")
                return response.status

        monkeypatch.setattr("pdfsluice.plugins.sql.keys._STATE.run", raising(failure))

        async def fails() -> bool:
            return await status() == 503

        await until(fails)  # what was read before counts for a second
        monkeypatch.undo()
        assert await status() == 200


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("psutil.disk_usage", OSError(errno.EIO, "Input/output error"), "storage-failed"),
        ("psutil.Process.memory_info", OSError(errno.EIO, "Input/output error"), "overloaded"),
        ("psutil.Process.memory_info", psutil.AccessDenied(), "overloaded"),
    ],
)
async def test_a_gate_that_cannot_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, code: str
) -> None:
    async with a_server(
        tmp_path, built_in=(*STORES, "backpressure"), memory_limit_mb=100_000
    ) as web:
        session = await web.initiate(DATA)
        url = f"{STREAMING}/chunk/{session['session_id']}?chunk_id=0"
        monkeypatch.setattr(name, raising(error))
        async with web.http.put(url, data=DATA) as response:
            await problem_of(response, 503, code)
        async with web.http.get("/health") as response:
            assert response.status == 200
        async with web.http.get("/health/ready") as response:
            assert response.status == 503
        monkeypatch.undo()
        async with web.http.put(url, data=DATA) as response:
            assert response.status == 200


async def test_a_failure_of_the_system_that_no_part_expects(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, status, code in (
        (OSError(errno.EIO, "x"), 503, "storage-failed"),
        (OSError(errno.EROFS, "x"), 503, "storage-failed"),
        (OSError(errno.ENOSPC, "x"), 507, "storage-full"),
        (OSError(errno.EMFILE, "x"), 503, "overloaded"),
        (MemoryError(), 503, "overloaded"),
        (RuntimeError("can't start new thread"), 503, "overloaded"),
        (RuntimeError("a defect"), 500, "internal-error"),
        (FileNotFoundError(errno.ENOENT, "a defect"), 500, "internal-error"),
    ):

        async def fail(error: Exception = error) -> NoReturn:
            raise error

        monkeypatch.setattr(web.runtime.uploads, "stats", fail)
        async with web.http.get(f"{STREAMING}/memory-stats") as response:
            await problem_of(response, status, code)


async def test_a_full_disk_of_the_stores_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs

    def full(path: Any) -> os.statvfs_result:
        found = real(path)
        if Path(path) != tmp_path / "other-disk":
            return found
        return os.statvfs_result((*found[:3], 0, 0, *found[5:]))

    async with a_server(tmp_path, state_dir=tmp_path / "other-disk") as web:
        monkeypatch.setattr(os, "statvfs", full)
        async with web.http.get("/health/ready") as response:
            assert response.status == 503
            checks = (await body_of(response))["checks"]
    assert checks["stores"] == "no space is left for sessions and documents"


async def test_probes_share_one_query(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    real, queries = web.runtime.uploads.stats, 0

    async def counted() -> Any:
        nonlocal queries
        queries += 1
        return await real()

    monkeypatch.setattr(web.runtime.uploads, "stats", counted)
    for _ in range(10):
        for path in ("/health", "/health/ready"):
            async with web.http.get(path) as response:
                assert response.status == 200
    assert queries <= 3


@pytest.mark.long
def test_what_the_server_creates_is_its_own(serve: Serve) -> None:
    server = serve()
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    assert server.data_dir / "server.lock" in files
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
