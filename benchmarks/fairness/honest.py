"""Keys of a server, and an honest sender that measures the answers to its chunks."""

import http.client
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from pdfsluice.core.models.sessions import Scope
from tests.support import keys

MIB = 1024 * 1024
STREAMING = "/api/documents/streaming"


def add_key(data_dir: Path, name: str) -> dict[str, str]:
    """Add a key that may read and upload; return the header that shows it."""
    return keys.add_key(data_dir, name, [Scope.READ, Scope.UPLOAD])


def initiate(port: int, headers: dict[str, str], size: int, chunk_size: int = MIB) -> str:
    """Open an upload; return its id, or nothing if it is refused."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = {"filename": "a.pdf", "file_size": size, "chunk_size": chunk_size}
    fields = headers | {"Content-Type": "application/json"}
    line.request("POST", f"{STREAMING}/initiate", json.dumps(body), fields)
    answer = line.getresponse()
    content = json.loads(answer.read())
    line.close()
    return str(content["session_id"]) if answer.status == 200 else ""


def send(port: int, headers: dict[str, str], chunks: int, size: int = MIB) -> Sequence[float]:
    """Send a file of so many chunks; return the seconds until each was acknowledged."""
    session = initiate(port, headers, chunks * size, size)
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    seconds = []
    for number in range(chunks):
        head = b"" if number else b"%PDF-1.7\n"
        data = head + os.urandom(size - len(head))
        began = time.monotonic()
        while True:
            line.request("PUT", f"{STREAMING}/chunk/{session}?chunk_id={number}", data, headers)
            answer = line.getresponse()
            answer.read()
            if answer.status == 200:
                break
            time.sleep(0.05)
        seconds.append(time.monotonic() - began)
    line.request("POST", f"{STREAMING}/cancel/{session}", headers=headers)
    line.getresponse().read()
    line.close()
    return seconds


def p99(values: Sequence[float]) -> float:
    """Return the value below which 99 % lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]
