"""The local store on disks that lose bytes, and what it makes durable."""

import errno
import os
from pathlib import Path
from threading import Event, Thread

import pytest

from pdfsluice.core.directories import DurableDirectories
from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.testing.contracts.upload_store_basics import (
    ANY_AGE,
    content_of,
    read,
    stored,
    write,
)
from pdfsluice.plugins.local_store.blob import LocalBlob, Sync
from pdfsluice.plugins.local_store.files import NEW_FILE
from pdfsluice.plugins.local_store.ledger import Ledger
from pdfsluice.plugins.local_store.opening import open_store
from pdfsluice.plugins.local_store.store import LocalUploadStore


def power_safe_blob(folder: Path, sync: Sync) -> LocalBlob:
    path = folder / "blob"
    ledger = Ledger(folder, max_bytes=None, min_free=0)
    return LocalBlob("a", path, os.open(path, NEW_FILE), ledger, power_safe=True, sync=sync)


async def test_a_lost_sync_poisons_the_blob_and_its_bytes_are_written_again(tmp_path: Path) -> None:
    """The system reports lost bytes once; a later sync succeeds and proves nothing."""
    failures: list[OSError] = []

    def sync(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        os.fsync(descriptor)

    async with open_store(
        upload_dir=tmp_path / "up", data_dir=tmp_path / "data", power_safe=True, sync=sync
    ) as store:
        blob_id = await stored(store, b"acknowledged, and lost")
        blob = await store.open(blob_id, ())
        write(blob, 0, b"A")
        failures.append(OSError(errno.EIO, os.strerror(errno.EIO)))
        with pytest.raises(StorageFailed):
            blob.seal(0, 0)
        for refused in (lambda: blob.seal(0, 0), lambda: write(blob, 9, b"x")):
            with pytest.raises(StorageFailed):
                refused()
        assert read(blob, 0, 5) == b"Ackno"
        blob.close()
        before = (tmp_path / "up" / f"{blob_id}.part").stat().st_ino
        again = await store.open(blob_id, ())
        assert (tmp_path / "up" / f"{blob_id}.part").stat().st_ino != before
        write(again, 0, b"B")
        again.seal(0, 0)
        again.close()
        assert await content_of(store, blob_id) == b"Bcknowledged, and lost"


def test_each_caller_learns_of_a_lost_sync(tmp_path: Path) -> None:
    """The kernel reports it to one of the parallel chunks; none may be acknowledged."""
    syncs: list[int] = []
    inside, second = Event(), Event()

    def fail_once(descriptor: int) -> None:
        syncs.append(descriptor)
        if len(syncs) == 1:
            inside.set()
            second.wait(10)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    blob = power_safe_blob(tmp_path, fail_once)
    outcomes: list[bool] = []

    def chunk(offset: int) -> None:
        write(blob, offset, b"x")
        try:
            blob.seal(0, 0)
        except StorageFailed:
            outcomes.append(False)
        else:
            outcomes.append(True)

    first = Thread(target=chunk, args=(0,))
    first.start()
    assert inside.wait(10)
    others = [Thread(target=chunk, args=(offset,)) for offset in range(1, 5)]
    for thread in others:
        thread.start()
    second.set()
    for thread in (first, *others):
        thread.join()
    assert outcomes == [False] * 5
    blob.close()


def test_one_sync_serves_all_earlier_writers(tmp_path: Path) -> None:
    syncs: list[int] = []
    blob = power_safe_blob(tmp_path, syncs.append)
    for offset in range(3):
        write(blob, offset, b"x")
    for _ in range(3):
        blob.seal(0, 0)
    write(blob, 9, b"x")
    blob.seal(0, 0)
    assert len(syncs) == 2
    blob.close()


@pytest.mark.parametrize("power_safe", [True, False])
async def test_bytes_in_a_deleted_file_are_not_acknowledged(
    tmp_path: Path, power_safe: bool
) -> None:
    async with open_store(
        upload_dir=tmp_path / "up", data_dir=tmp_path / "data", power_safe=power_safe
    ) as store:
        blob = await store.open(await stored(store, b"abc"), ())
        (tmp_path / "up").rename(tmp_path / "gone")
        write(blob, 0, b"x")
        with pytest.raises(StorageFailed, match="deleted"):
            blob.seal(0, 0)
        (tmp_path / "up").mkdir()
        (tmp_path / "up" / blob.local_path.name).touch()  # type: ignore[union-attr]
        with pytest.raises(StorageFailed, match="deleted"):
            blob.seal(0, 0)
        blob.close()


async def test_what_a_crashed_copy_left_is_swept_at_the_start(tmp_path: Path) -> None:
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        document = await stored(store, b"abc")
        await store.publish(document, (), None)
    left = (
        tmp_path / "up" / ".x.part.copying",
        tmp_path / "data" / "quarantine" / ".x.quarantined.copying",
        tmp_path / "data" / "documents" / document[:2] / ".x.pdf.copying",
    )
    for path in left:
        path.write_text("half")
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        assert not [path for path in left if path.exists()]
        assert await content_of(store, document) == b"abc"


def test_a_directory_is_durable_for_each_thread_that_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It exists before its name: until then no thread must publish a file in it."""
    directories, folder = DurableDirectories(), tmp_path / "documents" / "0f"
    inside, proceed = Event(), Event()
    durable: list[bool] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        inside.set()
        proceed.wait(10)
        real(descriptor)
        durable.append(True)

    def make() -> None:
        directories.make(folder)
        returned.append(list(durable))

    returned: list[list[bool]] = []
    folder.parent.mkdir()
    monkeypatch.setattr(os, "fsync", sync)
    threads = [Thread(target=make) for _ in range(2)]
    threads[0].start()
    assert inside.wait(10)
    assert folder.is_dir()
    threads[1].start()
    threads[1].join(0.2)
    proceed.set()
    for thread in threads:
        thread.join()
    assert all(returned)


def test_a_directory_whose_sync_failed_is_synced_by_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directories, folder = DurableDirectories(), tmp_path / "0f"

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output"):
            directories.make(folder)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    directories.make(folder)
    assert folder.is_dir()
    assert synced
    synced.clear()
    directories.make(folder)
    assert not synced


async def test_a_document_with_two_names_is_not_deleted_with_the_old_one(tmp_path: Path) -> None:
    """A cut within a rename may leave both; a rename of one to the other does nothing."""
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        blob_id = await stored(store, b"abc")
        partial = tmp_path / "up" / f"{blob_id}.part"
        document = tmp_path / "data" / "documents" / blob_id[:2] / f"{blob_id}.pdf"
        document.parent.mkdir()
        document.hardlink_to(partial)
        await store.publish(blob_id, (), None)
        assert await store.orphans(ANY_AGE) == []
        partial.hardlink_to(document)
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        assert await store.orphans(ANY_AGE) == []
        assert (await store.usage()).partial_count == 0
        assert await content_of(store, blob_id) == b"abc"


async def test_a_deletion_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        await check_deletions(store, tmp_path / "data", monkeypatch)


async def check_deletions(
    store: LocalUploadStore, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, quarantined = [await stored(store, b"abc") for _ in range(2)]
    await store.publish(document, (), None)
    await store.quarantine(quarantined)
    synced: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        real(descriptor)
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", sync)
    await store.remove(document)
    await store.remove(quarantined)
    assert synced == [str(data / "documents" / document[:2]), str(data / "quarantine")]


async def test_the_first_start_makes_the_names_of_its_folders_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        real(descriptor)
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", sync)
    async with open_store(upload_dir=tmp_path / "new" / "up", data_dir=tmp_path / "new" / "data"):
        assert {str(tmp_path), str(tmp_path / "new"), str(tmp_path / "new" / "data")} <= set(synced)


async def test_names_that_a_killed_run_left_are_synced_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "documents" / "ab").mkdir(parents=True)
    (tmp_path / "up").mkdir()
    synced: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        real(descriptor)
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", sync)
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data"):
        assert {str(tmp_path / "data" / "documents"), str(tmp_path / "up")} <= set(synced)


async def test_a_restart_does_not_forget_a_failed_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system holds bytes that it counts as written, and the disk lacks them."""
    real = os.fsync
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        blob_id = await stored(store, b"abc")
        gone = await stored(store, b"removed")
        partial = tmp_path / "up" / f"{blob_id}.part"

        def fail(descriptor: int) -> None:
            if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".part":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            for each in (blob_id, gone):
                with pytest.raises(StorageFailed):
                    await store.publish(each, (), None)
        (tmp_path / "up" / f"{gone}.part").unlink()
        before = partial.stat().st_ino
    async with open_store(upload_dir=tmp_path / "up", data_dir=tmp_path / "data") as store:
        assert not (tmp_path / "up" / f"{gone}.unsynced").exists()
        await store.publish(blob_id, (), None)
        document = tmp_path / "data" / "documents" / blob_id[:2] / f"{blob_id}.pdf"
        assert document.stat().st_ino != before, "written again, into a new file"
        assert document.read_bytes() == b"abc"
        assert not list((tmp_path / "up").glob("*.unsynced"))
