"""The disk model itself: what is synced survives a cut, and nothing else has to."""

import errno
import stat

import pytest

from .disk import ROOT, Disk, DiskError, Fault, Inode

FILE = stat.S_IFREG | 0o600
FOLDER = stat.S_IFDIR | 0o700


def written(disk: Disk, name: bytes, data: bytes) -> Inode:
    inode = disk.make(ROOT, name, FILE)
    disk.write(inode.number, 0, data)
    return inode


def after_a_cut(disk: Disk, seed: int | None = None) -> Disk:
    disk.cut(seed)
    return Disk.of_image(disk.image())


def test_a_name_and_its_bytes_are_durable_by_syncs_of_their_own() -> None:
    disk = Disk()
    both, only_bytes, only_name = (written(disk, name, b"data") for name in (b"a", b"b", b"c"))
    disk.sync(both.number)
    disk.sync(only_bytes.number)
    names = disk.inode(ROOT).names
    del names[b"b"]
    disk.sync(ROOT)
    names[b"b"] = only_bytes.number
    del only_name
    found = after_a_cut(disk)
    assert set(found.inode(ROOT).names) == {b"a", b"c"}
    assert bytes(found.child(ROOT, b"a").live) == b"data"
    assert bytes(found.child(ROOT, b"c").live) == b"", "a name without its bytes"


def test_a_rename_and_a_removal_are_undone_unless_their_directory_is_synced() -> None:
    disk = Disk()
    for name in (b"a", b"b"):
        disk.sync(written(disk, name, name).number)
    disk.sync(ROOT)
    disk.rename(ROOT, b"a", ROOT, b"new")
    disk.remove(ROOT, b"b")
    assert set(after_a_cut(disk).inode(ROOT).names) == {b"a", b"b"}


def test_a_rename_never_loses_the_file() -> None:
    """The old name is gone only if the new one is durable; a cut may leave both."""
    outcomes = set()
    for seed in range(40):
        for synced in (None, "old", "new"):
            disk = Disk()
            folders = {name: disk.make(ROOT, name, FOLDER).number for name in (b"old", b"new")}
            inode = disk.make(folders[b"old"], b"a", FILE)
            for number in (ROOT, *folders.values()):
                disk.sync(number)
            disk.rename(folders[b"old"], b"a", folders[b"new"], b"b")
            if synced:
                disk.sync(folders[synced.encode()])
            after = after_a_cut(disk, seed)
            found = tuple(
                set(after.child(ROOT, name).names.values()) == {inode.number}
                for name in (b"old", b"new")
            )
            assert any(found)
            outcomes.add((synced, found))
    assert {found for synced, found in outcomes if synced is None} == {
        (True, False),
        (True, True),
        (False, True),
    }
    assert all(found[1] for synced, found in outcomes if synced == "new")


def test_a_renamed_file_is_at_its_new_name_alone_if_both_directories_are_synced() -> None:
    for order in ((0, 1), (1, 0)):
        disk = Disk()
        folders = [disk.make(ROOT, name, FOLDER).number for name in (b"old", b"new")]
        disk.make(folders[0], b"a", FILE)
        for number in (ROOT, *folders):
            disk.sync(number)
        disk.rename(folders[0], b"a", folders[1], b"b")
        for index in order:
            disk.sync(folders[index])
        after = after_a_cut(disk)
        assert not after.inode(folders[0]).names
        assert set(after.inode(folders[1]).names) == {b"b"}


def test_a_random_cut_keeps_a_part_of_what_is_not_synced() -> None:
    sizes = set()
    for seed in range(30):
        disk = Disk()
        inode = written(disk, b"a", bytes(range(1, 256)) * 200)
        disk.sync(ROOT)
        found = after_a_cut(disk, seed).child(ROOT, b"a")
        assert len(found.live) <= len(inode.live)
        sizes.add(bytes(found.live).count(0))
    assert len(sizes) > 3


def test_a_failed_sync_loses_bytes_and_is_reported_once() -> None:
    """As Linux does: the pages count as clean from then on, and were never written."""
    disk = Disk()
    inode = written(disk, b"a", b"lost")
    disk.sync(ROOT)
    disk.faults.append(Fault(pattern="fsync"))
    with pytest.raises(DiskError) as caught:
        disk.begin("fsync", inode.number, changing=True)
    assert caught.value.errno == errno.EIO
    disk.begin("fsync", inode.number, changing=True)
    disk.sync(inode.number)
    assert bytes(inode.live) == b"lost"
    assert bytes(after_a_cut(disk).child(ROOT, b"a").live) == b""


def test_the_power_is_cut_after_so_many_calls() -> None:
    disk = Disk()
    disk.cut_after = 2
    for _ in range(2):
        disk.begin("write", ROOT, changing=True)
    with pytest.raises(DiskError):
        disk.begin("write", ROOT, changing=True)
    with pytest.raises(DiskError):
        disk.begin("getattr", ROOT)
