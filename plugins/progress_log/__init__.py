"""Logs the progress, findings and ends of uploads.

It is an event sink, and the smallest example of one.
"""

from __future__ import annotations  # the ports are imported by the hooks that need them

from collections.abc import Sequence

from pdfsluice import core

NAME = "progress-log"


@core.hookimpl
def pdfsluice_register_event_sinks(context: core.PluginContext) -> Sequence[core.EventSinkSpec]:  # noqa: ARG001 - the hook's signature
    """Register the event sink ``progress-log``."""
    from .sink import EVENTS, ProgressLog  # noqa: PLC0415 - hooks import cheaply

    return [core.EventSinkSpec(name=NAME, sink=ProgressLog(), events=EVENTS)]
