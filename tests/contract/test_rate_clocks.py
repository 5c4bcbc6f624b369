"""Clocks and limits of rates in one database: several nodes keep one rate."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from pdfsluice.core import (
    Cluster,
    HasRateLimits,
    HasRates,
    Principal,
    RateClocks,
    RateLimits,
    SessionStore,
)
from pdfsluice.core.plugins.ports.cluster import Alone
from pdfsluice.core.uploads.limits.node_rates import NodeRates
from pdfsluice.core.uploads.limits.pacing import Pacing, Rates
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from pdfsluice.server.request_rates import RequestRates, Standing
from tests.support.databases import sql_context, sql_stores

NODES = 3
KIB = 1024
RATE = 512 * KIB
ANN = Principal(id="key:ann", name="ann", scopes=frozenset())


class Shared(Alone):
    """A cluster in which there are others."""

    shared = True


@dataclass
class Stores:
    """Opens the session store of one database, once for each node."""

    folder: Path
    url: str

    @asynccontextmanager
    async def opened(self, number: int) -> AsyncIterator[list[SessionStore]]:
        async with AsyncExitStack() as stack:
            contexts = [sql_context(self.folder, url=self.url) for _ in range(number)]
            yield [(await stack.enter_async_context(sql_stores(each)))[0] for each in contexts]


@pytest.fixture
def stores(tmp_path: Path, database_url: str) -> Stores:
    return Stores(tmp_path, database_url)


def clocks_of(store: SessionStore) -> RateClocks:
    assert isinstance(store, HasRates)
    return store.rates


async def test_time_is_reserved_after_what_other_nodes_have_reserved(stores: Stores) -> None:
    async with stores.opened(2) as opened:
        first, second = map(clocks_of, opened)
        assert (await first.reserve("a", 100)).wait == 0
        assert (await second.reserve("a", 50)).wait == pytest.approx(100, abs=5)
        late = await first.reserve("a", 1, max_wait=60)
        assert not late.is_made
        assert late.wait == pytest.approx(150, abs=5)
        assert (await second.reserve("a", 0, max_wait=155)).wait == pytest.approx(150, abs=5)
        assert (await first.reserve("b", 1, max_wait=0)).is_made, "each name has its clock"


async def test_many_reservations_at_the_same_time_are_all_counted(stores: Stores) -> None:
    async with stores.opened(2) as opened:
        first, second = map(clocks_of, opened)
        await asyncio.gather(*((first, second)[n % 2].reserve("a", 10) for n in range(40)))
        assert (await first.reserve("a", 0)).wait == pytest.approx(400, abs=5)


async def test_clocks_that_are_idle_for_an_hour_are_forgotten(stores: Stores) -> None:
    async with stores.opened(1) as (store,):
        assert isinstance(store, SqlSessionStore)
        await store.rates.reserve("idle", 1)
        await store.rates.reserve("used", 1)
        age = text("UPDATE rate_clocks SET due_at = due_at - 3700000000 WHERE name = 'idle'")
        await store._database.write(lambda connection: connection.execute(age))
        await store.rates.forget()
        names = text("SELECT name FROM rate_clocks")
        rows = await store._database.read(lambda connection: connection.execute(names).all())
        assert [row.name for row in rows] == ["used"]


async def test_limits_that_one_node_sets_are_read_by_another(stores: Stores) -> None:
    async with stores.opened(2) as opened:
        first, second = opened
        assert isinstance(first, HasRateLimits)
        assert isinstance(second, HasRateLimits)
        assert await second.rate_limits.limits() == RateLimits()
        limits = RateLimits(session=1, server=0, server_download=10**15)
        await first.rate_limits.set_limits(limits)
        assert await second.rate_limits.limits() == limits
        await second.rate_limits.set_limits(RateLimits(download=2))
        assert await first.rate_limits.limits() == RateLimits(download=2)


async def test_three_nodes_keep_one_bandwidth(stores: Stores) -> None:
    """Each would pass all of it alone; a client may use one of them or all."""
    async with stores.opened(NODES) as opened:
        cluster: Cluster = Shared()
        nodes = [Pacing(Rates(principal=RATE), nodes=NodeRates(each, cluster)) for each in opened]

        async def send(pacing: Pacing, size: int) -> None:
            pace = pacing.uploads.paced(ANN, "session")
            for _ in range(size // (32 * KIB)):
                await pace.take(32 * KIB)

        began = time.monotonic()
        await asyncio.gather(*(send(each, 256 * KIB) for each in nodes))
        for number in range(NODES):
            await send(nodes[number], 128 * KIB)
        seconds = time.monotonic() - began
        assert 3 * 384 * KIB / seconds == pytest.approx(RATE, rel=0.2)


async def test_three_nodes_keep_one_rate_of_requests(stores: Stores) -> None:
    async with stores.opened(NODES) as opened:
        clocks = [clocks_of(each) for each in opened]
        rates = [
            RequestRates(100, 40, time.monotonic, lambda each=each: each)  # type: ignore[misc]
            for each in clocks
        ]
        standings: list[Standing] = []
        began = time.monotonic()
        while (seconds := time.monotonic() - began) < 1.5:
            requests = (each.admit("ann") for each in rates for _ in range(10))
            standings += await asyncio.gather(*requests)
            await asyncio.sleep(0.003)
        admitted = sum(not each.wait for each in standings)
        assert admitted == pytest.approx(40 + 100 * seconds, rel=0.2)
        refusal = [each for each in standings if each.wait][-1]
        assert 0 < refusal.wait < 1
        assert "r=0" in refusal.fields["RateLimit"]
