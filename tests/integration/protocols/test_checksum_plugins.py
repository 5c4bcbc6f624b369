"""Checksum algorithms of plugins, over REST, tus and the IETF protocol alike."""

import base64
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest
import xxhash
from aiohttp import ClientResponse

from pdfsluice.core import ChecksumSpec, Hasher, PluginContext, hookimpl
from pdfsluice.core.testing.contracts import ChecksumContract
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.web import STREAMING, WebServer, a_server, body_of, chunk_form

PDF = make_pdf(["A letter."])
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def crc32c_table() -> list[int]:
    table = list(range(256))
    for _ in range(8):
        table = [value >> 1 ^ (0x82F63B78 if value & 1 else 0) for value in table]
    return table


class Crc32c:
    """CRC-32C (Castagnoli), byte by byte."""

    TABLE = crc32c_table()

    def __init__(self) -> None:
        self._value = 0xFFFFFFFF

    def update(self, data: memoryview, /) -> None:
        for byte in data:
            self._value = self._value >> 8 ^ self.TABLE[(self._value ^ byte) & 0xFF]

    def digest(self) -> bytes:
        return (self._value ^ 0xFFFFFFFF).to_bytes(4, "big")


SPECS = (
    ChecksumSpec(name="xxh3", new=xxhash.xxh3_64, before=("sha256",)),
    ChecksumSpec(name="crc32c", new=Crc32c),
)


class Algorithms:
    """The plugin."""

    @hookimpl
    def pdfsluice_register_checksums(self, context: PluginContext) -> Sequence[ChecksumSpec]:
        del context
        return SPECS


class TestXxh3(ChecksumContract):
    @pytest.fixture
    def spec(self) -> ChecksumSpec:
        return SPECS[0]

    @pytest.fixture
    def vectors(self) -> Mapping[bytes, str]:
        return {b"": "2d06800538d394c2"}


class TestCrc32c(ChecksumContract):
    @pytest.fixture
    def spec(self) -> ChecksumSpec:
        return SPECS[1]

    @pytest.fixture
    def vectors(self) -> Mapping[bytes, str]:
        return {b"123456789": "e3069283"}


def digest(hasher: Hasher, data: bytes) -> bytes:
    hasher.update(memoryview(data))
    return hasher.digest()


async def rest_form(web: WebServer, name: str, value: bytes) -> ClientResponse:
    session = await web.initiate(PDF)
    form = chunk_form(PDF, chunk_id="0", checksum=f"{name}:{value.hex()}")
    return await web.http.post(session["upload_url"], data=form)


async def rest_raw(web: WebServer, name: str, value: bytes) -> ClientResponse:
    session = await web.initiate(PDF)
    field = {"Content-Digest": f"{name}=:{base64.b64encode(value).decode()}:"}
    url = f"{STREAMING}/chunk/{session['session_id']}?chunk_id=0"
    return await web.http.put(url, data=PDF, headers=field)


async def tus(web: WebServer, name: str, value: bytes) -> ClientResponse:
    field = {"Upload-Checksum": f"{name} {base64.b64encode(value).decode()}"}
    headers = TUS | field | {"Upload-Length": str(len(PDF))}
    return await web.http.post("/files", data=PDF, headers=headers)


async def ietf(web: WebServer, name: str, value: bytes) -> ClientResponse:
    field = {"Content-Digest": f"{name}=:{base64.b64encode(value).decode()}:"}
    return await web.http.post("/resumable", data=PDF, headers=field | {"Upload-Complete": "?1"})


Way = Callable[[WebServer, str, bytes], Awaitable[ClientResponse]]
WAYS = [rest_form, rest_raw, tus, ietf]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_an_algorithm_works_in_every_protocol(
    tmp_path: Path, way: Way, spec: ChecksumSpec
) -> None:
    right = digest(spec.new(), PDF)
    async with a_server(tmp_path, Algorithms()) as web:
        async with await way(web, spec.name, right) as response:
            assert response.status < 300, await response.text()
        async with await way(web, spec.name, right[::-1]) as response:
            assert response.status in {422, 460}, await response.text()
            body = await body_of(response)
            assert body["code"] == "checksum-mismatch"
            assert body["details"]["algorithm"] == spec.name


async def test_the_protocols_advertise_the_algorithms(tmp_path: Path) -> None:
    async with a_server(tmp_path, Algorithms()) as web:
        expected = ["xxh3", "sha256", "sha512", "sha1", "md5", "crc32", "crc32c"]
        assert (await web.initiate(PDF))["checksum_algorithms"] == expected
        async with web.http.options("/files") as response:
            assert response.headers["Tus-Checksum-Algorithm"] == ",".join(expected)
            assert "checksum" in response.headers["Tus-Extension"].split(",")
        async with web.http.options("/resumable") as response:
            wanted = response.headers["Want-Content-Digest"]
            assert wanted.startswith("xxh3=10, sha-256=9, sha-512=8")
            assert response.headers["Want-Repr-Digest"] == "sha-256=10"


async def test_without_algorithms_none_is_advertised_and_each_is_refused(tmp_path: Path) -> None:
    value = zlib.crc32(PDF).to_bytes(4, "big")
    names = ("sha256", "sha512", "sha1", "md5", "crc32")
    async with a_server(tmp_path, disable=[f"checksums:{name}" for name in names]) as web:
        assert (await web.initiate(PDF))["checksum_algorithms"] == []
        async with web.http.options("/files") as response:
            assert "Tus-Checksum-Algorithm" not in response.headers
            assert "checksum" not in response.headers["Tus-Extension"]
        for way in (rest_form, tus):
            async with await way(web, "crc32", value) as response:
                assert response.status == 400
                assert "crc32" in (await body_of(response))["message"]


class Breaks:
    """A hasher with a defect."""

    def update(self, data: memoryview, /) -> None:
        raise SystemExit(len(data))

    def digest(self) -> bytes:
        return b""


class BrokenAlgorithm:
    """A plugin whose algorithm has a defect."""

    @hookimpl
    def pdfsluice_register_checksums(self, context: PluginContext) -> Sequence[ChecksumSpec]:
        del context
        return [ChecksumSpec(name="broken", new=Breaks)]


async def test_a_defect_of_an_algorithm_fails_its_chunk_and_is_named(tmp_path: Path) -> None:
    async with a_server(tmp_path, BrokenAlgorithm()) as web:
        async with await rest_form(web, "broken", b"1234") as response:
            body = await body_of(response)
            assert (response.status, body["code"]) == (500, "stage-failed")
            assert body["details"]["stage"] == "broken"
        async with await tus(web, "sha1", b"1234") as response:
            assert response.status == 460  # the server serves on
