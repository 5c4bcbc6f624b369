"""API keys in an SQL database."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, text

from pdfsluice.core import ApiKey, Hint, HintKind, KeyChange, KeyRates, Scope

from .database import Database
from .encoding import from_micros, to_micros
from .hints import Channel, announce
from .prepared import AnyRow, Prepared
from .schema import api_keys

_STATE = Prepared(select(func.max(api_keys.c.version).label("version")))
_KEYS = Prepared(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))
_SCOPES = frozenset(Scope)


class SqlKeys:
    """API keys in a database.

    Every change gives its keys the next version, so that the highest version of all keys
    differs after each change.

    Args:
        database: The database.
        channel: Carries the hint that keys have changed.
    """

    def __init__(self, database: Database, channel: Channel) -> None:
        self._database = database
        self._channel = channel
        insert = database.insert(api_keys)
        values = {each.name: insert.excluded[each.name] for each in api_keys.c if each.name != "id"}
        self._store = Prepared(
            insert.on_conflict_do_update(index_elements=["id"], set_=values),
            [each.name for each in api_keys.c],
        )

    async def state(self) -> Hashable:
        """Return the highest version of all keys."""
        return await self._database.read(_version)

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys, the oldest first."""
        return await self._database.read(_read)

    async def change(self, change: KeyChange) -> Sequence[ApiKey]:
        """Store what a change returns; other changes wait meanwhile."""

        def operation(connection: Connection) -> Sequence[ApiKey]:
            if self._database.postgresql:  # the next statement sees what was committed meanwhile
                connection.execute(text("LOCK TABLE api_keys IN EXCLUSIVE MODE"))
            keys = change(_read(connection))
            self._store.run_many(connection, _rows(keys, (_version(connection) or 0) + 1))
            return keys

        keys = await self._database.write(operation, durable=True)
        if keys:
            await announce(self._channel, self._database.node, Hint(HintKind.KEYS))
        return keys


def _version(connection: Connection) -> int | None:
    version: int | None = _STATE.run(connection, {}).scalar_one_or_none()
    return version


def _read(connection: Connection) -> Sequence[ApiKey]:
    return [_key(row) for row in _KEYS.run(connection, {})]


def _key(row: AnyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=_SCOPES.intersection(row.scopes.split()),  # a later version may have more
        digest=row.digest,
        created_at=from_micros(row.created_at),
        revoked_at=None if row.revoked_at is None else from_micros(row.revoked_at),
        tenant=row.tenant,
        rates=KeyRates(bandwidth=row.bandwidth, requests=row.requests),
    )


def _rows(keys: Iterable[ApiKey], version: int) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "id": key.id,
            "name": key.name,
            "scopes": " ".join(sorted(key.scopes)),
            "digest": key.digest,
            "created_at": to_micros(key.created_at),
            "revoked_at": None if key.revoked_at is None else to_micros(key.revoked_at),
            "tenant": key.tenant,
            "bandwidth": key.rates.bandwidth,
            "requests": key.rates.requests,
            "version": version,
        }
        for key in keys
    ]
