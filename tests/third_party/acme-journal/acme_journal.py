"""An event sink that writes the end of each upload to a file."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pdfsluice.core import Event, EventSinkSpec, PluginContext, UploadStatus, hookimpl


class Journal:
    def __init__(self, file: Path) -> None:
        self._file = file

    async def handle(self, event: Event) -> None:
        if isinstance(event, UploadStatus) and event.status == "completed":
            line = f"{event.document_id} {event.stage}\n"
            await asyncio.to_thread(self._append, line)

    def _append(self, line: str) -> None:
        with self._file.open("a") as file:
            file.write(line)


@hookimpl
def pdfsluice_register_event_sinks(context: PluginContext) -> Sequence[EventSinkSpec]:
    return [EventSinkSpec(name="acme-journal", sink=Journal(context.data_dir / "journal.txt"))]
