"""The event sink ``progress-log``."""

import logging
from typing import Any

import pytest

from pdfsluice.core.models.events import (
    ChunkProgress,
    FindingsReported,
    MemoryWarning,
    ShuttingDown,
    UploadProgress,
    UploadStatus,
)
from pdfsluice.core.testing.contracts.samples import FINDING
from pdfsluice.plugins.progress_log.sink import ProgressLog


def progress(at: float, session_id: str = "s", **changes: Any) -> UploadProgress:
    values: dict[str, Any] = {
        "at": at, "session_id": session_id, "owner": "o", "status": "uploading",
        "stage": "uploading", "received_bytes": 20, "durable_bytes": 10, "validated_bytes": 5,
        "imported": 0.0, "total_bytes": 100, "uploaded_chunks": 1, "total_chunks": 10,
        "current_chunk": 1, "upload_speed_bps": 2e6, "estimated_time_remaining": 3.0,
        "message": "",
    }  # fmt: skip
    return UploadProgress(**(values | changes))


def status(at: float, name: str, **changes: Any) -> UploadStatus:
    values: dict[str, Any] = {
        "at": at, "session_id": "s", "owner": "o", "status": name, "stage": name, "message": "why",
    }  # fmt: skip
    return UploadStatus(**(values | changes))


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


async def test_a_line_every_few_seconds_for_each_session(caplog: pytest.LogCaptureFixture) -> None:
    sink = ProgressLog(interval=5)
    for tenth in range(200):
        await sink.handle(progress(tenth / 10, "a"))
        await sink.handle(progress(tenth / 10, "b", total_bytes=None))
    lines = [(record.__dict__["session_id"], record.levelname) for record in caplog.records]
    assert lines == [("a", "INFO"), ("b", "INFO")] * 3
    assert caplog.records[0].getMessage() == ("uploading: 10 of 100 bytes are durable, 2.0 MB/s")
    assert caplog.records[0].__dict__["validated_bytes"] == 5
    assert "of unknown bytes" in caplog.records[1].getMessage()


async def test_a_short_upload_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    sink = ProgressLog()
    for event in (status(0, "uploading"), progress(0), status(1, "processing"), progress(1)):
        await sink.handle(event)
    await sink.handle(status(2, "completed", document_id=7))
    (line,) = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert line.getMessage() == "completed: why"
    assert line.__dict__["document_id"] == 7


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("completed", logging.INFO),
        ("cancelled", logging.INFO),
        ("expired", logging.INFO),
        ("rejected", logging.WARNING),
        ("failed", logging.ERROR),
        ("uploading", logging.DEBUG),
    ],
)
async def test_levels(caplog: pytest.LogCaptureFixture, name: str, level: int) -> None:
    await ProgressLog().handle(status(0, name))
    assert [record.levelno for record in caplog.records] == [level]


async def test_findings_and_warnings_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    sink = ProgressLog()
    await sink.handle(
        FindingsReported(at=0, session_id="s", owner="o", findings=(FINDING, FINDING))
    )
    await sink.handle(FindingsReported(at=0, session_id="s", owner="o"))
    await sink.handle(
        MemoryWarning(at=0, memory_usage_mb=450, memory_limit_mb=500, warning="Approaching")
    )
    await sink.handle(ShuttingDown(at=0, retry_after=5))
    await sink.handle(
        ChunkProgress(
            at=0, session_id="s", owner="o", chunk_id=0, chunks_uploaded=1, total_chunks=1,
            bytes_uploaded=1, total_bytes=1, upload_speed_bps=1, eta_seconds=None,
        )
    )  # fmt: skip
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "found javascript"),
        ("WARNING", "Approaching: 450.0 of 500.0 MB"),
        ("INFO", "shutting down; unfinished uploads can be resumed"),
    ]


async def test_forgotten_sessions_take_no_memory() -> None:
    sink = ProgressLog()
    for number in range(10_500):
        await sink.handle(progress(0, str(number)))
    assert len(sink._last) <= 10_000
