"""The importers of every finished document: its text and its first page.

Readers and renderers are plugins of their own; these importers only call them.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

SECTION = "text"


@core.hookimpl
def pdfsluice_register_options() -> Sequence[core.OptionsSpec]:
    """Register the section ``text``."""
    from .options import TextOptions  # noqa: PLC0415 - pydantic, only when settings are read

    return [core.OptionsSpec(name=SECTION, model=TextOptions)]


@core.hookimpl
def pdfsluice_register_importers(context: core.PluginContext) -> Sequence[core.ImporterSpec]:
    """Register the importers ``text`` and, after it, ``thumbnail``."""
    from .disk_space import DiskSpace  # noqa: PLC0415 - hooks import cheaply
    from .options import TextOptions  # noqa: PLC0415 - see above
    from .text import TextImporter  # noqa: PLC0415
    from .thumbnail import ThumbnailImporter  # noqa: PLC0415

    options = context.options(SECTION, TextOptions)
    space = DiskSpace(context.state_dir, context.settings.min_free_space)
    return [
        core.ImporterSpec(name="text", importer=TextImporter(options, space)),
        core.ImporterSpec(name="thumbnail", importer=ThumbnailImporter(), after=("text",)),
    ]
