"""What is done to the server; each scenario returns its figures."""

import asyncio
import base64
import contextlib
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.support.files import RepeatingPdf, warm
from benchmarks.support.processes import Server
from benchmarks.support.senders import STREAMING
from benchmarks.support.uploads import delete, upload_repeating, wait_for_import
from pdfsluice.core.testing.pdfs import make_pdf

KIB, MIB = 1024, 1024 * 1024
Sender = Callable[[aiohttp.ClientSession, bytes], Awaitable[None]]
START = b"%PDF-1.7\n1 0 obj\n<</Length 1000000000>>\nstream\n"
"""The bytes before random ones, which so become the inside of a picture."""


def _client(server: Server, connections: int = 0) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        f"http://{server.host}:{server.port}",
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=600),
    )


async def _initiate(http: aiohttp.ClientSession, size: int, chunk_size: int) -> dict[str, Any]:
    wanted = {"filename": "load.pdf", "file_size": size, "chunk_size": chunk_size}
    async with http.post(
        f"{STREAMING}/initiate", json=wanted | {"check_duplicates": False}
    ) as response:
        response.raise_for_status()
        session: dict[str, Any] = await response.json()
        return session


async def _put(
    http: aiohttp.ClientSession, session_id: str, number: int, data: Any, size: int
) -> None:
    path = f"{STREAMING}/chunk/{session_id}?chunk_id={number}"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    async with http.put(path, data=data, headers=headers) as response:
        if response.status != 200:
            raise RuntimeError(f"{response.status} {await response.text()}")
        await response.read()


