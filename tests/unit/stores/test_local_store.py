"""The local store: reservations, full disks, file systems, crashes in a move."""

import asyncio
import errno
import os
import stat
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import pytest

from pdfsluice.core.directories import free_bytes
from pdfsluice.core.errors import NotFound, StorageFailed, StorageFull
from pdfsluice.core.testing.contracts.upload_store_basics import (
    ANY_AGE,
    content_of,
    read,
    stored,
    write,
)
from pdfsluice.plugins.local_store import files
from pdfsluice.plugins.local_store.blob import LocalBlob
from pdfsluice.plugins.local_store.files import NEW_FILE
from pdfsluice.plugins.local_store.ledger import Ledger
from pdfsluice.plugins.local_store.opening import open_store
from pdfsluice.plugins.local_store.store import LocalUploadStore

MIB = 1024 * 1024


def opened(
    directory: Path, *, max_bytes: int | None = None, min_free: int = 0
) -> AbstractAsyncContextManager[LocalUploadStore]:
    return open_store(
        upload_dir=directory / "up",
        data_dir=directory / "data",
        max_bytes=max_bytes,
        min_free=min_free,
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalUploadStore]:
    async with opened(tmp_path) as store:
        yield store


async def test_other_users_cannot_read_the_files(store: LocalUploadStore, tmp_path: Path) -> None:
    partial, published, quarantined = [await stored(store, b"abc") for _ in range(3)]
    await store.publish(published, (), None)
    await store.quarantine(quarantined)
    assert partial
    for path in tmp_path.rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


async def test_documents_lie_where_they_are_documented(
    store: LocalUploadStore, tmp_path: Path
) -> None:
    blob_id = await stored(store, b"abc")
    assert (tmp_path / "up" / f"{blob_id}.part").is_file()
    await store.publish(blob_id, (), None)
    assert (tmp_path / "data" / "documents" / blob_id[:2] / f"{blob_id}.pdf").is_file()


async def test_announced_sizes_are_reserved(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=1000) as store:
        first = str(uuid4())
        (await store.create(first, 600)).close()
        assert (await store.usage()).available_bytes == 400
        with pytest.raises(StorageFull) as caught:
            await store.create(str(uuid4()), 401)
        assert caught.value.details == {"wanted_bytes": 401, "available_bytes": 400}
        (await store.create(str(uuid4()), 400)).close()
        await store.remove(first)
        assert (await store.usage()).available_bytes == 600
        assert len(await store.orphans(ANY_AGE)) == 1


async def test_reservations_are_found_again_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=10 * MIB) as store:
        blob_id = str(uuid4())
        blob = await store.create(blob_id, 4 * MIB)
        write(blob, 0, bytes(MIB))
        blob.close()
    (tmp_path / "up" / "strange.part").write_text("not ours")
    async with opened(tmp_path, max_bytes=10 * MIB) as store:
        usage = await store.usage()
        assert (usage.partial_count, usage.available_bytes) == (1, 6 * MIB)
        assert usage.partial_bytes >= MIB
        assert list(await store.orphans(ANY_AGE)) == [blob_id]


async def test_a_blob_of_unknown_size_stays_within_the_quota(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=1000) as store:
        (await store.create(str(uuid4()), 500)).close()
        blob_id = str(uuid4())
        blob = await store.create(blob_id, None)
        write(blob, 0, bytes(500))
        with pytest.raises(StorageFull):
            write(blob, 500, b"x")
        write(blob, 0, bytes(500))
        assert read(blob, 0, 1000) == bytes(500)
        blob.close()


