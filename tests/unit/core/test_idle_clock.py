"""Uploads expire by time that a server lived through, not by what a clock shows."""

from datetime import UTC, datetime, timedelta

from pdfsluice.config import Settings
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.testing import MemorySessionStore
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.core.uploads.idle_clock import IdleClock
from pdfsluice.core.uploads.lifecycle import expiry

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings.model_validate({})  # 24 hours idle, 7 days old


class Clocks:
    """A wall clock that can be set, and a monotonic one."""

    def __init__(self) -> None:
        self.wall, self.monotonic = START, 1000.0

    def pass_time(self, **how_much: float) -> None:
        elapsed = timedelta(**how_much)
        self.wall += elapsed
        self.monotonic += elapsed.total_seconds()

    def idle_clock(self, store: MemorySessionStore) -> IdleClock:
        return IdleClock(SETTINGS, store, wall=lambda: self.wall, monotonic=lambda: self.monotonic)

    def upload(self) -> Session:
        return make_session(created_at=self.wall, updated_at=self.wall, expires_at=self.wall)


async def live(clocks: Clocks, idle: IdleClock, hours: int) -> None:
    for _ in range(hours * 60):
        clocks.pass_time(minutes=1)
        await idle.record()


async def test_an_idle_upload_expires_after_its_time() -> None:
    clocks = Clocks()
    idle = clocks.idle_clock(MemorySessionStore())
    await idle.record()
    upload = clocks.upload()
    assert idle.expiry(upload) == expiry(upload, SETTINGS)
    await live(clocks, idle, 23)
    assert not idle.is_expired(upload)
    await live(clocks, idle, 1)
    assert idle.is_expired(upload)
    ended = make_session(state=SessionState.COMPLETED)
    assert not idle.is_expired(ended)


async def test_a_clock_that_jumps_a_month_expires_nothing() -> None:
    clocks = Clocks()
    idle = clocks.idle_clock(MemorySessionStore())
    await idle.record()
    upload = clocks.upload()
    await live(clocks, idle, 2)
    clocks.wall += timedelta(days=30)
    assert not idle.is_expired(upload), "also before the jump was recorded"
    await live(clocks, idle, 23)
    assert not idle.is_expired(upload)
    await live(clocks, idle, 2)
    assert idle.is_expired(upload), "idle time counts from the jump on"


async def test_a_jump_is_remembered_over_a_restart() -> None:
    clocks, store = Clocks(), MemorySessionStore()
    idle = clocks.idle_clock(store)
    await idle.record()
    upload = clocks.upload()
    clocks.wall += timedelta(days=30)
    await idle.record()
    clocks.pass_time(minutes=5)
    again = clocks.idle_clock(store)
    await again.record()
    assert not again.is_expired(upload)


async def test_time_without_a_server_does_not_count() -> None:
    clocks, store = Clocks(), MemorySessionStore()
    await clocks.idle_clock(store).record()
    upload = clocks.upload()
    clocks.pass_time(days=30)  # it was off, or the clock was set while it was
    idle = clocks.idle_clock(store)
    await idle.record()
    assert not idle.is_expired(upload)
    await live(clocks, idle, 25)
    assert idle.is_expired(upload)


async def test_a_clock_set_right_again_keeps_nothing_alive_for_long() -> None:
    clocks = Clocks()
    idle = clocks.idle_clock(MemorySessionStore())
    await idle.record()
    clocks.wall += timedelta(days=300)
    await idle.record()
    clocks.wall -= timedelta(days=300)
    await idle.record()
    upload = clocks.upload()
    await live(clocks, idle, 25)
    assert idle.is_expired(upload)
