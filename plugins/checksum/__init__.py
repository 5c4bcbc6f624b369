"""Compare the bytes of each chunk with the checksum that its client announced.

The digest of a whole file is computed by the plugin `digest`.
"""

from collections.abc import Sequence

from pdfsluice.core import ChunkStageSpec, PluginContext, hookimpl

NAME = "checksum"


@hookimpl
def pdfsluice_register_chunk_stages(context: PluginContext) -> Sequence[ChunkStageSpec]:  # noqa: ARG001 - the hook's signature
    """Register the chunk stage ``checksum``."""
    from .stage import ChecksumStage  # noqa: PLC0415 - hooks import cheaply

    return [ChunkStageSpec(name=NAME, stage=ChecksumStage())]
