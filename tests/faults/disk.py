"""A disk that keeps only what was synced: the model that the tests mount.

Every file and directory exists twice: *live*, as programs see it, and *durable*, as a power cut
leaves it. A write is durable when its file is synced, a name when its directory is synced. What is
not durable may still survive a cut in part: single pages of a write and single names, in any
combination, with one exception. A rename never loses the file: its old name disappears only if the
new one is durable. A cut may leave both names, as soft updates do; a journal keeps one of them.
"""

import errno
import pickle
import random
import re
import stat
import time
from dataclasses import dataclass, field

PAGE = 4096
ROOT = 1


class DiskError(OSError):
    """An error that the file system reports to the program."""

    def __init__(self, number: int) -> None:
        super().__init__(number, errno.errorcode[number])


@dataclass(slots=True)
class Inode:
    """A file or a directory, live and durable.

    Attributes:
        pending: Writes (offset and bytes) and sizes (an offset alone) that are not durable.
        names: Of a directory: name to inode number.
    """

    number: int
    mode: int
    live: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    names: dict[bytes, int] = field(default_factory=dict)
    durable_names: dict[bytes, int] = field(default_factory=dict)
    links: int = 1
    opened: int = 0
    changed_at: float = 0.0

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


@dataclass(slots=True)
class Rename:
    """A rename of which one end is not durable yet.

    Attributes:
        removal_synced: Whether the directory of the old name was synced since.
    """

    inode: int
    parent: int
    name: bytes
    new_parent: int
    new_name: bytes
    removal_synced: bool = False


@dataclass(slots=True)
class Fault:
    """Calls that fail.

    Attributes:
        pattern: Which calls, by a pattern of their description, such as ``fsync .*\\.part``.
        after: How many of them succeed first.
        times: How many of them fail.
        error: The error number.
    """

    pattern: str
    after: int = 0
    times: int = 1
    error: int = errno.EIO
    hits: int = 0

    def fails(self, call: str) -> bool:
        if not re.search(self.pattern, call):
            return False
        self.hits += 1
        return self.after < self.hits <= self.after + self.times