def percentile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` of all values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _milliseconds(values: list[float], name: str) -> dict[str, float]:
    return {
        f"{name}_p50_ms": round(statistics.median(values) * 1000, 1),
        f"{name}_p99_ms": round(percentile(values, 0.99) * 1000, 1),
    }


async def concurrent(server: Server, folder: Path, smoke: bool) -> dict[str, Any]:
    """200 simultaneous uploads of 1 MB/s: the delay of each chunk's answer."""
    uploads, chunk, count = (5, 64 * KIB, 2) if smoke else (200, MIB, 12)
    warm(folder, uploads * chunk * count)
    piece = START + random.Random(1).randbytes(chunk - len(START))
    waits: list[float] = []

    async def throttled(last: list[float]) -> AsyncIterator[bytes]:
        step = chunk // 16
        begin = time.perf_counter()
        for number, start in enumerate(range(0, chunk, step)):
            await asyncio.sleep(max(0.0, begin + number * step / 1e6 - time.perf_counter()))
            yield piece[start : start + step]
        last.append(time.perf_counter())

    async def one(http: aiohttp.ClientSession, place: int) -> None:
        await asyncio.sleep(place / uploads * chunk / 1e6)  # senders keep no common time
        session = await _initiate(http, chunk * count, chunk)
        for number in range(count):
            last: list[float] = []
            await _put(http, session["session_id"], number, throttled(last), chunk)
            waits.append(time.perf_counter() - last[0])

    async with _client(server) as http:
        begin = time.perf_counter()
        await asyncio.gather(*(one(http, place) for place in range(uploads)))
        elapsed = time.perf_counter() - begin
    total = uploads * chunk * count
    return {"uploads": uploads, "mb_per_second": round(total / elapsed / 1e6, 1)} | _milliseconds(
        waits, "chunk_answer"
    )


async def watchers(server: Server, folder: Path, smoke: bool) -> dict[str, Any]:
    """1,000 open sessions, 1,000 subscribers of one upload: the delay of events."""
    del folder
    number, chunks = (10, 3) if smoke else (1000, 20)
    piece = START + random.Random(2).randbytes(64 * KIB - len(START))
    heard: list[float] = []
    answered: dict[int, float] = {}
    arrivals: list[tuple[int, float]] = []

    async def watch(http: aiohttp.ClientSession, room: str, ready: asyncio.Semaphore) -> None:
        async with http.ws_connect(f"/ws/watcher-{random.random()}") as socket:
            await socket.send_json({"type": "join", "room": room})
            async for message in socket:
                event = message.json()
                if event["type"] == "joined":
                    ready.release()
                if event["type"] == "chunk_progress":
                    arrivals.append((event["chunk_id"], time.perf_counter()))

    async with _client(server) as http, contextlib.AsyncExitStack():
        sessions = [await _initiate(http, 64 * KIB, 64 * KIB) for _ in range(number)]
        session = await _initiate(http, chunks * 64 * KIB, 64 * KIB)
        ready = asyncio.Semaphore(0)
        tasks = [
            asyncio.create_task(watch(http, session["websocket_room"], ready))
            for _ in range(number)
        ]
        for _ in tasks:
            await asyncio.wait_for(ready.acquire(), 60)
        for chunk in range(chunks):
            await _put(http, session["session_id"], chunk, piece, len(piece))
            answered[chunk] = time.perf_counter()
            await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    heard = [max(0.0, at - answered[chunk]) for chunk, at in arrivals]
    return {
        "sessions": len(sessions),
        "watchers": number,
        "events_expected": number * chunks,
        "events_heard": len(arrivals),
    } | _milliseconds(heard, "event_after_answer")


async def small(server: Server, folder: Path, smoke: bool) -> dict[str, Any]:
    """Files of 100 kB, 16 at a time, from initiate to document: three requests each."""
    del folder
    return await _small(server, _in_three, smoke=smoke)


async def small_tus(server: Server, folder: Path, smoke: bool) -> dict[str, Any]:
    """The same files over tus, with the bytes in the request that creates the upload."""
    del folder
    return await _small(server, _in_one, smoke=smoke)


async def _small(server: Server, send: Sender, *, smoke: bool) -> dict[str, Any]:
    count = 20 if smoke else 1500
    text = "All the water of the reach above is held back by one pair of gates. " * 20
    base = make_pdf([text] * 2, noise_per_page=48_000)
    waits: list[float] = []
    turn = asyncio.Semaphore(16)

    async def one(http: aiohttp.ClientSession, number: int) -> None:
        async with turn:
            data = base + b"%" + str(number).encode() + b"\n"
            begin = time.perf_counter()
            await send(http, data)
            waits.append(time.perf_counter() - begin)

    async with _client(server, 16) as http:
        begin = time.perf_counter()
        await asyncio.gather(*(one(http, number) for number in range(count)))
        elapsed = time.perf_counter() - begin
    return {"files": count, "per_second": round(count / elapsed, 1)} | _milliseconds(waits, "file")


async def _in_three(http: aiohttp.ClientSession, data: bytes) -> None:
    session = await _initiate(http, len(data), MIB)
    await _put(http, session["session_id"], 0, data, len(data))
    async with http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        if response.status != 200:
            raise RuntimeError(await response.text())
        await response.read()


async def _in_one(http: aiohttp.ClientSession, data: bytes) -> None:
    no = base64.b64encode(b"false").decode()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(data)),
        "Upload-Metadata": f"check_duplicates {no}",
        "Content-Type": "application/offset+octet-stream",
    }
    async with http.post("/files", data=data, headers=headers) as response:
        if response.status != 201 or "Content-Location" not in response.headers:
            raise RuntimeError(f"{response.status} {await response.text()}")
        await response.read()


async def sizes(server: Server, folder: Path, smoke: bool) -> dict[str, Any]:
    """Files from 16 MiB to 10 GiB: throughput, and how much the server grows.

    One chunk is sent again and again, so that the sender takes no memory. Memory that serves
    as the disk may be slower if there is more of it; so each tenth of the largest file is
    measured, and each tenth of a bare write of as many bytes before it.
    """
    rounds = {2: 1, 10: 1} if smoke else {2: 5, 13: 5, 130: 3, 1280: 1}
    chunk = 64 * KIB if smoke else 8 * MIB
    await _sent(server, RepeatingPdf.write(folder / "first.pdf", 2, chunk))
    figures: dict[str, Any] = {}
    for chunks, times in rounds.items():
        pdf = RepeatingPdf.write(folder / "repeating.pdf", chunks, chunk)
        bare = await asyncio.to_thread(warm, folder, max(pdf.size, 10 * MIB))
        before = server.rss_mib()
        seconds, moments = zip(*[await _sent(server, pdf) for _ in range(times)], strict=True)
        figures[f"{pdf.size / MIB:g}_mib"] = {
            "mb_per_second": round(pdf.size / statistics.median(seconds) / 1e6),
            "rss_growth_mib": round(server.rss_mib() - before, 1),
        }
    return figures | {
        "tenths_mb_per_second": _tenths(moments[-1], pdf.size),
        "tenths_of_a_bare_write": _tenths(bare, pdf.size),
    }


async def _sent(server: Server, pdf: RepeatingPdf) -> tuple[float, Sequence[float]]:
    """Upload a file and delete it again.

    Returns:
        How many seconds the upload took, and when each chunk was acknowledged.
    """
    begin = time.perf_counter()
    document, moments = await asyncio.to_thread(upload_repeating, server.host, server.port, pdf)
    elapsed = time.perf_counter() - begin
    await asyncio.to_thread(wait_for_import, server.host, server.port, document)
    await asyncio.to_thread(delete, server.host, server.port, document)
    return elapsed, moments


def _tenths(moments: Sequence[float], size: int) -> list[int]:
    """Return the throughput of each tenth of a file in MB/s."""
    step = (len(moments) - 1) // 10
    ends = moments[::step][:11]
    return [round(size / 10 / (end - begin) / 1e6) for begin, end in pairwise(ends)]


async def sessions(server: Server, folder: Path, smoke: bool) -> dict[str, Any]:
    """The store with 10 to 100,000 open sessions: what opening and asking takes."""
    del folder
    figures: dict[str, Any] = {}
    opened = 0
    async with _client(server, 16) as http:
        for level in [10, 50] if smoke else [10, 1_000, 10_000, 100_000]:
            turn = asyncio.Semaphore(16)

            async def open_one(turn: asyncio.Semaphore = turn) -> None:
                async with turn:
                    await _initiate(http, 64 * KIB, 64 * KIB)

            await asyncio.gather(*(open_one() for _ in range(level - opened)))
            opened = level
            figures[str(level)] = await _probe(http)
    return figures


async def _probe(http: aiohttp.ClientSession) -> dict[str, float]:
    opening: list[float] = []
    asking: list[float] = []
    for _ in range(50):
        begin = time.perf_counter()
        session = await _initiate(http, 64 * KIB, 64 * KIB)
        opening.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        async with http.get(f"{STREAMING}/{session['session_id']}") as response:
            await response.read()
        asking.append(time.perf_counter() - begin)
    return _milliseconds(opening, "initiate") | _milliseconds(asking, "status")
