"""An inspector of files with the installed plugins, for programs without a server."""

from pathlib import Path

from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.plugins.loading import load_all
from pdfsluice.core.plugins.registry import choose
from pdfsluice.core.scanning.inspection import INSPECTING_KINDS, Inspector

from .registry import build_registry


def installed_inspector(
    settings_file: Path | None = None, *, chunk_size: int = 1024 * 1024, whole_files: bool = True
) -> Inspector:
    """Return an inspector with the stages and the policy of the installed plugins.

    Args:
        settings_file: Settings (TOML); without it, those of the environment.
        chunk_size: Bytes that stream stages are fed at a time.
        whole_files: Whether completion stages see the files, too.

    Raises:
        PluginError: A plugin cannot be loaded, or the settings name an unknown policy.
        SettingsError: A setting is wrong.
    """
    manager, loaded = load_all(file=settings_file)
    registry = build_registry(loaded, manager, EventHub(), kinds=INSPECTING_KINDS)
    policy = choose("policies", registry.policies, loaded.settings.policy).policy
    return Inspector(registry, policy, chunk_size=chunk_size, whole_files=whole_files)
