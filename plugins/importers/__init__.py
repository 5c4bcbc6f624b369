"""What is done with every finished document: its text is read, its first page is drawn."""

from collections.abc import Sequence

from pdfsluice.core.hookspecs import hookimpl
from pdfsluice.core.ports import ImporterSpec, PluginContext


@hookimpl
def pdfsluice_register_importers(context: PluginContext) -> Sequence[ImporterSpec]:  # noqa: ARG001
    """Register the importers ``text`` and, after it, ``thumbnail``; neither has settings."""
    from .text import TextImporter  # noqa: PLC0415 - plugins import their parts when asked
    from .thumbnail import ThumbnailImporter  # noqa: PLC0415

    return [
        ImporterSpec(name="text", importer=TextImporter()),
        ImporterSpec(name="thumbnail", importer=ThumbnailImporter(), after=("text",)),
    ]
