"""Typed settings: where each value comes from and what it may be.

Settings of plugins are models of their own, which the plugins register.
"""

if __name__ == "config":
    raise ImportError("import this package as 'pdfsluice.config', not as 'config'")

from .folders import Folder
from .given import SettingsError
from .loading import Loaded, load
from .settings import Settings
from .units import Duration, Size, format_size

__all__ = [
    "Duration",
    "Folder",
    "Loaded",
    "Settings",
    "SettingsError",
    "Size",
    "format_size",
    "load",
]
