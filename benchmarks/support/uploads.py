"""Whole uploads over each protocol, by the cheapest possible client."""

import base64
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .files import RepeatingPdf
from .senders import BOUNDARY, STREAMING, Answer, Line, call, chunks, expect, form_around


def upload(
    host: str,
    port: int,
    file: Path,
    *,
    door: str,
    chunk_size: int,
    connections: int = 1,
    complete: bool = True,
    index: bool = False,
) -> dict[str, Any]:
    """Upload a file; ``door`` is ``raw``, ``form`` or ``tus``. Returns the document."""
    if door == "tus":
        return _tus(host, port, file, chunk_size=chunk_size)
    size = file.stat().st_size
    wanted = {"filename": file.name, "file_size": size, "chunk_size": chunk_size}
    switches = {"check_duplicates": False, "auto_build_index": index}
    session = call(host, port, "POST", f"{STREAMING}/initiate", wanted | switches)
    send = _raw if door == "raw" else _form
    jobs = list(chunks(size, session["chunk_size"]))

    def run(share: list[tuple[int, int, int]]) -> None:
        line = Line(host, port)
        for number, offset, length in share:
            expect(send(line, session["session_id"], file, number, offset, length, size), 200)
        line.close()

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(run, [jobs[start::connections] for start in range(connections)]))
    if not complete:
        return {"session_id": session["session_id"]}
    answer = call(host, port, "POST", f"{STREAMING}/complete/{session['session_id']}")
    document: dict[str, Any] = answer["document"]
    return document


def upload_repeating(
    host: str, port: int, pdf: RepeatingPdf
) -> tuple[dict[str, Any], Sequence[float]]:
    """Upload a PDF that is larger than what of it lies on the disk.

    Returns:
        The document, and when each chunk was acknowledged, the start first.
    """
    moments = [time.perf_counter()]
    wanted = {"filename": "huge.pdf", "file_size": pdf.size, "chunk_size": pdf.chunk_size}
    session = call(
        host, port, "POST", f"{STREAMING}/initiate", wanted | {"check_duplicates": False}
    )
    line = Line(host, port)
    for number, offset, length in chunks(pdf.size, session["chunk_size"]):
        path = f"{STREAMING}/chunk/{session['session_id']}?chunk_id={number}"
        headers = {"Content-Type": "application/octet-stream"}
        place = pdf.place(offset)
        expect(line.send("PUT", path, headers, file=pdf.path, offset=place, length=length), 200)
        moments.append(time.perf_counter())
    line.close()
    answer = call(host, port, "POST", f"{STREAMING}/complete/{session['session_id']}")
    return answer["document"], moments


def _raw(
    line: Line, session_id: str, file: Path, number: int, offset: int, length: int, _: int
) -> Answer:
    path = f"{STREAMING}/chunk/{session_id}?chunk_id={number}&chunk_offset={offset}"
    headers = {"Content-Type": "application/octet-stream"}
    return line.send("PUT", path, headers, file=file, offset=offset, length=length)


def _form(
    line: Line, session_id: str, file: Path, number: int, offset: int, length: int, size: int
) -> Answer:
    before, after = form_around(number, offset, offset + length >= size)
    return line.send(
        "POST",
        f"{STREAMING}/chunk/{session_id}",
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        file=file,
        offset=offset,
        length=length,
        before=before,
        after=after,
    )


def _tus(host: str, port: int, file: Path, *, chunk_size: int) -> dict[str, Any]:
    line = Line(host, port)
    place = tus_create(line, "/files", file)
    tus_patch(line, place, file, chunk_size)
    line.close()
    newest = call(host, port, "GET", "/api/documents?limit=1")
    document: dict[str, Any] = newest["documents"][0]
    return document


def tus_create(line: Line, endpoint: str, file: Path) -> str:
    """Create a tus upload; return its path."""
    name = base64.b64encode(file.name.encode()).decode()
    no = base64.b64encode(b"false").decode()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(file.stat().st_size),
        "Upload-Metadata": f"filename {name},check_duplicates {no}",
    }
    location = expect(line.send("POST", endpoint, headers), 201).headers["location"]
    return "/" + location.split("://", 1)[-1].split("/", 1)[1] if "://" in location else location


def tus_patch(line: Line, place: str, file: Path, chunk_size: int) -> None:
    """Send the bytes of a tus upload, a PATCH for each chunk."""
    for _, offset, length in chunks(file.stat().st_size, chunk_size):
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        answer = line.send("PATCH", place, headers, file=file, offset=offset, length=length)
        expect(answer, 204, 200)


def wait_for_import(host: str, port: int, document: dict[str, Any]) -> None:
    """Return when nothing is done for a document in the background any more."""
    path = f"/api/documents/{document['id']}/import"
    while call(host, port, "GET", path)["import_status"] in {"queued", "running"}:
        time.sleep(0.05)


def delete(host: str, port: int, document: dict[str, Any]) -> None:
    """Delete an uploaded document, so that the disk does not fill."""
    call(host, port, "DELETE", f"/api/documents/{document['id']}")
