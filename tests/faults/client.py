"""A client that acts at random and remembers what the server acknowledged."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pdfsluice.core.testing.pdfs import make_pdf

API = "/api/documents/streaming"
CHUNK = 64 * 1024
_TIMEOUT_SECONDS = 60.0
Range = tuple[int, int]


class Phase(StrEnum):
    """What the client last asked for, and whether it got an answer."""

    OPEN = "open"
    COMPLETING = "completing"
    DONE = "done"
    DELETING = "deleting"
    DELETED = "deleted"
    LOST = "lost"


@dataclass(eq=False, slots=True)
class Upload:
    """An upload, and what the server acknowledged of it.

    Attributes:
        acknowledged: Chunks that were answered with 200.
        document: The id of its document, as soon as it is known.
        busy: Whether a thread works on it.
    """

    id: str
    data: bytes
    acknowledged: list[Range] = field(default_factory=list)
    phase: Phase = Phase.OPEN
    document: int | None = None
    busy: bool = True

    @property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()

    @property
    def chunks(self) -> list[Range]:
        size = len(self.data)
        return [(start, min(start + CHUNK, size)) for start in range(0, size, CHUNK)]


def call(
    port: int, method: str, path: str, body: Any = None, *, raw: bool = False
) -> tuple[int, Any]:
    """Make one request; return the status and the answer.

    Raises:
        OSError: There was no answer.
    """
    headers = {}
    if isinstance(body, dict):
        body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    elif body is not None:
        headers = {"Content-Type": "application/octet-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        data = response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
    return response.status, data if raw or not data else json.loads(data)


class Client:
    """Uploads, completes and deletes at random.

    Args:
        seed: Decides what it does.
        max_size: Bytes of the largest file.

    Attributes:
        port: Where the server listens.
        uploads: All that it has begun.
        counts: How often it did what.
        refusals: Answers other than success, by status and code.
    """

    def __init__(self, seed: int, *, max_size: int = 300_000) -> None:
        self.port = 0
        self.random = random.Random(seed)
        self.uploads: list[Upload] = []
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self._max_size = max_size
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self, threads: int) -> list[threading.Thread]:
        """Act in so many threads until :meth:`stop`."""
        self.start()
        seeds = [self.random.random() for _ in range(threads)]
        running = [threading.Thread(target=self._work, args=(seed,)) for seed in seeds]
        for thread in running:
            thread.start()
        return running

    def start(self) -> None:
        """Send again after :meth:`stop`."""
        self._stopped.clear()

    def stop(self) -> None:
        """End the threads after their present request."""
        self._stopped.set()

    def _work(self, seed: float) -> None:
        chance = random.Random(seed)
        while not self._stopped.is_set():
            upload = None
            try:
                roll = chance.random()
                if roll < 0.1 and (upload := self._pick(chance, Phase.DONE)):
                    self.delete(upload)
                elif roll < 0.4 and (upload := self._pick(chance, Phase.OPEN)):
                    self.send(upload, chance, stop=chance.random() < 0.2)
                elif upload := self.begin(chance):
                    self.send(upload, chance, stop=chance.random() < 0.3)
            except OSError:
                time.sleep(0.02)
            finally:
                if upload is not None:
                    upload.busy = False

    def _pick(self, chance: random.Random, phase: Phase) -> Upload | None:
        with self._lock:
            idle = [each for each in self.uploads if each.phase is phase and not each.busy]
            if not idle:
                return None
            upload = chance.choice(idle)
            upload.busy = True
            return upload

    def begin(self, chance: random.Random) -> Upload | None:
        """Open an upload of a file that no other one has."""
        size = chance.randint(1000, self._max_size)
        data = make_pdf([f"{chance.getrandbits(64):x}"], noise_per_page=size)
        wanted = {"filename": "a.pdf", "file_size": len(data), "chunk_size": CHUNK}
        status, answer = call(self.port, "POST", f"{API}/initiate", wanted)
        if not self._succeeded("initiate", status, answer):
            return None
        upload = Upload(answer["session_id"], data)
        with self._lock:
            self.uploads.append(upload)
        return upload

    def send(self, upload: Upload, chance: random.Random, *, stop: bool) -> None:
        """Send missing chunks in any order, two at a time; complete unless it is to stop."""
        missing = [chunk for chunk in upload.chunks if chunk not in upload.acknowledged]
        chance.shuffle(missing)
        if stop:
            missing = missing[: chance.randint(0, len(missing))]
        while missing and not self._stopped.is_set():
            pair, missing = missing[:2], missing[2:]
            threads = [threading.Thread(target=self._chunk, args=(upload, each)) for each in pair]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if not set(pair) <= set(upload.acknowledged):
                return
        if not stop and set(upload.acknowledged) >= set(upload.chunks):
            self.complete(upload)

    def _chunk(self, upload: Upload, chunk: Range) -> None:
        start, end = chunk
        path = f"{API}/chunk/{upload.id}?chunk_offset={start}"
        try:
            status, answer = call(self.port, "PUT", path, upload.data[start:end])
        except OSError:
            return
        if self._succeeded("chunk", status, answer):
            upload.acknowledged.append(chunk)

    def complete(self, upload: Upload) -> tuple[int, Any]:
        """Complete an upload; return the answer."""
        upload.phase = Phase.COMPLETING
        status, answer = call(self.port, "POST", f"{API}/complete/{upload.id}")
        if self._succeeded("complete", status, answer):
            upload.document = answer["document"]["id"]
            upload.phase = Phase.DONE
        return status, answer

    def delete(self, upload: Upload) -> int:
        """Delete the document of an upload; return the status."""
        upload.phase = Phase.DELETING
        status, answer = call(self.port, "DELETE", f"/api/documents/{upload.document}")
        if self._succeeded("delete", status, answer) or status == 404:
            upload.phase = Phase.DELETED
        return status

    def _succeeded(self, what: str, status: int, answer: Any) -> bool:
        with self._lock:
            if status < 300:
                self.counts[what] += 1
                return True
            code = answer.get("code", "?") if isinstance(answer, dict) else "?"
            self.refusals[f"{what} {status} {code}"] += 1
            return False
