"""A chunk stage that refuses chunks which their sender marks as rubbish."""

from collections.abc import Sequence

from pdfsluice.core import (
    ChunkCheck,
    ChunkIntent,
    ChunkStageSpec,
    PluginContext,
    ProtocolError,
    Session,
    hookimpl,
)


class NoRubbish:
    def begin(self, session: Session, chunk: ChunkIntent) -> ChunkCheck | None:
        if chunk.headers.get("x-acme-rubbish"):
            raise ProtocolError("the sender marked the chunk as rubbish")
        return None


@hookimpl
def pdfsluice_register_chunk_stages(context: PluginContext) -> Sequence[ChunkStageSpec]:
    return [ChunkStageSpec(name="acme-no-rubbish", stage=NoRubbish())]
