"""Computes the SHA-256 digest of each file while it arrives.

It has no checkpoint: after a restart it reads the stored bytes again.
"""

from collections.abc import Sequence

from pdfsluice.core import PluginContext, StreamStageSpec, hookimpl

NAME = "digest"


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:  # noqa: ARG001 - the hook's signature
    """Register the stream stage ``digest``.

    Its fact ``sha256`` identifies the document.
    """
    from .stage import DigestStage  # noqa: PLC0415 - hooks import cheaply

    return [StreamStageSpec(name=NAME, open=DigestStage)]
