"""Opens the index that the settings name."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pdfsluice.config import Settings
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.ports.documents import Index
from pdfsluice.core.plugins.registry import Registry, choose

logger = logging.getLogger(__name__)

_INDEX_PLUGIN = "llamaindex"


@asynccontextmanager
async def opened_index(
    settings: Settings, manager: PluginManager, registry: Registry
) -> AsyncIterator[tuple[Index | None, str]]:
    """Open the index of the settings.

    The built-in index is optional: if its libraries are not installed, the server runs without.

    Yields:
        The index, or ``None`` and the hint for clients that ask for it.
    """
    default = type(settings).model_fields["index"].default
    if not settings.index:
        yield None, "Set 'index' in the settings."
    elif settings.index == default and _INDEX_PLUGIN in manager.missing:
        missing = manager.missing[_INDEX_PLUGIN]
        logger.warning("documents are not indexed: %s. %s", missing.message, missing.hint)
        yield None, missing.hint
    else:
        spec = choose("indexes", registry.indexes, settings.index, missing=manager.missing)
        async with spec.open() as index:
            yield index, ""
