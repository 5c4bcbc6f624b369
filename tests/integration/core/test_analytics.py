"""What uploads cost is measured, and each end is recorded once, whatever fails."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.analytics.keeper import AnalyticsKeeper
from pdfsluice.core.analytics.recorder import UploadRecorder
from pdfsluice.core.analytics.reports import Grouping
from pdfsluice.core.errors import BodyIncomplete, ContentRejected, NotFound, StorageFailed
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.models.upload_records import UploadEnd, UploadRecord
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.uploads.creating import Initiation, product
from pdfsluice.core.uploads.open_upload.measuring import Meter
from tests.support.runtimes import Bytes, a_runtime, initiate, send, send_all
from tests.support.waiting import until

DATA = bytes(range(256)) * 1000
SINCE, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
SOFTWARE = "tusc/2.1 (Linux)"


async def records(runtime: Runtime) -> list[UploadRecord]:
    pages = await runtime.analytics.records(LOCAL, SINCE, UNTIL)
    return [record async for page in pages for record in page]


async def complete(runtime: Runtime, data: bytes, **changes: Any) -> Session:
    session = await initiate(runtime, data, software=SOFTWARE, **changes)
    await send_all(runtime, session, data)
    return (await runtime.uploads.complete(LOCAL, session.id)).session


async def test_a_completed_upload(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await complete(runtime, DATA)
        (record,) = await records(runtime)
        assert (record.session_id, record.end) == (session.id, UploadEnd.COMPLETED)
        assert (record.protocol, record.client, record.account) == ("rest", "tusc/2.1", "local")
        assert (record.size, record.committed_bytes, record.resent_bytes) == (256_000, 256_000, 0)
        assert record.measures.requests == session.total_chunks
        assert record.measures.received_bytes == 256_000
        assert 0 < record.measures.receiving_seconds < 30
        assert 0 < record.measures.validating_seconds < 30
        assert record.began_at < record.ended_at


async def test_the_import_of_a_document_is_measured(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await complete(runtime, DATA)

        async def seconds() -> float | None:
            (record,) = await records(runtime)
            return record.importing_seconds

        await until(seconds, seconds=20)
        (record,) = await records(runtime)
        assert record.session_id == session.id
        assert 0 < (record.importing_seconds or 0) < 20


async def test_broken_and_repeated_requests(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, DATA)
        broken = Bytes(DATA, fails_after=100_000, failure=BodyIncomplete("broken"))
        with pytest.raises(BodyIncomplete):
            await send(runtime, session, DATA, 0, broken)
        await send(runtime, session, DATA, 0)
        await runtime.uploads.resume(LOCAL, session.id, "")
        await send(runtime, session, DATA, 0)
        await runtime.uploads.complete(LOCAL, session.id)
        (record,) = await records(runtime)
        assert record.measures.requests == 3
        assert record.measures.received_bytes == 100_000 + 2 * 256_000
        assert record.resent_bytes == 100_000 + 256_000
        assert record.measures.resumes == 2


async def test_measures_survive_a_restart(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, DATA, chunk_size=65_536)
        await send(runtime, session, DATA, 0)
    async with a_runtime(tmp_path) as runtime:
        for chunk_id in range(1, session.total_chunks or 0):
            await send(runtime, session, DATA, chunk_id)
        await runtime.uploads.complete(LOCAL, session.id)
        (record,) = await records(runtime)
        assert record.measures.requests == session.total_chunks
        assert record.measures.received_bytes == len(DATA)
        assert record.measures.resumes == 1


async def test_each_end_is_named(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        await complete(runtime, DATA)
        await complete(runtime, DATA)
        cancelled = await initiate(runtime, DATA)
        await runtime.uploads.cancel(LOCAL, cancelled.id)
        with pytest.raises(ContentRejected):
            await complete(runtime, b"FORBIDDEN" * 1000)
        ends = {record.session_id: record for record in await records(runtime)}
        assert [record.end.value for record in ends.values()] == [
            "completed", "duplicate", "cancelled", "rejected",
        ]  # fmt: skip
        assert ends[cancelled.id].committed_bytes == 0
        (refused,) = [each for each in ends.values() if each.end is UploadEnd.REJECTED]
        assert refused.finding_kinds == ("word",)


async def test_a_concatenation_is_one_upload_with_the_cost_of_its_parts(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        parts = [await initiate(runtime, DATA, partial=True) for _ in range(2)]
        for part in parts:
            await send_all(runtime, part, DATA)
        wanted = Initiation(filename="whole.pdf", total_size=None)
        whole = await runtime.uploads.concatenate(LOCAL, wanted, [part.id for part in parts])
        await runtime.uploads.complete(LOCAL, whole.id)
        await runtime.analytics.check()
        (record,) = await records(runtime)
        assert record.committed_bytes == record.measures.received_bytes == 2 * len(DATA)
        assert record.measures.requests == 2 * (parts[0].total_chunks or 0)


async def test_a_record_that_was_lost_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the server had been killed before the record was stored."""
    with monkeypatch.context() as patch:
        patch.setattr(AnalyticsKeeper, "sinks", ())
        async with a_runtime(tmp_path) as runtime:
            await complete(runtime, DATA)
            assert await records(runtime) == []
    async with a_runtime(tmp_path) as runtime:
        await runtime.analytics.check()
        (record,) = await records(runtime)
        assert (record.committed_bytes, record.end) == (len(DATA), UploadEnd.COMPLETED)
        assert record.measures.received_bytes == len(DATA)
        await runtime.analytics.check()
        assert len(await records(runtime)) == 1


async def test_nothing_is_recorded_without_retention(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, analytics_retention=0) as runtime:
        await complete(runtime, DATA)
        with pytest.raises(NotFound):
            await runtime.analytics.report(LOCAL, SINCE, UNTIL, Grouping.END)


async def test_records_wait_while_the_store_fails(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        await complete(runtime, DATA)
        stored: list[int] = []

        class Failing:
            async def record(self, records: list[UploadRecord], imports: object) -> None:
                del imports
                stored.append(len(records))
                if len(stored) == 1:
                    raise StorageFailed("the disk is gone")

        recorder = UploadRecorder(Failing(), interval_seconds=0.01)  # type: ignore[arg-type]
        (record,) = await records(runtime)
        async with recorder.running():
            await recorder.handle(_ended(record))
            await until(lambda: len(stored) >= 2)
        assert stored[:2] == [1, 1]


def _ended(record: UploadRecord) -> Any:
    from pdfsluice.core.models.events import UploadEnded  # noqa: PLC0415

    return UploadEnded(at=0.0, session_id=record.session_id, owner="local", record=record)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("curl/8.1.2", "curl/8.1.2"),
        ("Mozilla/5.0 (X11) AppleWebKit/537", "browser"),
        ("", ""),
        ("a\u202eb" * 99, "ab" * 32),
    ],
)
def test_a_program_is_known_by_its_first_product(user_agent: str, name: str) -> None:
    assert product(user_agent) == name


def a_clock(*times: float) -> Callable[[], float]:
    iterator = iter(times)
    return lambda: next(iterator)


async def test_requests_at_the_same_time_count_their_time_once(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, DATA)
    meter = Meter(session, a_clock(10.0, 15.0, 20.0))
    meter.begin_request()
    meter.begin_request()
    meter.end_request(5)
    meter.end_request(7)
    measures = meter.measures
    assert (measures.receiving_seconds, measures.requests, measures.received_bytes) == (5.0, 2, 12)
