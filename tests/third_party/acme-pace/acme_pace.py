"""A gate that paces the bodies of clients which ask for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pdfsluice.core import ChunkIntent, GateSpec, Pacer, PluginContext, Session, hookimpl


class Pace:
    def __init__(self, bytes_per_second: float) -> None:
        self._bytes_per_second = bytes_per_second

    async def take(self, count: int) -> None:
        await asyncio.sleep(count / self._bytes_per_second)


class PaceGate:
    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncIterator[Pacer | None]:
        rate = chunk.headers.get("x-acme-rate", "")
        yield Pace(float(rate)) if rate.isdigit() and int(rate) else None


@hookimpl
def pdfsluice_register_gates(context: PluginContext) -> Sequence[GateSpec]:
    return [GateSpec(name="acme-pace", gate=PaceGate())]
