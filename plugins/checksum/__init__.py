"""Compares the bytes of each chunk with the checksum that the client announced for it."""

from collections.abc import Sequence

from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stages import ChunkStageSpec

NAME = "checksum"


@hookimpl
def pdfsluice_register_chunk_stages(context: PluginContext) -> Sequence[ChunkStageSpec]:  # noqa: ARG001 - the hook's signature
    """Register the chunk stage ``checksum``."""
    from .stage import ChecksumStage  # noqa: PLC0415 - hooks import cheaply

    return [ChunkStageSpec(name=NAME, stage=ChecksumStage())]
