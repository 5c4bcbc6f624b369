"""The gates ``memory`` and ``disk``: no chunk is admitted beyond their limits."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from pdfsluice.core import (
    ChunkIntent,
    Event,
    MemoryWarning,
    Overloaded,
    Session,
    StorageFailed,
    StorageFull,
)

from .alarm import Alarm
from .sampling import Sampler

MIB = 1024 * 1024
_RETRY_AFTER_SECONDS = 5.0


class MemoryGate:
    """A gate that is open while the process's resident memory is under its limit.

    Args:
        limit_mb: The limit in MiB (``STREAMING_MEMORY_LIMIT_MB``).
        publish: Publishes the warnings at 80 % and 90 %.
        resident: Returns the resident memory in bytes.
    """

    def __init__(
        self,
        *,
        limit_mb: float,
        publish: Callable[[Event], None],
        resident: Callable[[], int] | None = None,
    ) -> None:
        self._limit_mb = limit_mb
        self._publish = publish
        self._alarm = Alarm((0.8, 0.9))
        process = psutil.Process()
        self._resident = Sampler(
            resident or (lambda: int(process.memory_info().rss)), self._warn, _unknown_memory
        )

    async def obstacle(self) -> str:
        """Return a sentence if the memory is at its limit, else nothing."""
        return self._excess(self._resident.value())

    def _excess(self, resident: int) -> str:
        if resident / MIB < self._limit_mb:
            return ""
        return (
            f"The server uses {resident / MIB:.0f} MiB of memory and is allowed "
            f"{self._limit_mb:.0f} MiB."
        )

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:  # noqa: ARG002 - the port's signature
        """Admit a chunk, and watch the memory while it is received.

        Raises:
            Overloaded: The memory is at its limit, or cannot be measured.
        """
        with self._resident.watched() as resident:
            if excess := self._excess(resident):
                raise Overloaded(
                    excess,
                    retry_after=_RETRY_AFTER_SECONDS,
                    hint="Send the chunk again later; or raise STREAMING_MEMORY_LIMIT_MB.",
                )
            yield

    def _warn(self, resident: int) -> None:
        if self._alarm.rises(resident / MIB / self._limit_mb):
            self._publish(
                MemoryWarning(
                    at=time.time(),
                    memory_usage_mb=round(resident / MIB, 1),
                    memory_limit_mb=self._limit_mb,
                    warning="Approaching memory limit",
                )
            )


class DiskGate:
    """A gate that is open while the disk has the space that uploads must leave.

    Args:
        directory: Where partial uploads are kept.
        min_free: Bytes that stay free.
        publish: Publishes a warning if less than four times, and twice, of that is free.
        free: Returns the free bytes.
    """

    def __init__(
        self,
        directory: Path,
        *,
        min_free: int,
        publish: Callable[[Event], None],
        free: Callable[[], int] | None = None,
    ) -> None:
        self._directory = directory
        self._min_free = min_free
        self._publish = publish
        self._alarm = Alarm((0.25, 0.5))
        self._free = Sampler(
            free or (lambda: int(psutil.disk_usage(str(directory)).free)),
            self._warn,
            _unknown_disk,
        )

    async def obstacle(self) -> str:
        """Return a sentence if too little space is free, else nothing."""
        return self._shortage(self._free.value())

    def _shortage(self, free: int) -> str:
        if free >= self._min_free:
            return ""
        return (
            f"The server's disk has {free // MIB} MiB free, and uploads must leave "
            f"{self._min_free // MIB} MiB."
        )

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:  # noqa: ARG002 - the port's signature
        """Admit a chunk, and watch the disk while it is received.

        Raises:
            StorageFull: Less is free than uploads must leave.
            StorageFailed: The free space cannot be measured.
        """
        with self._free.watched() as free:
            if shortage := self._shortage(free):
                raise StorageFull(
                    shortage,
                    hint="Send the chunk again when there is space. Acknowledged bytes are kept.",
                )
            yield

    def _warn(self, free: int) -> None:
        if self._alarm.rises(self._min_free / max(free, 1)):
            usage = psutil.disk_usage(str(self._directory))
            self._publish(
                MemoryWarning(
                    at=time.time(),
                    memory_usage_mb=round((usage.total - free) / MIB, 1),
                    memory_limit_mb=round((usage.total - self._min_free) / MIB, 1),
                    warning="Approaching disk limit",
                )
            )


def _unknown_memory(reason: str) -> Overloaded:
    return Overloaded(
        f"The server cannot measure its memory: {reason}.", retry_after=_RETRY_AFTER_SECONDS
    )


def _unknown_disk(reason: str) -> StorageFailed:
    return StorageFailed(
        f"The server cannot read the free space of its disk: {reason}.",
        hint="Send the chunk again later. If the error persists, check the disk.",
    )
