"""A separate process that measures a server's response time and memory.

A busy sender cannot read the clock on time; this process does nothing else.
"""

import http.client
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from select import select
from typing import Any

import orjson
import psutil

from benchmarks.support.processes import Server

_INTERVAL_SECONDS = 0.05


@dataclass
class Observed:
    """The measurements; filled when the observation has ended.

    Attributes:
        figures: Memory in MiB, the time of ``/health/live`` in milliseconds, and, if the server
            counts the turns of its event loop, the longest turn in milliseconds.
    """

    figures: dict[str, Any] = field(default_factory=dict)


@contextmanager
def observing(server: Server) -> Iterator[Observed]:
    """Observe a server until the context is left."""
    command = [sys.executable, "-m", __name__, server.name, str(server.port)]
    observed = Observed()
    with subprocess.Popen(
        [*command, str(server.process.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as watcher:
        try:
            yield observed
        finally:
            figures, _ = watcher.communicate()  # its input ends, and it prints its figures
        observed.figures = orjson.loads(figures)


def _watch(server: Server) -> dict[str, Any]:
    """Observe a server until standard input ends."""
    before = highest = server.rss_mib()
    answers: list[float] = []
    line = http.client.HTTPConnection(server.host, server.port)
    turns = _turns(line)
    while not select([sys.stdin], [], [], _INTERVAL_SECONDS)[0]:
        begin = time.perf_counter()
        line.request("GET", "/health/live")
        line.getresponse().read()
        answers.append((time.perf_counter() - begin) * 1000)
        highest = max(highest, server.rss_mib())
    loops = [bound for bound, count in _turns(line).items() if count > turns[bound]]
    return {
        "rss_before_mib": round(before, 1),
        "rss_highest_mib": round(highest, 1),
        "liveness_p50_ms": round(statistics.median(answers), 1) if answers else None,
        "liveness_worst_ms": round(max(answers), 1) if answers else None,
        **({"loop_turns_within_ms": round(max(loops) * 1000, 1)} if loops else {}),
    }


def _turns(line: http.client.HTTPConnection) -> dict[float, int]:
    """Return how many turns the event loop has made, by the bound that each has kept."""
    line.request("GET", "/metrics")
    matches = re.findall(
        r'^pdfsluice_event_loop_turn_seconds_bucket{le="(\S+)"} (\S+)$',
        line.getresponse().read().decode(),
        re.MULTILINE,
    )
    totals = [float(total) for _, total in matches]
    bounds = [float(bound) for bound, _ in matches]
    before = [0.0, *totals]
    return {b: int(t - low) for b, t, low in zip(bounds, totals, before, strict=False)}


if __name__ == "__main__":
    name, port, pid = sys.argv[1:]
    sys.stdout.buffer.write(orjson.dumps(_watch(Server(name, int(port), psutil.Process(int(pid))))))
