"""Children really try to escape; without a means of the kernel, tests skip."""

import asyncio
import errno
import os
import platform
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.plugins.ports.children import NO_ACCESS, ChildAccess
from pdfsluice.core.processes.child import Child, Limits, plain_environment, spawn
from pdfsluice.core.processes.confinement import (
    Protection,
    applying,
    hide_memory,
    landlock,
    reading_only,
    seccomp,
)
from pdfsluice.core.processes.probing import probe

SUPPORT = Path(__file__).parent.parent / "support"
ENVIRONMENT = {**plain_environment(), "PYTHONPATH": str(SUPPORT)}
REFUSED = {"EPERM", "EACCES"}

files = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
calls = pytest.mark.skipif(seccomp.architecture() is None, reason="no filter for this machine")


@asynccontextmanager
async def curious(
    folder: Path | None = None, access: ChildAccess = NO_ACCESS
) -> AsyncIterator[Child]:
    with reading_only(None if folder is None else [folder]):
        async with spawn(
            "curious_child",
            Limits(wall_seconds=60),
            access=access,
            environment=ENVIRONMENT,
        ) as child:
            yield child


async def tried(child: Child, **request: Any) -> str:
    error = (await child.ask(request))["failure"]
    assert isinstance(error, str)
    return error


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of files to work on, and one with secrets."""
    work, secret = tmp_path / "uploads", tmp_path / "secret"
    for folder in (work, secret):
        folder.mkdir()
        (folder / "file").write_text("content")
    return work, secret


@files
async def test_it_reads_its_files_and_no_others(folders: tuple[Path, Path]) -> None:
    work, secret = folders
    async with curious(work) as child:
        assert await tried(child, do="read", path=str(work / "file")) == ""
        for path in (secret / "file", secret, work.parent, Path.home(), Path("/tmp")):
            assert await tried(child, do="read", path=str(path)) == "EACCES", path
        link = work / "link"
        link.symlink_to(secret / "file")
        assert await tried(child, do="read", path=str(link)) == "EACCES"
        assert await tried(child, do="read", path=f"/proc/{os.getpid()}/environ") == "EACCES"


@files
async def test_it_changes_no_file(folders: tuple[Path, Path]) -> None:
    work, secret = folders
    async with curious(work) as child:
        for path in (work / "new", work / "file", secret / "new", secret / "file"):
            assert await tried(child, do="write", path=str(path)) == "EACCES", path
        assert await tried(child, do="remove", path=str(work / "file")) == "EACCES"
    assert (work / "file").read_text() == "content"


@files
async def test_without_known_folders_it_reads_what_the_user_can_and_writes_nothing(
    folders: tuple[Path, Path],
) -> None:
    _, secret = folders
    async with curious() as child:
        assert await tried(child, do="read", path=str(secret / "file")) == ""
        assert await tried(child, do="write", path=str(secret / "file")) == "EACCES"


@files
async def test_what_a_part_asks_for_is_granted(folders: tuple[Path, Path]) -> None:
    work, more = folders
    access = ChildAccess(readable=(str(more / "file"),), writable=(str(work),))
    async with curious(work, access) as child:
        assert await tried(child, do="read", path=str(more / "file")) == ""
        assert await tried(child, do="read", path=str(more)) == "EACCES"
        assert await tried(child, do="write", path=str(work / "new")) == ""
        assert await tried(child, do="write", path=str(more / "file")) == "EACCES"


@calls
async def test_it_reaches_no_other_machine(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with curious() as child:
            assert await tried(child, do="connect", port=port) == "EACCES"
            assert await tried(child, do="unix", path=str(tmp_path / "socket")) == "EACCES"
        async with curious(access=ChildAccess(network=True)) as child:
            assert await tried(child, do="connect", port=port) == ""


@calls
async def test_it_starts_no_program_and_touches_no_process() -> None:
    async with curious() as child:
        for deed in ("fork", "program", "replace_self"):
            assert await tried(child, do=deed) in REFUSED, deed
        for deed in ("kill", "lower_limit", "trace"):
            assert await tried(child, do=deed, pid=os.getpid()) in REFUSED, deed
            assert await tried(child, do=deed, pid=1) in REFUSED, deed
    async with curious(access=ChildAccess(programs=True)) as child:
        assert await tried(child, do="program") == ""


async def test_it_does_what_programs_do() -> None:
    async with curious() as child:
        assert await tried(child, do="thread") == ""
        assert await tried(child, do="signal_self") == ""


@files
@calls
async def test_what_holds_is_reported_by_a_child() -> None:
    protection = await probe()
    assert protection.complete
    assert f"Landlock ABI {protection.landlock}" in str(protection)


async def test_a_kernel_without_the_means_runs_children_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_option: int, _value: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(landlock, "abi", lambda: 0)
    monkeypatch.setattr(seccomp, "architecture", lambda: None)
    monkeypatch.setattr(applying, "prctl", refused)
    protection = applying.confine(NO_ACCESS, None)
    assert protection == Protection()
    assert not protection.complete
    assert str(protection) == "no Landlock, no seccomp filter, privileges not limited"


@pytest.mark.skipif(platform.system() != "Linux", reason="Linux only")
def test_the_server_hides_its_memory() -> None:
    code = (
        "import os; from pdfsluice.core.processes.confinement import hide_memory;"
        "assert hide_memory(); print(os.stat('/proc/self/environ').st_uid, os.geteuid())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    owner, user = map(int, done.stdout.split())
    assert owner == 0 or user != owner
    assert callable(hide_memory)


async def test_every_kind_of_child_is_confined(tmp_path: Path) -> None:
    """Whatever starts a child in this project starts it through the same function."""
    root = Path(__file__).parents[2]
    starters = [
        path
        for folder in ("core", "plugins", "server")
        for path in (root / folder).rglob("*.py")
        if "create_subprocess" in path.read_text(encoding="utf-8")
    ]
    assert starters == [root / "core" / "processes" / "child.py"]
    await asyncio.sleep(0)
