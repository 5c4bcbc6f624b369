"""Collects the parts of all plugins, as the settings configure them."""

from collections.abc import Collection

from pdfsluice.config import Loaded
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.registry import Registry


def build_registry(
    loaded: Loaded,
    manager: PluginManager,
    events: EventHub,
    *,
    worker: int = 0,
    kinds: Collection[str] | None = None,
) -> Registry:
    """Collect the parts of all plugins.

    Args:
        loaded: The settings.
        manager: The plugins.
        events: Receives what parts publish.
        worker: The number of the process among those of its server.
        kinds: The kinds of parts that are needed; all if not given.

    Raises:
        PluginError: A plugin is at fault; the error names its distribution.
    """
    settings = loaded.settings
    context = PluginContext(
        data_dir=settings.data_dir,
        upload_dir=settings.upload_dir,
        state_dir=settings.state_dir,
        settings=settings,
        section=loaded.section,
        publish=events.publish,
        worker=worker,
    )
    return Registry.build(manager, context, disable=settings.disable, kinds=kinds)
