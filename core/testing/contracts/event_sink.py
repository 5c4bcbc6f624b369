"""What every event sink must do."""

import asyncio

import pytest

from pdfsluice.core import (
    Event,
    EventSink,
    FindingsReported,
    ShuttingDown,
    UploadStatus,
)

from .asynchronous import AsyncContract
from .samples import FINDING


class EventSinkContract(AsyncContract):
    """The tests of an event sink.

    Override ``sink``.
    """

    @pytest.fixture
    def sink(self) -> EventSink:
        raise NotImplementedError("override the fixture 'sink'")

    async def test_ends_and_findings_of_uploads_are_taken(self, sink: EventSink) -> None:
        await sink.handle(
            FindingsReported(at=1.0, session_id="s", owner="ann", findings=(FINDING,))
        )
        for status in ("uploading", "completed", "rejected", "failed", "cancelled", "expired"):
            await sink.handle(
                UploadStatus(
                    at=1.0,
                    session_id="s",
                    owner="ann",
                    status=status,
                    stage=status,
                    message="!",
                )
            )

    async def test_events_of_other_kinds_are_taken(self, sink: EventSink) -> None:
        """A minor version may add kinds of events."""

        class NewKind(Event):
            pass

        async with asyncio.timeout(5):
            await sink.handle(NewKind(at=1.0))
            await sink.handle(ShuttingDown(at=1.0, retry_after=1.0))
