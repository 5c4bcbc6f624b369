"""The doubles, beyond the contracts they share with the real stores."""

import asyncio
import subprocess
import sys
from dataclasses import fields
from uuid import uuid4

import pytest

from pdfsluice.core.errors import StorageFull
from pdfsluice.core.models.events import Event, MemoryWarning, ShuttingDown
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.ports.stores import SessionChanges
from pdfsluice.core.testing import MemoryUploadStore, RecordingSink
from pdfsluice.core.testing.contracts.upload_store_basics import write


def test_an_update_may_change_every_field_but_eight() -> None:
    known = {field.name for field in fields(Session)}
    assert set(SessionChanges.__annotations__) == known - {
        "id",
        "account",
        "committed",
        "encryption",
        "lineage",
        "replaces",
        "software",
        "version",
    }


def test_the_doubles_need_no_pytest() -> None:
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "import pdfsluice.core.testing\n"
        "try:\n"
        "    import pdfsluice.core.testing.contracts\n"
        "except ImportError:\n"
        "    print('only the contracts do')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "only the contracts do\n"


async def test_a_sink_returns_what_came_and_waits_for_more() -> None:
    sink = RecordingSink()
    warning = MemoryWarning(at=1, memory_usage_mb=2, memory_limit_mb=3, warning="w")
    waiting = asyncio.create_task(sink.wait_for(MemoryWarning, count=2))
    for event in (warning, ShuttingDown(at=2, retry_after=1)):
        await sink.handle(event)
    assert not waiting.done()
    await sink.handle(warning)
    assert await waiting == [warning, warning]
    assert len(sink.of(Event)) == 3
    assert await sink.wait_for(ShuttingDown) == sink.of(ShuttingDown)


async def test_memory_fills_up_when_a_test_wants_it_to() -> None:
    store = MemoryUploadStore(capacity=100)
    first, second = str(uuid4()), str(uuid4())
    (await store.create(first, 60)).close()
    with pytest.raises(StorageFull):
        await store.create(second, 41)
    blob = await store.create(second, None)
    write(blob, 0, bytes(40))
    with pytest.raises(StorageFull):
        write(blob, 40, b"x")
    await store.remove(first)
    write(blob, 40, b"x")
    assert (await store.usage()).available_bytes == 59
