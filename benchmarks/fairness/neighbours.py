"""What a limited key costs others, compared with one that limits itself.

Each sender is a process of its own, so that none of them waits for the interpreter lock of
another one. What remains between the two neighbours is the cost of pacing in the server.
"""

import http.client
import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path

from pdfsluice.core import KeyRates
from pdfsluice.plugins.api_keys.keys import changing_rates
from tests.support.keys import change_keys
from tests.support.servers import RunningServer

from .honest import MIB, STREAMING, add_key, initiate, p99, send

_RATE = 4 * MIB
_SMALL = 64 * 1024
_CHUNKS = 250
_TURNS = 5
_PARTS_PER_SECOND = 8
_SESSION_CHUNKS = 64
_PROCESSES = multiprocessing.get_context("spawn")


@dataclass
class Neighbour:
    """A process that sends chunks of 1 MiB while it is asked to.

    Attributes:
        port: Of the server.
        key: The header of its key.
        rate: Bytes per second that it chooses; 0 to send as fast as the server receives.
    """

    port: int
    key: dict[str, str]
    rate: int
    _active: Event = field(default_factory=_PROCESSES.Event)
    _idle: Event = field(default_factory=_PROCESSES.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the process; it sends nothing yet."""
        events = (self._active, self._idle)
        arguments = (self.port, self.key, self.rate, *events)
        process = _PROCESSES.Process(target=_send_while_active, args=arguments, daemon=True)
        process.start()
        self._idle.wait(60)
        try:
            yield
        finally:
            process.terminate()
            process.join(30)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send until the context is left."""
        self._idle.clear()
        self._active.set()
        time.sleep(1)
        try:
            yield
        finally:
            self._active.clear()
            self._idle.wait(60)


def measure(folder: Path, rounds: int) -> Mapping[str, float]:
    """Send small chunks alone, and next to each neighbour, in turns."""
    data = folder / "data"
    ann, bob, eve = (add_key(data, name) for name in ("ann", "bob", "eve"))
    change_keys(data, changing_rates("eve", lambda _: KeyRates(bandwidth=_RATE)))
    alone: list[float] = []
    by_choice: list[float] = []
    limited: list[float] = []
    server = RunningServer(data)
    server.start()
    try:
        port = server.port
        chooser, paced = Neighbour(port, bob, _RATE), Neighbour(port, eve, 0)
        with chooser.running(), paced.running():
            send(port, ann, _CHUNKS, _SMALL)
            for _ in range(_TURNS * rounds):
                alone += send(port, ann, _CHUNKS, _SMALL)
                with chooser.sending():
                    by_choice += send(port, ann, _CHUNKS, _SMALL)
                with paced.sending():
                    limited += send(port, ann, _CHUNKS, _SMALL)
    finally:
        server.stop()
    times = {"alone": alone, "next to a choice": by_choice, "next to a limit": limited}
    medians = {f"chunk p50 {name}, ms": 1000 * sorted(t)[len(t) // 2] for name, t in times.items()}
    return {
        **medians,
        **{f"chunk p99 {name}, ms": 1000 * p99(t) for name, t in times.items()},
        "chunks of each": len(alone),
        "p99 next to a choice, of that alone": p99(by_choice) / p99(alone),
        "p99 next to a limit, of that alone": p99(limited) / p99(alone),
        "p99 next to a limit, of next to a choice (limit 1.1)": p99(limited) / p99(by_choice),
    }


def _send_while_active(
    port: int, key: dict[str, str], rate: int, active: Event, idle: Event
) -> None:
    """Send chunks of 1 MiB, at a chosen rate in eighths of a second."""
    data = b"%PDF-1.7\n" + bytes(MIB - 9)
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    session, number = "", 0
    idle.set()
    while True:
        active.wait()
        if not session:
            session = initiate(port, key, _SESSION_CHUNKS * MIB)
        path = f"{STREAMING}/chunk/{session}?chunk_id={number}"
        body = _spread(data, rate) if rate else data
        line.request("PUT", path, body, {**key, "Content-Length": str(len(data))})
        line.getresponse().read()
        number += 1
        if number == _SESSION_CHUNKS:
            line.request("POST", f"{STREAMING}/cancel/{session}", headers=key)
            line.getresponse().read()
            session, number = "", 0
        if not active.is_set():
            idle.set()


def _spread(data: bytes, rate: int) -> Iterator[bytes]:
    """Yield parts of a body, each after the time that it takes at the rate."""
    size = rate // _PARTS_PER_SECOND
    for start in range(0, len(data), size):
        time.sleep(1 / _PARTS_PER_SECOND)
        yield data[start : start + size]
