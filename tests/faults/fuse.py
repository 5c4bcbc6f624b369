"""Serves a forgetting disk through ``/dev/fuse``, in the kernel's protocol.

Run as a process: ``python -m tests.faults.fuse MOUNTPOINT IMAGE``. It reads commands, one JSON
object in a line, from its standard input, and answers each with one.
"""

import ctypes
import errno
import json
import os
import select
import stat
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .disk import PAGE, ROOT, Disk, DiskError, Fault, Inode

_IN = struct.Struct("<IIQQIIII")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
_MAX_WRITE = 128 * 1024
_VALID_SECONDS = 1
_SIZE, _MODE = 1 << 3, 1 << 0  # FATTR_*
_NO_REPLY = frozenset({2, 36, 42})  # FORGET, INTERRUPT, BATCH_FORGET
_MS_NOSUID, _MS_NODEV, _MNT_DETACH = 2, 4, 2
_libc = ctypes.CDLL(None, use_errno=True)


class Server:
    """Answers the kernel's requests from a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._calls: dict[int, Callable[[int, bytes], bytes]] = {
            1: self._lookup,
            3: self._getattr,
            4: self._setattr,
            9: self._mkdir,
            10: self._unlink,
            11: self._unlink,
            12: self._rename,
            14: self._open,
            15: self._read,
            16: self._write,
            17: self._statfs,
            18: self._release,
            20: self._fsync,
            25: lambda _number, _body: b"",  # FLUSH: closing makes nothing durable
            26: self._init,
            27: self._open_directory,
            28: self._readdir,
            29: lambda _number, _body: b"",  # RELEASEDIR
            30: self._fsync,
            35: self._create,
            45: self._rename2,
        }

    def answer(self, request: bytes) -> bytes | None:
        """Return the reply to one request, if it takes one."""
        _, opcode, unique, number, *_ = _IN.unpack_from(request)
        if opcode in _NO_REPLY:
            return None
        body, error = b"", 0
        try:
            body = self._calls.get(opcode, _unknown)(number, request[_IN.size :])
        except DiskError as failure:
            error = -(failure.errno or errno.EIO)
        return _OUT.pack(_OUT.size + len(body), error, unique) + body

    def _init(self, _number: int, _body: bytes) -> bytes:
        big_writes, atomic_truncate = 1 << 5, 1 << 3
        return struct.pack(
            "<IIIIHHIIHHIIIIII", 7, 31, 65536, big_writes | atomic_truncate, 12, 9, _MAX_WRITE, 1,
            _MAX_WRITE // PAGE, 0, 0, 0, 0, 0, 0, 0,
        )  # fmt: skip

    def _lookup(self, parent: int, body: bytes) -> bytes:
        name = body.rstrip(b"\0")
        self._disk.begin("lookup", parent, name)
        return self._entry(self._disk.child(parent, name))

    def _getattr(self, number: int, _body: bytes) -> bytes:
        self._disk.begin("getattr", number)
        inode = self._disk.inode(number)
        return struct.pack("<QII", _VALID_SECONDS, 0, 0) + _attributes(inode)

    def _setattr(self, number: int, body: bytes) -> bytes:
        valid, _, _, size = struct.unpack_from("<IIQQ", body)
        mode = struct.unpack_from("<I", body, 68)[0]
        if valid & _SIZE:
            self._disk.begin("truncate", number, changing=True)
            self._disk.truncate(number, size)
        inode = self._disk.inode(number)
        if valid & _MODE:
            inode.mode = stat.S_IFMT(inode.mode) | stat.S_IMODE(mode)
        return struct.pack("<QII", _VALID_SECONDS, 0, 0) + _attributes(inode)

    def _mkdir(self, parent: int, body: bytes) -> bytes:
        mode = struct.unpack_from("<I", body)[0]
        name = body[8:].rstrip(b"\0")
        self._disk.begin("mkdir", parent, name, changing=True)
        return self._entry(self._disk.make(parent, name, stat.S_IFDIR | stat.S_IMODE(mode)))

    def _create(self, parent: int, body: bytes) -> bytes:
        flags, mode = struct.unpack_from("<II", body)
        name = body[16:].rstrip(b"\0")
        self._disk.begin("create", parent, name, changing=True)
        inode = self._disk.make(parent, name, stat.S_IFREG | stat.S_IMODE(mode))
        inode.opened += 1
        del flags
        return self._entry(inode) + struct.pack("<QII", inode.number, 0, 0)

    def _unlink(self, parent: int, body: bytes) -> bytes:
        name = body.rstrip(b"\0")
        self._disk.begin("unlink", parent, name, changing=True)
        self._disk.remove(parent, name)
        return b""

    def _rename(self, parent: int, body: bytes) -> bytes:
        return self._moved(parent, struct.unpack_from("<Q", body)[0], body[8:])

    def _rename2(self, parent: int, body: bytes) -> bytes:
        new_parent, flags = struct.unpack_from("<QI", body)
        if flags:
            raise DiskError(errno.EINVAL)
        return self._moved(parent, new_parent, body[16:])

    def _moved(self, parent: int, new_parent: int, names: bytes) -> bytes:
        old, new, *_ = names.split(b"\0")
        self._disk.begin("rename", parent, old, changing=True)
        self._disk.rename(parent, old, new_parent, new)
        return b""

    def _open(self, number: int, body: bytes) -> bytes:
        self._disk.begin("open", number)
        inode = self._disk.inode(number)
        if struct.unpack_from("<I", body)[0] & os.O_TRUNC:
            self._disk.truncate(number, 0)
        inode.opened += 1
        return struct.pack("<QII", number, 0, 0)

    def _open_directory(self, number: int, _body: bytes) -> bytes:
        self._disk.begin("opendir", number)
        return struct.pack("<QII", number, 0, 0)

    def _release(self, number: int, _body: bytes) -> bytes:
        self._disk.inode(number).opened -= 1
        return b""

    def _read(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        self._disk.begin("read", number)
        return bytes(self._disk.inode(number).live[offset : offset + size])

    def _write(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        self._disk.begin("write", number, changing=True)
        self._disk.write(number, offset, body[40 : 40 + size])
        return struct.pack("<II", size, 0)

    def _fsync(self, number: int, _body: bytes) -> bytes:
        self._disk.begin("fsync", number, changing=True)
        self._disk.sync(number)
        return b""

    def _statfs(self, number: int, _body: bytes) -> bytes:
        self._disk.begin("statfs", number)
        blocks = 1 << 22
        return struct.pack(
            "<QQQQQIIII24x", blocks, blocks // 2, blocks // 2, 1 << 20, 1 << 19, PAGE, 255, PAGE, 0
        )

    def _readdir(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        self._disk.begin("readdir", number)
        reply = b""
        names = sorted(self._disk.inode(number).names.items())
        for position, (name, child) in enumerate(names[offset:], offset + 1):
            kind = stat.S_IFMT(self._disk.inode(child).mode) >> 12
            entry = struct.pack("<QQII", child, position, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(reply) + len(entry) > size:
                break
            reply += entry
        return reply

    @staticmethod
    def _entry(inode: Inode) -> bytes:
        header = struct.pack("<QQQQII", inode.number, 0, _VALID_SECONDS, _VALID_SECONDS, 0, 0)
        return header + _attributes(inode)


def _unknown(_number: int, _body: bytes) -> bytes:
    raise DiskError(errno.ENOSYS)


def _attributes(inode: Inode) -> bytes:
    size = PAGE if inode.is_directory else len(inode.live)
    seconds, rest = divmod(inode.changed_at, 1)
    moment, nanoseconds = int(seconds), int(rest * 1e9)
    return _ATTR.pack(
        inode.number, size, -(-size // 512), moment, moment, moment, nanoseconds, nanoseconds,
        nanoseconds, inode.mode, inode.links, os.getuid(), os.getgid(), 0, PAGE, 0,
    )  # fmt: skip


def _mount(device: int, mountpoint: str) -> None:
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    flags = _MS_NOSUID | _MS_NODEV
    arguments = (b"pdfsluice-lossy", mountpoint.encode(), b"fuse", flags, options.encode())
    if _libc.mount(*arguments):
        raise OSError(ctypes.get_errno(), f"cannot mount {mountpoint}")


def _obey(disk: Disk, command: dict[str, Any]) -> dict[str, Any]:
    """Do what the test wants of the disk; return how it is."""
    match command["do"]:
        case "cut":
            if not disk.frozen:
                disk.cut(command.get("seed"))
        case "cut_after":
            disk.cut_after = disk.changes + command["calls"]
            disk.cut_seed = command.get("seed")
        case "cut_never":
            disk.cut_after = None
        case "fault":
            disk.failed.clear()
            disk.faults.append(Fault(**command["fault"]))
        case "heal":
            disk.faults.clear()
        case "sync":
            disk.sync_all()
        case "image":
            Path(command["path"]).write_bytes(disk.image())
        case _:
            pass
    return {
        "changes": disk.changes,
        "frozen": disk.frozen,
        "failed": disk.failed,
        "last": disk.last,
        "faults": [asdict(fault) for fault in disk.faults],
    }


def main(mountpoint: str, image: str) -> None:
    """Mount, and serve until the standard input ends."""
    stored = Path(image)
    disk = Disk.of_image(stored.read_bytes()) if stored.exists() else Disk()
    server = Server(disk)
    device = os.open("/dev/fuse", os.O_RDWR)
    _mount(device, mountpoint)
    commands = sys.stdin.buffer.raw  # type: ignore[union-attr]
    buffered = b""
    try:
        print("{}", flush=True)
        while True:
            readable, _, _ = select.select([device, commands], [], [])
            if device in readable:
                try:
                    request = os.read(device, _MAX_WRITE + PAGE)
                except OSError as error:
                    if error.errno in {errno.ENOENT, errno.EINTR, errno.EAGAIN}:
                        continue
                    break  # unmounted
                reply = server.answer(request)
                if reply is not None:
                    with suppress(FileNotFoundError):  # the request was interrupted
                        os.write(device, reply)
            if commands in readable:
                data = commands.read(65536)
                if not data:
                    break
                *lines, buffered = (buffered + data).split(b"\n")
                for line in lines:
                    print(json.dumps(_obey(disk, json.loads(line))), flush=True)
    finally:
        _libc.umount2(mountpoint.encode(), _MNT_DETACH)
        os.close(device)


if __name__ == "__main__":
    assert ROOT == 1, "the kernel's number of the root"
    main(*sys.argv[1:])