class Disk:
    """The inodes, and the rules by which what is not durable is lost.

    Attributes:
        changes: How many calls changed or synced something.
        cut_after: The number of such calls after which the power is cut; ``None`` for never.
        frozen: Whether the power was cut: every call fails.
        failed: The descriptions of the calls that a fault made fail.
    """

    def __init__(self) -> None:
        self._inodes = {ROOT: Inode(ROOT, stat.S_IFDIR | 0o755, links=2)}
        self._next = ROOT + 1
        self._paths = {ROOT: ""}
        self._renames: list[Rename] = []
        self.changes = 0
        self.cut_after: int | None = None
        self.cut_seed: int | None = None
        self.frozen = False
        self.faults: list[Fault] = []
        self.failed: list[str] = []
        self.last = ""

    # -- faults and cuts ----------------------------------------------------------------------

    def begin(self, verb: str, number: int, name: bytes = b"", *, changing: bool = False) -> None:
        """Count a call; raise if it is to fail."""
        call = f"{verb} {self._paths.get(number, '?')}{'/' if name else ''}{name.decode()}"
        if changing and not self.frozen:
            self.changes += 1
            self.last = call
            if self.cut_after is not None and self.changes > self.cut_after:
                self.cut(self.cut_seed)
        if self.frozen:
            raise DiskError(errno.EIO)
        for fault in self.faults:
            if fault.fails(call):
                self.failed.append(call)
                if verb == "fsync":  # Linux reports it once, and counts the pages as clean
                    self.inode(number).pending.clear()
                raise DiskError(fault.error)

    def cut(self, seed: int | None) -> None:
        """Cut the power.

        Args:
            seed: Decides which part of what is not durable survives; ``None``: nothing does.
        """
        self.frozen = True
        if seed is None:
            return
        chance = random.Random(seed)
        share = chance.choice((0.1, 0.5, 0.9, 1.0))
        before = {number: dict(inode.durable_names) for number, inode in self._inodes.items()}
        for inode in self._inodes.values():
            for name in sorted({*inode.names, *inode.durable_names}):
                if chance.random() < share:
                    _copy_name(inode, name)
            for offset, data in inode.pending:
                _survive(inode, offset, data, chance, share)
        for rename in self._renames:
            self._keep_old_name(rename, before[rename.parent])

    def _keep_old_name(self, rename: Rename, before: dict[bytes, int]) -> None:
        """Keep the old name of a file whose new one is not durable.

        Args:
            rename: The rename.
            before: The durable names of the old directory until now.
        """
        was_durable = before.get(rename.name) == rename.inode
        if was_durable and not self._is_done(rename):
            self._inodes[rename.parent].durable_names.setdefault(rename.name, rename.inode)

    def _is_done(self, rename: Rename) -> bool:
        names = self._inodes[rename.new_parent].durable_names
        return names.get(rename.new_name) == rename.inode

    def image(self) -> bytes:
        """Return what the next mount finds."""
        kept: dict[int, Inode] = {}
        queue = [ROOT]
        while queue:
            old = self._inodes[queue.pop()]
            if old.number in kept:
                kept[old.number].links += 1
                continue
            kept[old.number] = Inode(
                old.number,
                old.mode,
                live=bytearray(old.durable),
                durable=old.durable,
                names=dict(old.durable_names),
                durable_names=old.durable_names,
                links=2 if old.is_directory else 1,
                changed_at=old.changed_at,
            )
            queue += old.durable_names.values()
        return pickle.dumps((self._next, kept))

    @classmethod
    def of_image(cls, image: bytes) -> "Disk":
        """Return the disk of an image."""
        disk = cls()
        disk._next, disk._inodes = pickle.loads(image)
        queue = [ROOT]
        while queue:
            number = queue.pop()
            for name, child in disk._inodes[number].names.items():
                disk._paths[child] = f"{disk._paths[number]}/{name.decode()}"
                queue.append(child)
        return disk

    # -- what programs do ---------------------------------------------------------------------

    def inode(self, number: int) -> Inode:
        """Return an inode."""
        try:
            return self._inodes[number]
        except KeyError:
            raise DiskError(errno.ESTALE) from None

    def child(self, parent: int, name: bytes) -> Inode:
        """Return what has a name in a directory."""
        number = self.inode(parent).names.get(name)
        if number is None:
            raise DiskError(errno.ENOENT)
        self._paths[number] = f"{self._paths.get(parent, '?')}/{name.decode()}"
        return self.inode(number)

    def make(self, parent: int, name: bytes, mode: int) -> Inode:
        """Make a file or a directory."""
        if name in self.inode(parent).names:
            raise DiskError(errno.EEXIST)
        links = 2 if stat.S_ISDIR(mode) else 1
        inode = Inode(self._next, mode, links=links, changed_at=time.time())
        self._inodes[inode.number] = inode
        self._next += 1
        self.inode(parent).names[name] = inode.number
        return self.child(parent, name)

    def write(self, number: int, offset: int, data: bytes) -> None:
        """Write bytes to a file."""
        inode = self.inode(number)
        _apply(inode.live, offset, data)
        inode.pending.append((offset, data))
        inode.changed_at = time.time()

    def truncate(self, number: int, size: int) -> None:
        """Set the size of a file."""
        inode = self.inode(number)
        _apply(inode.live, size, None)
        inode.pending.append((size, None))

    def remove(self, parent: int, name: bytes) -> None:
        """Remove a name; the inode stays while it is open or durable somewhere."""
        inode = self.child(parent, name)
        if inode.names:
            raise DiskError(errno.ENOTEMPTY)
        del self.inode(parent).names[name]
        inode.links -= 1
        self._renames = [
            rename
            for rename in self._renames
            if (rename.inode, rename.new_parent, rename.new_name) != (inode.number, parent, name)
        ]

    def rename(self, parent: int, name: bytes, new_parent: int, new_name: bytes) -> None:
        """Rename; another file of the new name is replaced."""
        inode = self.child(parent, name)
        replaced = self.inode(new_parent).names.get(new_name)
        if replaced is not None and replaced != inode.number:
            self.inode(replaced).links -= 1
        del self.inode(parent).names[name]
        self.inode(new_parent).names[new_name] = inode.number
        self.child(new_parent, new_name)
        for earlier in self._renames:
            if (earlier.inode, earlier.new_parent, earlier.new_name) == (
                inode.number,
                parent,
                name,
            ):
                earlier.new_parent, earlier.new_name = new_parent, new_name
        self._renames.append(Rename(inode.number, parent, name, new_parent, new_name))

    def sync(self, number: int) -> None:
        """Make a file's bytes, or a directory's names, durable."""
        inode = self.inode(number)
        if inode.is_directory:
            self._sync_names(inode)
        for offset, data in inode.pending:
            _apply(inode.durable, offset, data)
        inode.pending.clear()

    def _sync_names(self, directory: Inode) -> None:
        before, directory.durable_names = directory.durable_names, dict(directory.names)
        for rename in self._renames:
            if rename.parent == directory.number:
                rename.removal_synced = True
                self._keep_old_name(rename, before)
            old = self._inodes[rename.parent]
            if rename.removal_synced and self._is_done(rename) and rename.name not in old.names:
                old.durable_names.pop(rename.name, None)
        self._renames = [r for r in self._renames if not (r.removal_synced and self._is_done(r))]

    def sync_all(self) -> None:
        """Make everything durable, as ``sync`` does."""
        for number in list(self._inodes):
            self.sync(number)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    """Write bytes, or set the size (``data`` is ``None``)."""
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


def _copy_name(inode: Inode, name: bytes) -> None:
    if name in inode.names:
        inode.durable_names[name] = inode.names[name]
    else:
        inode.durable_names.pop(name, None)


def _survive(
    inode: Inode, offset: int, data: bytes | None, chance: random.Random, share: float
) -> None:
    """Let single pages of a write survive."""
    if data is None:
        if chance.random() < share:
            _apply(inode.durable, offset, None)
        return
    position = 0
    while position < len(data):
        size = PAGE - (offset + position) % PAGE
        if chance.random() < share:
            _apply(inode.durable, offset + position, data[position : position + size])
        position += size
