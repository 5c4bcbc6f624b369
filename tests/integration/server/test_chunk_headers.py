"""Gates and chunk stages see the header fields of a chunk's request."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pdfsluice.core import ChunkIntent, GateSpec, PluginContext, Scope, Session, hookimpl
from tests.support.keys import add_key
from tests.support.web import STREAMING, a_server, chunk_form

DATA = b"%PDF-1.7 a short file"


@dataclass(eq=False)
class Looks:
    """A gate that remembers the header fields it saw."""

    seen: list[Mapping[str, str]] = field(default_factory=list)

    @hookimpl
    def pdfsluice_register_gates(self, context: PluginContext) -> list[GateSpec]:
        del context
        return [GateSpec(name="looks", gate=self)]

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[None]:
        del session
        self.seen.append(dict(chunk.headers))
        yield


async def test_headers_reach_the_gates_and_keys_do_not(tmp_path: Path) -> None:
    looks = Looks()
    key = add_key(tmp_path, "ann", [Scope.UPLOAD, Scope.READ])
    sent = {**key, "X-Tenant": "acme", "Cookie": "id=1"}
    async with a_server(tmp_path, looks) as web:
        web.http.headers.update(sent)
        raw = (await web.initiate(DATA))["session_id"]
        async with web.http.put(
            f"{STREAMING}/chunk/{raw}",
            params={"chunk_id": "0"},
            data=DATA,
            headers={"Content-Type": "application/octet-stream"},
        ) as response:
            assert response.status == 200, await response.text()
        form = (await web.initiate(DATA + b"2"))["session_id"]
        async with web.http.post(
            f"{STREAMING}/chunk/{form}", data=chunk_form(DATA + b"2", chunk_id="0")
        ) as response:
            assert response.status == 200, await response.text()
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(DATA))}
        async with web.http.post("/files", headers=tus) as response:
            assert response.status == 201, await response.text()
            location = response.headers["Location"]
        patch = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        async with web.http.patch(location, data=DATA, headers=patch) as response:
            assert response.status == 204, await response.text()
    assert [fields["x-tenant"] for fields in looks.seen] == ["acme"] * 3
    assert looks.seen[2]["tus-resumable"] == "1.0.0"
    assert not any({"authorization", "cookie"} & fields.keys() for fields in looks.seen)
