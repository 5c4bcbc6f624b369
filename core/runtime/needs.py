"""Opens what a command needs: settings, stores and the index."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.ports.context import Need, Opened
from pdfsluice.core.plugins.registry import choose

from .registry import build_registry

_KINDS = frozenset({"session_stores", "catalogues", "indexes"})
_WORKER = 1
"""A command does not check the files of a server that may run, as the first process does."""


@asynccontextmanager
async def opened_needs(
    needs: frozenset[Need], config: Path | None, *, data_dir: Path | None = None
) -> AsyncIterator[Opened]:
    """Open what a command needs, in the order in which a server does.

    Args:
        needs: What to open.
        config: A settings file.
        data_dir: The folder of the server's data, in place of that of the settings.

    Raises:
        PluginError: A setting names a part that no plugin registered.
    """
    manager, loaded = load_all(file=config, command_line={"data_dir": data_dir})
    settings, missing = loaded.settings, manager.missing
    registry = build_registry(loaded, manager, EventHub(), worker=_WORKER, kinds=_KINDS)
    resources: dict[str, Any] = {"settings": settings} if Need.SETTINGS in needs else {}
    async with AsyncExitStack() as stack:
        choices: tuple[tuple[Need, str, Sequence[Any], str], ...] = (
            (Need.SESSIONS, "session_stores", registry.session_stores, settings.session_store),
            (Need.CATALOGUE, "catalogues", registry.catalogues, settings.catalogue),
            (Need.INDEX, "indexes", registry.indexes, settings.index),
        )
        for need, kind, specs, name in choices:
            if need in needs:
                part = choose(kind, specs, name, missing=missing)
                resources[need.value] = await stack.enter_async_context(part.open())
        yield Opened(**resources)
