"""Logs the progress, findings and ends of uploads.

It is an event sink, and the smallest example of one.
"""

from collections.abc import Sequence

from pdfsluice.core import EventSinkSpec, PluginContext, hookimpl

NAME = "progress-log"


@hookimpl
def pdfsluice_register_event_sinks(context: PluginContext) -> Sequence[EventSinkSpec]:  # noqa: ARG001 - the hook's signature
    """Register the event sink ``progress-log``."""
    from .sink import EVENTS, ProgressLog  # noqa: PLC0415 - hooks import cheaply

    return [EventSinkSpec(name=NAME, sink=ProgressLog(), events=EVENTS)]
