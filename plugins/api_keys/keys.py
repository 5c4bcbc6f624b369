"""New keys, and the changes of stored ones.

A key is 256 random bits, so that one round of SHA-256 is the right way to store it: slow
password hashes make up for secrets that can be guessed, and this one cannot be. They
would only help attackers to keep the server busy with wrong keys.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from pdfsluice.core import ApiKey, Conflict, KeyChange, KeyRates, NotFound, Scope

PREFIX = "pdfsluice_"
NO_RATES = KeyRates()
_LAYOUT = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{8}})_[A-Za-z0-9_-]{{43}}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)


def new_key(
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    *,
    tenant: str | None = None,
    rates: KeyRates = NO_RATES,
) -> tuple[ApiKey, str]:
    """Make a key; return the record to store, and the key to print once.

    Raises:
        ValueError: A name has characters other than letters, digits and ``._@-``.
    """
    if not all(_NAME.fullmatch(text) for text in (name, name if tenant is None else tenant)):
        raise ValueError("a name has 1 to 64 letters, digits and '._@-', and starts with no sign")
    key_id = secrets.token_hex(4)
    key = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    stored = ApiKey(
        id=key_id,
        name=name,
        scopes=frozenset(scopes),
        digest=sha256(key.encode()).hexdigest(),
        created_at=now,
        tenant=tenant or "",
        rates=rates,
    )
    return stored, key


def id_of(key: str) -> str | None:
    """Return the public part of a key, or ``None`` if the text is no key."""
    match = _LAYOUT.fullmatch(key)
    return match["id"] if match else None


def adding(key: ApiKey) -> KeyChange:
    """Return the change that stores a new key.

    The change raises ``Conflict`` if there is a key with this id.
    """

    def change(keys: Sequence[ApiKey]) -> Sequence[ApiKey]:
        if any(each.id == key.id for each in keys):
            raise Conflict(f"There is a key {key.id} already.", hint="Try again.")
        return [key]

    return change


def revoking(name_or_id: str, now: datetime) -> KeyChange:
    """Return the change that revokes the key with this id, or all keys with this name.

    The change raises ``NotFound`` if there is no such valid key.
    """
    return lambda keys: [replace(key, revoked_at=now) for key in _valid(keys, name_or_id)]


def changing_rates(name_or_id: str, change: Callable[[KeyRates], KeyRates]) -> KeyChange:
    """Return the change of the limits of a key by its id, or of all keys of a name.

    The change raises ``NotFound`` if there is no such valid key.
    """
    return lambda keys: [replace(key, rates=change(key.rates)) for key in _valid(keys, name_or_id)]


def merging(others: Iterable[ApiKey]) -> KeyChange:
    """Return the change that adds keys of another store.

    A key that is there already stays as it is, but is revoked if the other one is. So
    merging the same keys again changes nothing.
    """

    def change(keys: Sequence[ApiKey]) -> Sequence[ApiKey]:
        present = {key.id: key for key in keys}
        changes = []
        for other in others:
            own = present.get(other.id)
            if own is None:
                changes.append(other)
            elif own.revoked_at is None and other.revoked_at is not None:
                changes.append(replace(own, revoked_at=other.revoked_at))
        return changes

    return change


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
