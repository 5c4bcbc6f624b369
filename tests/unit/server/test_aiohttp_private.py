"""Changes of aiohttp's private parts are noticed, and the server runs without."""

import re
from pathlib import Path

import pytest
from aiohttp.web_protocol import RequestHandler

from pdfsluice.server.transport import aiohttp_private, connection
from tests.support.web import a_server

DATA = b"%PDF-1.7 " + bytes(900_000)
TRANSPORT = Path(aiohttp_private.__file__).parent


def test_this_aiohttp_has_all_that_is_used() -> None:
    assert aiohttp_private.missing() == []


def test_a_name_that_is_gone_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = tuple(name for name in RequestHandler.__slots__ if name != "max_headers")
    monkeypatch.setattr(RequestHandler, "__slots__", slots)
    monkeypatch.delattr("aiohttp.StreamReader._read_nowait")
    absent = aiohttp_private.missing.__wrapped__()
    assert absent == ["RequestHandler.max_headers", "StreamReader._read_nowait"]


async def test_without_it_the_server_takes_uploads_on_plain_aiohttp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "missing", lambda: ["RequestHandler._parser"])
    kinds = set[type]()
    real = RequestHandler.connection_made

    def seen(self: RequestHandler, transport: object) -> None:
        kinds.add(type(self))
        real(self, transport)  # type: ignore[arg-type]  # as it comes

    monkeypatch.setattr(RequestHandler, "connection_made", seen)
    async with a_server(tmp_path) as running:
        assert (await running.upload(DATA))["file_size"] == len(DATA)
    assert kinds == {RequestHandler}
    assert "aiohttp lacks" in caplog.text


def test_private_names_are_in_one_module() -> None:
    private = re.compile(r"(?<!self)\._(kwargs|parser|read_nowait|reading_paused|buffer_paused)\b")
    users = [
        path.name
        for path in TRANSPORT.glob("*.py")
        if private.search(path.read_text(encoding="utf-8"))
    ]
    assert users == ["aiohttp_private.py"]