async def test_free_space_is_kept_for_others(tmp_path: Path) -> None:
    free = free_bytes(tmp_path)
    async with opened(tmp_path, min_free=free // 2) as store:
        with pytest.raises(StorageFull):
            await store.create(str(uuid4()), free - free // 4)
        (await store.create(str(uuid4()), free // 4)).close()
        with pytest.raises(StorageFull):
            await store.create(str(uuid4()), free // 3)


async def test_bytes_that_come_again_and_again_are_counted_once(tmp_path: Path) -> None:
    async with opened(tmp_path, max_bytes=100 * MIB) as store:
        blob_id = str(uuid4())
        blob = await store.create(blob_id, 50 * MIB)
        for _ in range(60):  # a chunk whose connection breaks off each time
            write(blob, MIB, bytes(MIB))
        write(blob, MIB // 2, bytes(MIB))
        blob.close()
        assert (await store.usage()).partial_bytes == 3 * MIB // 2
    async with opened(tmp_path, max_bytes=100 * MIB) as store:
        before = (await store.usage()).partial_bytes
        blob = await store.open(blob_id, ())
        for _ in range(60):
            write(blob, 2 * MIB, bytes(MIB))
        blob.close()
        assert (await store.usage()).partial_bytes == before + MIB


def test_what_is_written_is_no_longer_promised(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, max_bytes=None, min_free=0)
    ledger.reserve("a", 100, also_in=tmp_path)
    ledger.wrote("a", 0, 60)
    ledger.wrote("a", 40, 120)
    assert ledger.written == 120, "it grew beyond what was announced"
    ledger.forget("a")
    ledger.forget("a")
    ledger.wrote("a", 0, 10)
    assert (ledger.count, ledger.written) == (0, 0)


def test_what_stays_free_is_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, max_bytes=None, min_free=2**50)
    with pytest.raises(StorageFull) as caught:
        ledger.reserve("a", 100, also_in=tmp_path)
    assert caught.value.hint.endswith("1073741824 MiB of its disk stay free (min_free_space).")


async def test_a_full_disk_keeps_what_was_written(small_disk: Path) -> None:
    async with opened(small_disk) as store:
        with pytest.raises(StorageFull):
            await store.create(str(uuid4()), 3 * MIB)
        blob_id = str(uuid4())
        blob = await store.create(blob_id, 1_500_000)
        write(blob, 0, b"a" * 1_000_000)
        (small_disk / "other").write_bytes(bytes(free_bytes(small_disk) - 4096))
        with pytest.raises(StorageFull) as caught:
            write(blob, 1_000_000, b"b" * 500_000)
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ENOSPC
        assert read(blob, 0, 1_000_000) == b"a" * 1_000_000
        (small_disk / "other").unlink()
        write(blob, 1_000_000, b"b" * 500_000)
        blob.close()
        await store.publish(blob_id, (), None)
        assert await content_of(store, blob_id) == b"a" * 1_000_000 + b"b" * 500_000


async def test_a_read_only_disk_is_no_room(small_disk: Path) -> None:
    async with opened(small_disk) as store:
        blob_id = await stored(store, b"abc")
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        try:
            with pytest.raises(StorageFull):
                await store.create(str(uuid4()), 1)
            with pytest.raises(StorageFull):
                await store.publish(blob_id, (), None)
            assert await content_of(store, blob_id) == b"abc"
        finally:
            subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        await store.publish(blob_id, (), None)


async def test_documents_may_lie_on_another_file_system(small_disk: Path, tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"
    async with open_store(upload_dir=uploads, data_dir=small_disk) as store:
        content = os.urandom(MIB)
        blob_id = await stored(store, content)
        assert uploads.stat().st_dev != small_disk.stat().st_dev
        stale = small_disk / "documents" / blob_id[:2] / f".{blob_id}.pdf.copying"
        stale.parent.mkdir()
        stale.write_text("of a copy that a crash ended")
        await store.publish(blob_id, (), None)
        await store.publish(blob_id, (), None)
        assert await content_of(store, blob_id) == content
        assert [path for path in tmp_path.rglob(f"*{blob_id}*") if path.is_file()] == [
            small_disk / "documents" / blob_id[:2] / f"{blob_id}.pdf"
        ]
        with pytest.raises(StorageFull):
            await store.create(str(uuid4()), 2 * MIB)
        bad = await stored(store, content[:1000])
        await store.quarantine(bad)
        await store.restore(bad)
        assert await content_of(store, bad) == content[:1000]


async def test_a_crash_between_copy_and_deletion_is_made_good(
    small_disk: Path, tmp_path: Path
) -> None:
    async with open_store(upload_dir=tmp_path / "uploads", data_dir=small_disk) as store:
        blob_id = await stored(store, b"content")
        document = small_disk / "documents" / blob_id[:2] / f"{blob_id}.pdf"
        document.parent.mkdir()
        document.write_bytes(b"content")
        await store.publish(blob_id, (), None)
        assert list(await store.orphans(ANY_AGE)) == []
        assert await content_of(store, blob_id) == b"content"


async def test_a_repeated_move_makes_up_for_the_sync_that_failed(
    store: LocalUploadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob_id = await stored(store, b"abc")
    target = tmp_path / "data" / "documents" / blob_id[:2]
    target.mkdir()
    synced: list[str] = []
    broken = True
    real = os.fsync

    def sync(descriptor: int) -> None:  # a disk that fails on demand needs a kernel module
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if broken and path == target:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)
        synced.append(str(path))

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(StorageFailed):
        await store.publish(blob_id, (), None)
    assert synced == [str(target.parent), str(tmp_path / "up" / f"{blob_id}.part")]
    assert await store.orphans(ANY_AGE) == [], "it was renamed, which a power cut may undo"
    broken = False
    await store.publish(blob_id, (), None)
    copy = str(target / f".{blob_id}.pdf.copying")
    assert synced[2:] == [copy, str(target), str(target), str(tmp_path / "up")]


@pytest.mark.parametrize("code", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_the_kernels_help_files_are_copied_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    content = os.urandom(3 * MIB + 17)
    (tmp_path / "source").write_bytes(content)
    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = os.open(tmp_path / "target", files.NEW_FILE, 0o600)
    os.write(target, b"before")
    files.append(target, source)
    os.close(source)
    os.close(target)
    assert (tmp_path / "target").read_bytes() == b"before" + content


async def test_links_are_not_followed(store: LocalUploadStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    blob_id = str(uuid4())
    (tmp_path / "up" / f"{blob_id}.part").symlink_to(secret)
    with pytest.raises(StorageFailed):
        await store.open(blob_id, ())
    with pytest.raises(StorageFailed):
        await store.publish(blob_id, (), None)
    with pytest.raises(NotFound):
        await content_of(store, blob_id)
    assert secret.read_text() == "secret"


async def test_an_io_error_is_reported_as_such(
    store: LocalUploadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = await store.open(await stored(store, b"abc"), ())

    def fail(*_: object) -> int:  # a disk that fails on demand needs a kernel module
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", fail)
    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(StorageFailed):
        write(blob, 0, b"x")
    with pytest.raises(StorageFailed):
        read(blob, 0, 1)
    blob.close()


async def test_short_writes_continue(
    store: LocalUploadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob_id = str(uuid4())
    blob = await store.create(blob_id, 100)
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: whole(fd, data[:7], at))
    write(blob, 0, bytes(range(100)))
    blob.close()
    assert await content_of(store, blob_id) == bytes(range(100))


@pytest.mark.parametrize(("power_safe", "syncs"), [(True, 1), (False, 0)])
async def test_sync_does_what_the_setting_promises(
    tmp_path: Path, power_safe: bool, syncs: int
) -> None:
    synced: list[int] = []
    path = tmp_path / "blob"
    ledger = Ledger(tmp_path, max_bytes=None, min_free=0)
    descriptor = os.open(path, NEW_FILE)
    blob = LocalBlob("a", path, descriptor, ledger, power_safe=power_safe, sync=synced.append)
    blob.seal(0, 0)
    blob.close()
    assert len(synced) == syncs


def test_a_descriptor_stays_open_while_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "blob"
    ledger = Ledger(tmp_path, max_bytes=None, min_free=0)
    blob = LocalBlob("a", path, os.open(path, NEW_FILE), ledger, power_safe=False)
    inside, go_on = Event(), Event()
    real = os.pwrite

    def slow(descriptor: int, data: memoryview, offset: int) -> int:
        inside.set()
        go_on.wait(10)
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)
    writer = Thread(target=write, args=(blob, 0, b"late"))
    writer.start()
    assert inside.wait(10)
    blob.close()
    with pytest.raises(StorageFailed):
        write(blob, 0, b"x")
    go_on.set()
    writer.join()
    assert path.read_bytes() == b"late"


async def test_a_failed_join_leaves_the_parts(
    store: LocalUploadStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, first, second = [await stored(store, data) for data in (b"old", b"ab", b"cd")]

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pdfsluice.plugins.local_store.files.append", fail)
    with pytest.raises(StorageFull):
        await store.concatenate(whole, [first, second])
    assert [await content_of(store, blob) for blob in (whole, first, second)] == [
        b"old", b"ab", b"cd",
    ]  # fmt: skip
    assert len(list((tmp_path / "up").glob("*part*"))) == 3


async def test_many_uploads_are_made_at_a_time(store: LocalUploadStore) -> None:
    blob_ids = await asyncio.gather(*(stored(store, bytes(100)) for _ in range(50)))
    assert (await store.usage()).partial_bytes == 5000
    await asyncio.gather(*(store.publish(blob_id, (), None) for blob_id in blob_ids))
    assert (await store.usage()).partial_bytes == 0


async def test_what_a_crash_left_half_done_goes_with_the_upload(
    store: LocalUploadStore, tmp_path: Path
) -> None:
    blob_id = await stored(store, b"abc")
    half = (
        tmp_path / "up" / f".{blob_id}.part.copying",
        tmp_path / "data" / "quarantine" / f".{blob_id}.quarantined.copying",
        tmp_path / "data" / "documents" / blob_id[:2] / f".{blob_id}.pdf.copying",
    )
    half[-1].parent.mkdir()
    for path in half:
        path.touch()
    await store.remove(blob_id)
    assert not [path for path in tmp_path.rglob(f"*{blob_id}*") if path.is_file()]
