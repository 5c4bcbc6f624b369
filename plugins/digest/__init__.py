"""Computes the SHA-256 digest of each file while it arrives.

It has no checkpoint: after a restart it reads the stored bytes again.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

NAME = "digest"


@core.hookimpl
def pdfsluice_register_stream_stages(context: core.PluginContext) -> Sequence[core.StreamStageSpec]:  # noqa: ARG001 - the hook's signature
    """Register the stream stage ``digest``.

    Its fact ``sha256`` identifies the document.
    """
    from .stage import DigestStage  # noqa: PLC0415 - hooks import cheaply

    return [core.StreamStageSpec(name=NAME, open=DigestStage)]
