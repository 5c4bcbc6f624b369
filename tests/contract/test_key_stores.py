"""API keys are kept for all nodes: in a file, in SQLite and in PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from pdfsluice.core import ApiKey, Conflict, KeyRates, KeyStore, NotFound, Scope, SessionStore
from pdfsluice.core.plugins.ports.access import Credentials
from pdfsluice.core.plugins.ports.cluster import Alone
from pdfsluice.plugins.api_keys.authenticator import opened
from pdfsluice.plugins.api_keys.file import KeyFile
from pdfsluice.plugins.api_keys.keys import adding, changing_rates, merging, new_key, revoking
from pdfsluice.plugins.api_keys.storing import stored_keys
from tests.support.databases import sql_context, sql_stores

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OLD_KEY = "pdfsluice_0a1b2c3d_" + "x" * 43
OLD_FILE = {
    "version": 1,
    "keys": [
        {
            "id": "0a1b2c3d",
            "name": "ann",
            "scopes": ["read", "upload"],
            "sha256": sha256(OLD_KEY.encode()).hexdigest(),
            "created_at": "2025-11-03T10:11:12.131415+00:00",
            "revoked_at": None,
        },
        {
            "id": "11111111",
            "name": "bob",
            "scopes": ["admin"],
            "sha256": "ab" * 32,
            "created_at": "2025-11-04T00:00:00+00:00",
            "revoked_at": "2025-12-01T00:00:00+00:00",
            "tenant": "acme",
            "bandwidth": 1048576,
            "requests": 0.5,
        },
    ],
}
"""What the release before the table wrote."""
OLD_KEYS = [
    ApiKey(
        id="0a1b2c3d",
        name="ann",
        scopes=frozenset({Scope.READ, Scope.UPLOAD}),
        digest=sha256(OLD_KEY.encode()).hexdigest(),
        created_at=datetime(2025, 11, 3, 10, 11, 12, 131415, tzinfo=UTC),
    ),
    ApiKey(
        id="11111111",
        name="bob",
        scopes=frozenset({Scope.ADMIN}),
        digest="ab" * 32,
        created_at=datetime(2025, 11, 4, tzinfo=UTC),
        revoked_at=datetime(2025, 12, 1, tzinfo=UTC),
        tenant="acme",
        rates=KeyRates(bandwidth=1048576, requests=0.5),
    ),
]


@asynccontextmanager
async def sql_sessions(folder: Path, url: str = "") -> AsyncIterator[SessionStore]:
    async with sql_stores(sql_context(folder, url=url)) as (sessions, _):
        yield sessions


@asynccontextmanager
async def two_views(kind: str, folder: Path, url: str) -> AsyncIterator[tuple[KeyStore, KeyStore]]:
    """Open the same keys twice, as two nodes do."""
    if kind == "file":
        yield KeyFile(folder / "keys.json"), KeyFile(folder / "keys.json")
        return
    async with sql_sessions(folder, url) as first, sql_sessions(folder, url) as second:
        yield await stored_keys(first, folder), await stored_keys(second, folder)


@pytest.fixture(params=["file", "sqlite", "postgresql"])
async def stores(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[KeyStore, KeyStore]]:
    kind = request.param
    url = request.getfixturevalue("cleared_postgresql") if kind == "postgresql" else ""
    async with two_views(kind, tmp_path, url) as views:
        yield views


async def test_both_nodes_see_each_change_of_the_keys(stores: tuple[KeyStore, KeyStore]) -> None:
    first, second = stores
    assert await first.state() is None
    states = set()
    rates = KeyRates(bandwidth=5, requests=0.25)
    stored, _ = new_key("ann", Scope, NOW, tenant="acme", rates=rates)
    assert await first.change(adding(stored)) == [stored]
    assert await second.keys() == [stored]
    states.add(await second.state())
    other, _ = new_key("ann", [Scope.READ], NOW + timedelta(seconds=1))
    await second.change(adding(other))
    assert await first.keys() == [stored, other]
    states.add(await first.state())
    (revoked,) = await first.change(revoking(stored.id, NOW))
    assert revoked.revoked_at == NOW
    states.add(await second.state())
    limit = changing_rates("ann", lambda _: KeyRates(requests=7))
    assert [each.id for each in await second.change(limit)] == [other.id], "a revoked one stays"
    states.add(await first.state())
    assert [each.rates for each in await first.keys()] == [rates, KeyRates(requests=7)]
    for change, error in (
        (revoking(stored.id, NOW), NotFound),
        (revoking("bob", NOW), NotFound),
        (adding(other), Conflict),
    ):
        with pytest.raises(error):
            await second.change(change)
    assert await first.state() in states, "what failed changed nothing"
    assert len(states) == 4
    assert await second.change(merging(await first.keys())) == []
    assert await first.state() in states


async def test_changes_at_the_same_time_exclude_each_other(
    stores: tuple[KeyStore, KeyStore],
) -> None:
    records = [new_key(f"user-{number}", [Scope.READ], NOW)[0] for number in range(40)]
    await asyncio.gather(
        *(stores[number % 2].change(adding(each)) for number, each in enumerate(records))
    )
    assert {each.id for each in await stores[0].keys()} == {each.id for each in records}
    revoked = await asyncio.gather(
        *(stores[number % 2].change(revoking("user-7", NOW)) for number in range(4)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, NotFound) for each in revoked) == 1


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_the_file_of_an_earlier_release_is_read_once(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    """Several nodes start at the same time, each with a copy of the file."""
    url = request.getfixturevalue("cleared_postgresql") if engine == "postgresql" else ""
    folders = [tmp_path / name for name in ("a", "b", "b")]  # two of them are workers
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / "keys.json").write_text(json.dumps(OLD_FILE))

    credentials = Credentials(headers={"x-api-key": OLD_KEY}, query={}, remote="::1")

    async def start(folder: Path) -> None:
        async with (
            sql_sessions(tmp_path, url) as sessions,
            opened(sessions, Alone(), folder) as authenticator,
        ):
            principal = await authenticator.authenticate(credentials)
            assert principal is not None
            assert principal.id == "key:ann"

    await asyncio.gather(*map(start, folders))
    async with sql_sessions(tmp_path, url) as sessions:
        keys = await stored_keys(sessions, tmp_path)
        assert await keys.keys() == OLD_KEYS
        state = await keys.state()
        for folder in folders:
            assert [path.name for path in folder.iterdir()] == ["keys.json.merged"]
            await start(folder)
        assert await keys.state() == state
