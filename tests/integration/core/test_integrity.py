"""Stored bytes are compared with their fingerprints: when, and with what result."""

import asyncio
import errno
import hashlib
import os
import random
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdfsluice.core.errors import Overloaded, StorageFailed, UploadIncomplete
from pdfsluice.core.models.sessions import Extent, SessionState
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stores import Blob, UploadStoreSpec
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.uploads.open_upload.integrity import IntegrityChecker
from pdfsluice.plugins.local_store.opening import open_store
from pdfsluice.plugins.local_store.store import LocalUploadStore
from tests.integration.core.test_completions import Doorkeeper
from tests.support.runtimes import Bytes, a_runtime, initiate, send, send_all
from tests.support.waiting import until

CHUNK = 256 * 1024
DATA = random.Random(1).randbytes(3 * CHUNK + 123)
DIGEST = hashlib.sha256(DATA).hexdigest()


def flip(folder: Path, offset: int) -> None:
    (path,) = (folder / "uploads").glob("**/*.part")
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0xFF]))


@pytest.mark.parametrize("announced", [None, DIGEST])
async def test_a_byte_that_flips_before_completion_never_becomes_a_document(
    tmp_path: Path, announced: str | None
) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, expected_digest=announced)
        await send_all(runtime, session, DATA)
        async with asyncio.timeout(30):
            await until(lambda: runtime.uploads.counters(session).validated >= len(DATA))
        flip(tmp_path, CHUNK + 7)
        with pytest.raises(UploadIncomplete) as caught:
            await runtime.uploads.complete(LOCAL, session.id)
        assert caught.value.details["missing_chunks"] == [1]
        current = await runtime.uploads.get(LOCAL, session.id)
        assert current.state is SessionState.UPLOADING
        await send(runtime, session, DATA, 1)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == DIGEST


async def test_a_byte_that_flips_while_the_file_is_judged_is_noticed(tmp_path: Path) -> None:
    door = Doorkeeper()
    async with a_runtime(tmp_path, door, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        completing = asyncio.create_task(runtime.uploads.complete(LOCAL, session.id))
        await door.arrived.wait()
        flip(tmp_path, 7)
        door.opened.set()
        with pytest.raises(UploadIncomplete):
            await completing
        await send(runtime, session, DATA, 0)
        done = await runtime.uploads.complete(LOCAL, session.id)
        _, opened = await runtime.library.open_file(LOCAL, done.document.id)
        async with opened as path:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == DIGEST


async def test_opening_reads_nothing_and_resuming_reads_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Extent] = []
    corrupt = IntegrityChecker.corrupt

    async def counted(
        checker: IntegrityChecker, blob: Blob, extents: Sequence[Extent]
    ) -> list[Extent]:
        reads.extend(extents)
        return await corrupt(checker, blob, extents)

    monkeypatch.setattr(IntegrityChecker, "corrupt", counted)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        for chunk_id in (0, 1):
            await send(runtime, session, DATA, chunk_id)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        await send(runtime, session, DATA, 2)
        assert not reads, "opening compares nothing"
        for _ in range(3):
            resumed = await runtime.uploads.resume(LOCAL, session.id, "")
            assert resumed.missing_chunks == [3]
            await runtime.uploads._open_uploads.close_idle(-1.0)
        assert len(reads) == 3, "each of the three ranges is read once in the process"


@dataclass(eq=False)
class LossyDisk:
    """A plugin whose store is the local one, on a disk that may lose what a sync was to write."""

    failures: list[OSError] = field(default_factory=list)

    @hookimpl
    def pdfsluice_register_upload_stores(self, context: PluginContext) -> list[UploadStoreSpec]:
        """Register it in place of the store ``local``."""

        def opened() -> AbstractAsyncContextManager[LocalUploadStore]:
            return open_store(
                upload_dir=context.upload_dir,
                data_dir=context.data_dir,
                power_safe=True,
                sync=self._sync,
            )

        return [UploadStoreSpec(name="local", open=opened)]

    def _sync(self, descriptor: int) -> None:
        if self.failures:
            raise self.failures.pop()
        os.fsync(descriptor)


async def test_a_blob_whose_sync_failed_is_not_used_again(tmp_path: Path) -> None:
    """The kernel reports a lost write once; no later sync may vouch for those bytes."""
    disk = LossyDisk()
    async with a_runtime(tmp_path, disk, chunk_size=CHUNK, durability="power") as runtime:
        session = await initiate(runtime, DATA)
        waiting = Bytes(DATA[CHUNK : 2 * CHUNK], holds_after=200_000)
        beside = asyncio.create_task(send(runtime, session, DATA, 1, waiting))
        await waiting.held.wait()
        disk.failures.append(OSError(errno.EIO, os.strerror(errno.EIO)))
        poisoned = runtime.uploads._open_uploads.peek(session.id)
        assert poisoned is not None
        with pytest.raises(StorageFailed):
            await send(runtime, session, DATA, 0)
        assert not disk.failures
        await send(runtime, session, DATA, 2)  # opens the blob again, which ends the other
        assert runtime.uploads._open_uploads.peek(session.id) is not poisoned
        with pytest.raises((StorageFailed, Overloaded)):
            await beside
        current = await runtime.uploads.get(LOCAL, session.id)
        assert current.committed.ranges == ((2 * CHUNK, 3 * CHUNK),)
        await send_all(runtime, session, DATA)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == DIGEST
