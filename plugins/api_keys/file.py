"""The file of keys of earlier releases, and of session stores that keep none."""

import asyncio
import fcntl
import os
from collections.abc import Generator, Hashable, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from pdfsluice.core import ApiKey, KeyChange, KeyRates, Scope, StorageFailed

_VERSION = 1
_MERGED_SUFFIX = ".merged"


class KeyFile:
    """A file of API keys; changes are atomic and exclude each other.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def state(self) -> Hashable:
        """Return a value that changes with the file; ``None`` if there is no file.

        Raises:
            StorageFailed: The system cannot report it.
        """
        try:
            status = await asyncio.to_thread(self._path.stat)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        return status.st_ino, status.st_mtime_ns, status.st_size

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys; none if there is no file.

        Raises:
            StorageFailed: The file cannot be read or understood.
        """
        return await asyncio.to_thread(self._read)

    async def change(self, change: KeyChange) -> Sequence[ApiKey]:
        """Store what a change returns; other changes wait meanwhile.

        Raises:
            StorageFailed: The file cannot be read, understood or written.
        """
        return await asyncio.to_thread(self._change, change)

    def retire(self) -> None:
        """Give the file another name, because its keys are in another store now."""
        with suppress(FileNotFoundError):  # another process of the same folder was faster
            self._path.rename(self._path.with_name(self._path.name + _MERGED_SUFFIX))

    def _change(self, change: KeyChange) -> Sequence[ApiKey]:
        try:
            with self._locked():
                keys = {key.id: key for key in self._read()}
                changed = change(list(keys.values()))
                if changed:
                    self._write((keys | {key.id: key for key in changed}).values())
        except OSError as error:
            raise StorageFailed(
                f"The file of API keys cannot be changed: {error.filename}: {error.strerror}.",
                hint="Run this as the user of the server, which owns its data directory.",
            ) from error
        return changed

    @contextmanager
    def _locked(self) -> Generator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(self._path.with_suffix(".lock"), flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> Sequence[ApiKey]:
        try:
            return _decode_all(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> StorageFailed:
        reason = error.strerror if isinstance(error, OSError) else error
        return StorageFailed(
            f"The file of API keys {self._path} cannot be read: {reason}.",
            hint="Restore it, or delete it and add the keys again.",
        )

    def _write(self, keys: Iterable[ApiKey]) -> None:
        content = {"version": _VERSION, "keys": [_encode(key) for key in keys]}
        temporary = self._path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _encode(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "sha256": key.digest,
        "created_at": key.created_at.astimezone(UTC).isoformat(),
        "revoked_at": key.revoked_at and key.revoked_at.astimezone(UTC).isoformat(),
        **({"tenant": key.tenant} if key.tenant else {}),
        **{name: value for name, value in asdict(key.rates).items() if value is not None},
    }


def _decode_all(data: bytes) -> list[ApiKey]:
    content = orjson.loads(data)
    if content["version"] != _VERSION:
        raise ValueError(f"its version {content['version']} is not known")
    return [_decode(entry) for entry in content["keys"]]


def _decode(entry: dict[str, Any]) -> ApiKey:
    revoked_at = entry["revoked_at"]
    return ApiKey(
        id=entry["id"],
        name=entry["name"],
        scopes=frozenset(map(Scope, entry["scopes"])),
        digest=entry["sha256"],
        created_at=datetime.fromisoformat(entry["created_at"]),
        revoked_at=None if revoked_at is None else datetime.fromisoformat(revoked_at),
        tenant=entry.get("tenant", ""),
        rates=KeyRates(bandwidth=entry.get("bandwidth"), requests=entry.get("requests")),
    )
