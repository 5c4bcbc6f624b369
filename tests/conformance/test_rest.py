"""The documented upload interface, as any implementation of it has to behave."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.conformance.wire import Response, Server

NewPdf = Callable[[int], bytes]
STREAMING = "/api/documents/streaming"


@pytest.fixture(scope="module", autouse=True)
def _offered(target: Server) -> None:
    if target.request("GET", "/api/info").status != 200:
        pytest.skip("the server does not have this interface")


def post(target: Server, path: str, content: Any) -> Response:
    headers = {"Content-Type": "application/json"}
    return target.request("POST", f"{STREAMING}/{path}", headers, orjson.dumps(content))


def begin(target: Server, pdf: bytes, **more: Any) -> Any:
    asked = {"filename": "a.pdf", "file_size": len(pdf), "chunk_size": 65536, "client_id": "c"}
    response = post(target, "initiate", {**asked, **more})
    assert response.status == 200, response
    return response.json()


def put(target: Server, session: Any, number: int, data: bytes, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"{STREAMING}/chunk/{session['session_id']}?chunk_id={number}"
    with target.connect() as connection:
        connection.start("PUT", path, {**target.headers, "Content-Length": str(len(data)), **named})
        connection.send(data)
        return connection.finish()


def chunk(pdf: bytes, session: Any, number: int) -> bytes:
    return pdf[number * session["chunk_size"] : (number + 1) * session["chunk_size"]]


def form(fields: dict[str, str], data: bytes, *, file_first: bool) -> tuple[str, bytes]:
    boundary = "limes"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="blob"\r\n\r\n'
    file = head.encode() + data + b"\r\n"
    ordered = [file, *parts] if file_first else [*parts, file]
    return f"multipart/form-data; boundary={boundary}", b"".join(ordered) + b"--limes--\r\n"


def test_initiation_returns_all_that_a_client_needs(target: Server, new_pdf: NewPdf) -> None:
    session = begin(target, new_pdf(200_000))
    assert session["upload_url"] == f"{STREAMING}/chunk/{session['session_id']}"
    assert session["websocket_room"] == f"upload_{session['session_id']}"
    assert session["total_chunks"] == -(-session["file_size"] // session["chunk_size"])
    assert session["client_id"] == "c"


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)], ids=["in order", "out of order"])
def test_chunks_in_any_order(target: Server, new_pdf: NewPdf, order: tuple[int, ...]) -> None:
    pdf = new_pdf(200_000)
    session = begin(target, pdf)
    assert session["total_chunks"] == 4
    for number in order:
        response = put(target, session, number, chunk(pdf, session, number))
        assert response.json()["chunk_id"] == number
    assert response.json()["upload_complete"]
    assert response.json()["next_chunk_id"] is None
    document = post(target, f"complete/{session['session_id']}", None).json()["document"]
    assert document["file_size"] == len(pdf)


@pytest.mark.parametrize("file_first", [False, True])
def test_chunks_as_forms(target: Server, new_pdf: NewPdf, *, file_first: bool) -> None:
    pdf = new_pdf(100_000)
    session = begin(target, pdf)
    for number in range(session["total_chunks"]):
        data = chunk(pdf, session, number)
        fields = {
            "chunk_id": str(number),
            "chunk_offset": str(number * session["chunk_size"]),
            "is_final": "true" if number + 1 == session["total_chunks"] else "false",
            "checksum": hashlib.sha256(data).hexdigest(),
        }
        media, body = form(fields, data, file_first=file_first)
        path = f"{STREAMING}/chunk/{session['session_id']}"
        response = target.request("POST", path, {"Content-Type": media}, body)
        assert (response.status, response.json()["success"]) == (200, True)
    assert response.json()["upload_complete"]


def test_the_same_chunk_again(target: Server, new_pdf: NewPdf) -> None:
    """The same bytes are a success; others are a conflict and change nothing."""
    pdf = new_pdf(100_000)
    session = begin(target, pdf)
    data = chunk(pdf, session, 0)
    for _ in range(2):
        assert put(target, session, 0, data).status == 200
    assert put(target, session, 0, bytes(len(data))).status == 409
    for number in range(1, session["total_chunks"]):
        put(target, session, number, chunk(pdf, session, number))
    assert post(target, f"complete/{session['session_id']}", None).status == 200


def test_wrong_checksum_keeps_nothing(target: Server, new_pdf: NewPdf) -> None:
    pdf = new_pdf(100_000)
    session = begin(target, pdf)
    digest = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    refused = put(target, session, 0, chunk(pdf, session, 0), Content_Digest=f"sha-256=:{digest}:")
    assert (refused.status, refused.json()["success"]) == (422, False)
    state = target.request("GET", f"{STREAMING}/{session['session_id']}").json()
    assert state["uploaded_bytes"] == 0


def test_completion_needs_all_bytes(target: Server, new_pdf: NewPdf) -> None:
    pdf = new_pdf(200_000)
    session = begin(target, pdf)
    put(target, session, 1, chunk(pdf, session, 1))
    refused = post(target, f"complete/{session['session_id']}", None)
    assert refused.status == 409
    assert refused.json()["details"]["missing_chunks"] == [0, 2, 3]


def test_resume_names_what_is_missing(target: Server, new_pdf: NewPdf) -> None:
    pdf = new_pdf(200_000)
    session = begin(target, pdf)
    put(target, session, 2, chunk(pdf, session, 2))
    content = {"session_id": session["session_id"], "client_id": "other", "last_chunk_id": 1}
    resumed = post(target, "resume", content).json()
    assert (resumed["next_chunk_id"], resumed["missing_chunks"]) == (0, [0, 1, 3])
    size = session["chunk_size"]
    assert resumed["missing_ranges"] == [[0, 2 * size], [3 * size, len(pdf)]]


def test_cancelling_is_final(target: Server, new_pdf: NewPdf) -> None:
    pdf = new_pdf(0)
    session = begin(target, pdf)
    for _ in range(2):
        cancelled = post(target, f"cancel/{session['session_id']}", {"reason": "test"})
        assert (cancelled.status, cancelled.json()["status"]) == (200, "cancelled")
    assert put(target, session, 0, pdf).status == 410


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("initiate", {"filename": "a.pdf"}, 400),
        ("initiate", {"filename": "a.pdf", "file_size": 0}, 400),
        ("initiate", {"filename": "a.pdf", "file_size": 10**14}, 413),
        ("initiate", {"filename": "../a.pdf", "file_size": 10}, 400),
        ("complete/00000000-0000-4000-8000-000000000000", None, 404),
        ("resume", {"session_id": "00000000-0000-4000-8000-000000000000", "client_id": "x"}, 404),
    ],
    ids=lambda value: str(value)[:30],
)
def test_errors_are_problems(target: Server, path: str, content: Any, status: int) -> None:
    """RFC 9457, with a stable code and the other documented fields."""
    response = post(target, path, content)
    assert response.status == status
    assert response.headers["Content-Type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["code"]
    assert (problem["success"], problem["message"]) == (False, problem["detail"])
