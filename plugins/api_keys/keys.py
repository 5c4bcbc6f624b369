"""Keys, and the file in which they are stored.

A key is 256 random bits, so that one round of SHA-256 is the right way to store it: slow
password hashes make up for secrets that can be guessed, and this one cannot be. They
would only help attackers to keep the server busy with wrong keys.
"""

import fcntl
import hmac
import os
import re
import secrets
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from pdfsluice.core import Conflict, NotFound, Principal, Scope, StorageFailed

PREFIX = "pdfsluice_"
_LAYOUT = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{8}})_[A-Za-z0-9_-]{{43}}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRates:
    """The limits of a key; 0 for no limit, ``None`` for that of the settings.

    Attributes:
        bandwidth: Bytes per second of all uploads, and of all downloads.
        requests: Requests per second.
    """

    bandwidth: int | None = None
    requests: float | None = None


NO_RATES = KeyRates()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """The stored data of a key, without the key itself.

    Attributes:
        id: Public part of the key, for lists and revocation.
        name: Its user. Keys of the same name act for the same principal, so that a key
            can be replaced without losing what was uploaded with it.
        digest: SHA-256 of the whole key, in hexadecimal.
        revoked_at: When it was revoked; ``None`` while it is valid.
        tenant: The tenant for which its uploads count; empty for none.
        rates: Its own limits, which replace those of the settings.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None
    tenant: str = ""
    rates: KeyRates = NO_RATES

    @property
    def principal(self) -> Principal:
        """The principal that the key stands for."""
        return Principal(
            id=f"key:{self.name}",
            name=self.name,
            scopes=self.scopes,
            tenant=self.tenant,
            bandwidth=self.rates.bandwidth,
            request_rate=self.rates.requests,
        )

    def matches(self, key: str) -> bool:
        """Whether this is the given key; takes the same time for every wrong key."""
        return hmac.compare_digest(sha256(key.encode()).hexdigest(), self.digest)


def new_key(
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    *,
    tenant: str = "",
    rates: KeyRates = NO_RATES,
) -> tuple[ApiKey, str]:
    """Make a key; return the record to store, and the key to print once.

    Raises:
        ValueError: A name has characters other than letters, digits and ``._@-``.
    """
    if not all(_NAME.fullmatch(text) for text in (name, tenant or name)):
        raise ValueError("a name has 1 to 64 letters, digits and '._@-', and starts with no sign")
    key_id = secrets.token_hex(4)
    key = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    stored = ApiKey(
        id=key_id,
        name=name,
        scopes=frozenset(scopes),
        digest=sha256(key.encode()).hexdigest(),
        created_at=now,
        tenant=tenant,
        rates=rates,
    )
    return stored, key


def id_of(key: str) -> str | None:
    """Return the public part of a key, or ``None`` if the text is no key."""
    match = _LAYOUT.fullmatch(key)
    return match["id"] if match else None


class KeyFile:
    """Reads and changes the file of keys; changes are atomic and exclude each other."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def state(self) -> tuple[int, int, int] | None:
        """Return a value that changes with the file; ``None`` if there is no file.

        Raises:
            StorageFailed: The system cannot report it.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        return status.st_ino, status.st_mtime_ns, status.st_size

    def read(self) -> Sequence[ApiKey]:
        """Return all keys, also revoked ones; none if there is no file.

        Raises:
            StorageFailed: The file cannot be read or understood.
        """
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

    def add(self, key: ApiKey) -> None:
        """Store a new key."""
        with self._changing() as keys:
            if any(each.id == key.id for each in keys):
                raise Conflict(f"There is a key {key.id} already.", hint="Try again.")
            keys.append(key)

    def revoke(self, name_or_id: str, now: datetime) -> Sequence[ApiKey]:
        """Revoke the key with this id, or all keys with this name; return them.

        Raises:
            NotFound: There is no such valid key.
        """
        with self._changing() as keys:
            matches = _valid(keys, name_or_id)
            keys[:] = [replace(key, revoked_at=now) if key in matches else key for key in keys]
        return matches

    def change_rates(
        self, name_or_id: str, change: Callable[[KeyRates], KeyRates]
    ) -> Sequence[ApiKey]:
        """Change the limits of the key with this id, or of all keys with this name.

        Raises:
            NotFound: There is no such valid key.
        """
        with self._changing() as keys:
            matches = _valid(keys, name_or_id)
            keys[:] = [
                replace(key, rates=change(key.rates)) if key in matches else key for key in keys
            ]
        return matches

    @contextmanager
    def _changing(self) -> Generator[list[ApiKey]]:
        """Yield the keys to change; afterwards they replace the file atomically."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = os.open(self._path.with_suffix(".lock"), flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = list(self.read())
            yield keys
            self._write(keys)
        finally:
            os.close(lock)

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


def _valid(keys: Iterable[ApiKey], name_or_id: str) -> Sequence[ApiKey]:
    """Return the valid keys with this name or id.

    Raises:
        NotFound: There is none.
    """
    matches = [key for key in keys if key.revoked_at is None and name_or_id in {key.id, key.name}]
    if not matches:
        raise NotFound(
            f"There is no valid key {name_or_id!a}.", hint="'pdfsluice keys list' has them all."
        )
    return matches


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
