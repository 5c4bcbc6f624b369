"""Several server processes on one machine, which start and stop together.

The supervisor holds the folders and the listening sockets, and serves nothing itself. A worker that
dies takes no waiting connection with it, because the sockets are shared. Its successor
knows which node is dead, so that the uploads of that node are continued immediately.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import socket
from uuid import uuid4

from pdfsluice.core.plugins.ports.cluster import NodeIdentity

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.1
_MAX_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_READY = b"1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a worker process is given.

    Attributes:
        node: How it joins the others.
        listeners: The sockets on which all workers listen.
        supervisor: Can be read when the supervisor is gone.
        greets: Whether it prints the address of the server.
    """

    node: NodeIdentity
    listeners: Sequence[socket]
    supervisor: int
    greets: bool
    _ready: int

    def ready(self) -> None:
        """Report that the worker serves; the supervisor waits for the first one only."""
        with suppress(BrokenPipeError):
            os.write(self._ready, _READY)
        os.close(self._ready)


@dataclass(slots=True)
class _Slot:
    """The place of one worker, whose process changes.

    Attributes:
        number: Its number, from 0.
        node: The id of its latest node.
        pid: Its process; 0 while none runs.
        started: When that was started, on the monotonic clock.
        due: When the next one is to be started.
        pause: Seconds to wait after the next early death.
    """

    number: int
    node: str = ""
    pid: int = 0
    started: float = 0.0
    due: float = 0.0
    pause: float = _FIRST_PAUSE_SECONDS


@dataclass(slots=True)
class Supervisor:
    """The supervisor of workers, until a signal stops them.

    Args:
        number: How many.
        listeners: The sockets on which they listen.
        work: Serves until it is stopped; called in each worker process.
        endings: The signals that stop it.
    """

    number: int
    listeners: Sequence[socket]
    work: Callable[[Worker], None]
    endings: Sequence[signal.Signals]
    _slots: list[_Slot] = field(default_factory=list)
    _stopping: bool = False

    def run(self) -> int:
        """Run the workers; return the exit code.

        In a worker process it returns when the worker has ended. The first worker begins alone:
        it migrates the database and cleans up what a crash left.
        """
        self._slots = [_Slot(number) for number in range(self.number)]
        alive, own_end = os.pipe()  # its own end closes with this process
        with _blocked((*self.endings, signal.SIGCHLD)):
            first, *others = self._slots
            readiness = self._start(first, alive, own_end)
            if readiness is None:
                return 0
            if os.read(readiness, 1) != _READY:
                _, status = os.waitpid(first.pid, 0)
                return os.waitstatus_to_exitcode(status) or 1
            os.close(readiness)
            for slot in others:
                slot.due = time.monotonic()
            while any(slot.pid for slot in self._slots) or not self._stopping:
                if not self._stopping and self._start_due(alive, own_end):
                    return 0
                self._wait()
        return 0

    def _start_due(self, alive: int, own_end: int) -> bool:
        """Start the workers that are due; return whether this process is one of them."""
        for slot in self._slots:
            if slot.pid or slot.due > time.monotonic():
                continue
            readiness = self._start(slot, alive, own_end)
            if readiness is None:
                return True
            os.close(readiness)
        return False

    def _start(self, slot: _Slot, alive: int, own_end: int) -> int | None:
        """Start a worker; return its pipe for readiness, or ``None`` in the worker."""
        dead, slot.node = slot.node, str(uuid4())
        readiness, ready = os.pipe()
        slot.started = time.monotonic()
        slot.pid = os.fork()
        if slot.pid:
            os.close(ready)
            return readiness
        os.close(readiness)
        os.close(own_end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*self.endings, signal.SIGCHLD))
        node = NodeIdentity(
            exclusive=slot.number == 0 and not dead,
            shared=True,
            name=slot.node,
            replaces=dead,
            number=slot.number,
        )
        greets = slot.number == 0 and not dead
        self.work(
            Worker(
                node=node, listeners=self.listeners, supervisor=alive, greets=greets, _ready=ready
            )
        )
        return None

    def _wait(self) -> None:
        """Wait for a signal, or until the next worker is to be started."""
        waiting = [slot.due for slot in self._slots if not slot.pid and not self._stopping]
        seconds = max(0.0, min(waiting) - time.monotonic()) if waiting else _STEADY_SECONDS
        received = signal.sigtimedwait((*self.endings, signal.SIGCHLD), seconds)
        if received is not None and received.si_signo != signal.SIGCHLD:
            self._stopping = True
            for slot in self._slots:
                if slot.pid:
                    os.kill(slot.pid, signal.SIGTERM)
        self._reap()

    def _reap(self) -> None:
        for slot in self._slots:
            if not slot.pid:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            if pid:
                self._ended(slot, os.waitstatus_to_exitcode(status))

    def _ended(self, slot: _Slot, code: int) -> None:
        slot.pid = 0
        if self._stopping:
            return
        now = time.monotonic()
        if now - slot.started > _STEADY_SECONDS:
            slot.pause = _FIRST_PAUSE_SECONDS
        slot.due, slot.pause = now + slot.pause, min(2 * slot.pause, _MAX_PAUSE_SECONDS)
        logger.error("worker %d ended with code %d and is started again", slot.number, code)


@contextmanager
def _blocked(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Leave signals pending, so that none is lost between two looks."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
