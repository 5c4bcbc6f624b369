"""Runtimes with stage processes, and a plugin that obeys its files."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pdfsluice import config
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.runtime.runtime import LOCAL, Runtime, open_runtime
from pdfsluice.core.scanning.pool import PoolLimits
from tests.support.runtimes import send
from tests.support.waiting import until

SUPPORT = Path(__file__).parent
CHUNK = 256 * 1024
PLUGINS = ("local_store", "sql", "checksum", "digest", "saboteur")


def write_distribution(site: Path, name: str) -> None:
    """Make a module of ``tests/support`` a plugin that is installed in a folder."""
    about = site / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (site / f"{name}.py").symlink_to(SUPPORT / f"{name}.py")
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[pdfsluice]\n{name} = {name}\n")


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the saboteur, for this process and its children."""
    site = tmp_path / "site"
    write_distribution(site, "saboteur")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))


@asynccontextmanager
async def saboteur_runtime(
    folder: Path,
    *,
    marks_name: str = "marks",
    limits: PoolLimits | None = None,
    module: str = "pdfsluice.core.scanning.worker_main",
    **settings: Any,
) -> AsyncIterator[Runtime]:
    """Open a runtime; opening it again is a restart."""
    marks = folder / marks_name
    marks.mkdir(exist_ok=True)
    installed = PluginManager.load().plugins
    manager = PluginManager.load_only([info for info in installed if info.name in PLUGINS])
    loaded = config.load(
        sections={spec.name: spec.model for _, spec in manager.options()},
        environment={"PDFSLUICE_PLUGINS__SABOTEUR__FOLDER": str(marks)},
        command_line={
            "data_dir": folder / "data",
            "index": "",
            "policy": "strict",
            "stage_processes": 1,
            "chunk_size": CHUNK,
        }
        | settings,
    )
    async with open_runtime(loaded, manager, stage_limits=limits, stage_module=module) as runtime:
        yield runtime


def file(word: str, chunks: int = 3) -> bytes:
    """Return a file that has a word at the start of its second chunk."""
    command = f"@@{word} ".encode()
    data = bytearray(random.Random(1).randbytes(chunks * CHUNK))
    data[CHUNK : CHUNK + len(command)] = command
    return bytes(data)


async def complete(runtime: Runtime, session: Session) -> dict[str, Any]:
    """Complete an upload; return what the stages know."""
    done = await runtime.uploads.complete(LOCAL, session.id)
    return dict(done.session.facts)


async def pieces(runtime: Runtime, session: Session, data: bytes) -> None:
    """Send chunk by chunk, each when the stages have seen the one before it."""
    for chunk in range(session.total_chunks or 0):
        await send(runtime, session, data, chunk)
        await looked_at(runtime, session, (chunk + 1) * CHUNK)


async def looked_at(runtime: Runtime, session: Session, size: int) -> None:
    """Wait until the stages have seen so many bytes."""
    await until(lambda: runtime.uploads.counters(session).validated >= size, interval=0.001)


async def marked(tmp_path: Path) -> None:
    """Wait until a stage has come to the word in its file."""
    await until((tmp_path / "marks" / "mark").exists)


async def failure(runtime: Runtime, session: Session) -> tuple[str, str]:
    """Wait until an upload has failed; return its code and message."""

    async def failed() -> Session | None:
        stored = await runtime.uploads.get(LOCAL, session.id)
        return stored if stored.failure_code else None

    stored = await until(failed)
    assert stored is not None
    assert stored.state is SessionState.FAILED
    return stored.failure_code, stored.failure_message


async def again_and_again(runtime: Runtime, session: Session, data: bytes) -> None:
    """Send the second chunk until it is refused."""
    for _ in range(1000):
        await send(runtime, session, data, 1)
        await asyncio.sleep(0.01)


def children() -> set[int]:
    """Return the stage processes of this process."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = entry.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            command = entry.joinpath("cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid() and b"worker_main" in command:
            found.add(int(entry.name))
    return found
