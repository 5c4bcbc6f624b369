"""A change of an upload's state and its consequences are one unit."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.errors import SessionEnded, StateConflict
from pdfsluice.core.models.events import Event, UploadStatus
from pdfsluice.core.models.findings import Decision
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.sinks import EventSinkSpec
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.plugins.local_store.store import LocalUploadStore
from tests.support.runtimes import Watchman, a_runtime, initiate, send, send_all
from tests.support.waiting import until

CHUNK = 256 * 1024
BAD = b"FORBIDDEN" + bytes(range(256)) * (2 * CHUNK // 256)


@dataclass(eq=False)
class Listener:
    """A plugin whose sink records the states that are published."""

    states: list[str] = field(default_factory=list)

    @hookimpl
    def pdfsluice_register_event_sinks(self, context: PluginContext) -> list[EventSinkSpec]:
        """Register the sink ``listener``."""
        del context
        return [EventSinkSpec(name="listener", sink=self)]

    async def handle(self, event: Event) -> None:
        """Record a state."""
        if isinstance(event, UploadStatus):
            self.states.append(event.status)


class Gate:
    """Holds calls of a store's method until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        original = getattr(LocalUploadStore, method)

        async def held(store: LocalUploadStore, blob_id: str) -> None:
            self.reached.set()
            await self.opened.wait()
            await original(store, blob_id)

        monkeypatch.setattr(LocalUploadStore, method, held)


async def refused_under_way(runtime: Runtime, gate: Gate) -> Session:
    """Return an upload in the middle of its refusal: its row alone is stored."""
    session = await initiate(runtime, BAD)
    await send(runtime, session, BAD, 0)
    async with asyncio.timeout(10):
        await gate.reached.wait()
    return session


@pytest.mark.parametrize("closing", ["close_idle", "drain"])
@pytest.mark.parametrize("keeps", [True, False])
async def test_closing_waits_for_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing: str, keeps: bool
) -> None:
    listener = Listener()
    decision = Decision.QUARANTINE if keeps else Decision.REJECT
    watchman = Watchman(decision=decision)
    gate = Gate(monkeypatch, "quarantine" if keeps else "remove")
    async with a_runtime(tmp_path, listener, watchman=watchman, chunk_size=CHUNK) as runtime:
        session = await refused_under_way(runtime, gate)
        uploads = runtime.uploads._open_uploads
        closer = asyncio.create_task(getattr(uploads, closing)(0.0 if closing == "drain" else -1.0))
        await asyncio.sleep(0.05)
        gate.opened.set()
        await closer
        await until(lambda: listener.states[-1:] == ["rejected"])
        assert (await runtime.uploads.stats()).store.partial_count == 0
        current = await runtime.uploads.get(LOCAL, session.id)
        assert (current.state, current.quarantined) == (SessionState.REJECTED, keeps)


async def test_a_cancelled_caller_leaves_no_half_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    gate = Gate(monkeypatch, "remove")
    async with a_runtime(tmp_path, listener, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, BAD)
        cancelling = asyncio.create_task(runtime.uploads.cancel(LOCAL, session.id))
        await gate.reached.wait()
        cancelling.cancel()
        await asyncio.sleep(0.05)
        gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await cancelling
        await until(lambda: listener.states[-1:] == ["cancelled"])
        assert (await runtime.uploads.stats()).store.partial_count == 0


async def test_closing_while_an_upload_is_verified_keeps_what_was_found(tmp_path: Path) -> None:
    data = BAD.replace(b"FORBIDDEN", b"ORDINARY.")
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, data)
        await send_all(runtime, session, data)
        (part,) = (tmp_path / "uploads").glob("**/*.part")
        with part.open("r+b") as file:
            file.write(b"?")
        resuming = asyncio.create_task(runtime.uploads.resume(LOCAL, session.id, ""))
        for _ in range(20):
            await runtime.uploads._open_uploads.close_idle(-1.0)
            await asyncio.sleep(0)
        assert (await resuming).missing_chunks == [0]
        await send(runtime, session, data, 0)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_uploads_end_one_way_however_they_are_ended(tmp_path: Path) -> None:
    """Chunks, cancellations, completions and closing together: one final state."""
    data = BAD.replace(b"FORBIDDEN", b"ORDINARY.")
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        for turn in range(12):
            session = await initiate(runtime, data, check_duplicates=False)
            await send_all(runtime, session, data)
            steps: list[Coroutine[Any, Any, object]] = [
                runtime.uploads.complete(LOCAL, session.id),
                runtime.uploads.complete(LOCAL, session.id),
                runtime.uploads._open_uploads.close_idle(-1.0),
            ]
            if turn % 2:
                steps.insert(turn % 3, runtime.uploads.cancel(LOCAL, session.id))
            outcomes = await asyncio.gather(*steps, return_exceptions=True)
            current = await runtime.uploads.get(LOCAL, session.id)
            assert current.state in {SessionState.COMPLETED, SessionState.CANCELLED}, outcomes
            refusals = [each for each in outcomes if isinstance(each, Exception)]
            assert all(isinstance(each, SessionEnded | StateConflict) for each in refusals), (
                refusals
            )
            sessions = [each for each in outcomes if isinstance(each, Session)]
            assert all(each.state is current.state for each in sessions), "neither lies"
        count = (await runtime.library.list(LOCAL))[1]
        assert (await runtime.uploads.stats()).store.partial_count == 0
        assert len(list((tmp_path / "documents").rglob("*.pdf"))) == count
