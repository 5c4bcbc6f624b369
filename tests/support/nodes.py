"""Several nodes in the test process: real stores, chosen plugins, no HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pdfsluice.core import Hint, PluginContext, UploadStoreSpec, hookimpl, open_segmented_store
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.testing.memory_objects import MemoryObjectStore
from pdfsluice.core.uploads.holding import HoldingIntervals
from tests.support.runtimes import Watchman, a_runtime

CHUNK = 65_536
DATA = bytes(range(256)) * 1024  # four chunks
FAST = HoldingIntervals(review=0.1, take_over=0.1)
SLOW = HoldingIntervals(review=3600, take_over=3600)


@asynccontextmanager
async def nodes(
    folder: Path,
    number: int = 2,
    *plugins: object,
    intervals: HoldingIntervals = SLOW,
    watchmen: list[Watchman] | None = None,
    **settings: Any,
) -> AsyncIterator[list[Runtime]]:
    """Open runtimes that share a folder, as the workers of one server do."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                a_runtime(
                    folder,
                    *plugins,
                    watchman=watchmen[index] if watchmen else None,
                    intervals=intervals,
                    node=NodeIdentity(shared=True, exclusive=False),
                    **({"chunk_size": CHUNK} | settings),
                )
            )
            for index in range(number)
        ]


def ignore(hint: Hint) -> None:
    """Lose a hint."""


class SharedObjects:
    """A plugin with the upload store of one object store, used by each node."""

    def __init__(self, objects: MemoryObjectStore, folder: Path, *, min_free: int = 0) -> None:
        self._open = partial(open_segmented_store, objects, folder, min_free=min_free)

    @hookimpl
    def pdfsluice_register_upload_stores(self, context: PluginContext) -> list[UploadStoreSpec]:
        """Register the store."""
        del context
        return [UploadStoreSpec(name="objects", open=self._open)]
