"""Slots and space: one key does its worst while another one uploads."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import RunningServer

from .honest import MIB, STREAMING, add_key, initiate, p99, send

_CHUNKS = 100
_SLOW_CONNECTIONS = 10
_BYTES_PER_SECOND = 300
_SESSIONS = 64
_GIB = 1024 * MIB


def measure(folder: Path, rounds: int) -> Mapping[str, float]:
    """Send chunks in turns alone, and next to the attacks."""
    data = folder / "data"
    ann, eve = add_key(data, "ann"), add_key(data, "eve")
    server = RunningServer(data)
    server.start()
    try:
        port = server.port
        opened = [initiate(port, eve, _GIB) for _ in range(_SESSIONS)]
        ready = 0
        alone: list[float] = []
        attacked: list[float] = []
        for _ in range(rounds):
            alone += send(port, ann, _CHUNKS)
            with _slow_connections(port, eve, [each for each in opened if each]):
                time.sleep(2)
                ready += _is_ready(port)
                attacked += send(port, ann, _CHUNKS)
    finally:
        server.stop()
    return {
        "sessions of 1 GiB that the greedy key could open": sum(map(bool, opened)),
        "rounds in which the server was ready": ready,
        "chunk p50 alone, ms": 1000 * sorted(alone)[len(alone) // 2],
        "chunk p99 alone, ms": 1000 * p99(alone),
        "chunk p50 next to the attack, ms": 1000 * sorted(attacked)[len(attacked) // 2],
        "chunk p99 next to the attack, ms": 1000 * p99(attacked),
        "slowest chunk next to the attack, ms": 1000 * max(attacked),
        "ratio of p99 (limit 2)": p99(attacked) / p99(alone),
    }


def _is_ready(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return line.recv(64).startswith(b"HTTP/1.1 200")


@contextmanager
def _slow_connections(port: int, key: dict[str, str], sessions: list[str]) -> Iterator[None]:
    """Keep connections open that send a few bytes a second; open ended ones again."""
    stop = threading.Event()
    authorization = "".join(f"{name}: {value}\r\n" for name, value in key.items())

    def drip(session: str) -> None:
        while not stop.wait(0.1):
            head = (
                f"PUT {STREAMING}/chunk/{session}?chunk_id=0 HTTP/1.1\r\nHost: x\r\n"
                f"{authorization}Content-Length: {MIB}\r\n\r\n"
            )
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
                    line.sendall(head.encode() + b"%PDF-1.7\n")
                    while not stop.wait(0.1):
                        line.sendall(b"x" * (_BYTES_PER_SECOND // 10))
            except OSError:
                continue

    names = sessions[:_SLOW_CONNECTIONS]
    threads = [threading.Thread(target=drip, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
