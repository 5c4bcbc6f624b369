"""A stream stage that reports a marker, and continues after a restart."""

import re
from collections.abc import Sequence

from pdfsluice.core import (
    Finding,
    PluginContext,
    Severity,
    StageContext,
    StageReport,
    StreamStageSpec,
    hookimpl,
)

MARKER = b"ACME-CONFIDENTIAL"


class Marker:
    def __init__(self, context: StageContext) -> None:
        self._tail = context.checkpoint or b""

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        text = self._tail + data
        start = offset - len(self._tail)
        self._tail = text[-len(MARKER) + 1 :]
        return [
            Finding(
                kind="acme-marker",
                severity=Severity.INFO,
                stage="acme-marker",
                message="The file is marked as confidential.",
                offset=start + match.start(),
            )
            for match in re.finditer(MARKER, text)
        ]

    def finish(self) -> StageReport:
        return StageReport()

    def checkpoint(self) -> bytes | None:
        return self._tail

    def close(self) -> None:
        self._tail = b""


@hookimpl
def pdfsluice_register_stream_stages(context: PluginContext) -> Sequence[StreamStageSpec]:
    return [StreamStageSpec(name="acme-marker", open=Marker)]
