"""Rates: how exactly they are kept, and how they are shared."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pdfsluice.core import KeyRates
from pdfsluice.plugins.api_keys.keys import changing_rates
from tests.support.keys import change_keys
from tests.support.servers import RunningServer

from .honest import MIB, add_key, send

_RATE = 4 * MIB
_CHUNKS = 24


def measure(folder: Path, rounds: int) -> Mapping[str, float]:
    """Send at the rate of a key, and at the server's rate."""
    errors: list[float] = []
    data = folder / "data"
    ann, eve = add_key(data, "ann"), add_key(data, "eve")
    change_keys(data, changing_rates("eve", lambda _: KeyRates(bandwidth=_RATE)))
    server = RunningServer(data)
    server.start()
    try:
        for _ in range(rounds):
            began = time.monotonic()
            send(server.port, eve, _CHUNKS)
            errors.append(abs(_CHUNKS * MIB / (time.monotonic() - began) / _RATE - 1))
    finally:
        server.stop()
    change_keys(data, changing_rates("eve", lambda _: KeyRates()))
    limits = {"PDFSLUICE_SERVER_RATE": str(_RATE), "PDFSLUICE_MAX_CONCURRENT_UPLOADS": "20"}
    server = RunningServer(data, environment=limits)
    server.start()
    try:
        shares = [_share(server.port, ann, eve) for _ in range(rounds)]
    finally:
        server.stop()
    return {
        "worst error of the rate (limit 0.05)": max(errors),
        "worst difference of two owners' bytes (limit 0.1)": max(shares),
    }


def _share(port: int, ann: dict[str, str], eve: dict[str, str]) -> float:
    """Let one key send over one connection and another over four; return the error."""
    each = (port, eve, _CHUNKS // 3)
    greedy = [threading.Thread(target=send, args=each, daemon=True) for _ in range(4)]
    for thread in greedy:
        thread.start()
    began = time.monotonic()
    send(port, ann, _CHUNKS)
    speed = _CHUNKS * MIB / (time.monotonic() - began)
    for thread in greedy:
        thread.join()
    return abs(speed / (_RATE / 2) - 1)
