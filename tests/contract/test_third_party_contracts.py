"""The parts of the example distributions keep the contracts of their ports."""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from shutil import which
from types import ModuleType

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pdfsluice.cli.testing import CommandContract
from pdfsluice.core import (
    AuthenticationError,
    Authenticator,
    ChunkStage,
    CommandSpec,
    Credentials,
    EventSink,
    Gate,
    Importer,
    Index,
    NotFound,
    PageText,
    ProtocolError,
    StageContext,
    StreamStage,
)
from pdfsluice.core.testing.contracts import (
    AuthenticatorContract,
    ChunkCase,
    ChunkStageContract,
    EventSinkContract,
    GateContract,
    ImportCase,
    ImporterContract,
    IndexContract,
    StreamStageContract,
)

EXAMPLES = Path(__file__).parents[1] / "third_party"
SECRET = "a secret of the tests"


def example(name: str) -> ModuleType:
    """Import the module of an example as its distribution has it."""
    folder = str(EXAMPLES if name.startswith("pdfsluice") else EXAMPLES / name.replace("_", "-"))
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module(name)


class TestMarker(StreamStageContract):
    @pytest.fixture
    def open_stage(self) -> Callable[[StageContext], StreamStage]:
        stage: Callable[[StageContext], StreamStage] = example("acme_marker").Marker
        return stage

    @pytest.fixture(params=["none", "one", "at-the-ends"])
    def content(self, request: pytest.FixtureRequest) -> bytes:
        marker: bytes = example("acme_marker").MARKER
        contents = {
            "none": b"nothing" * 50,
            "one": b"x" * 5000 + marker + b"y" * 5000,
            "at-the-ends": marker + b"z" * 7000 + marker,
        }
        return contents[str(request.param)]


class TestLength(StreamStageContract):
    @pytest.fixture
    def open_stage(self) -> Callable[[StageContext], StreamStage]:
        return lambda _: example("pdfsluice_example").LengthStage()

    @pytest.fixture
    def content(self) -> bytes:
        return b"0123456789" * 500


class TestChunks(ChunkStageContract):
    @pytest.fixture
    def stage(self) -> ChunkStage:
        stage: ChunkStage = example("acme_chunks").NoRubbish()
        return stage

    @pytest.fixture
    def cases(self) -> Sequence[ChunkCase]:
        return [
            ChunkCase(name="plain", body=b"text"),
            ChunkCase(
                name="marked",
                body=b"text",
                headers={"x-acme-rubbish": "yes"},
                error=ProtocolError,
            ),
        ]


class TestPace(GateContract):
    @pytest.fixture
    def gate(self) -> Gate:
        gate: Gate = example("acme_pace").PaceGate()
        return gate


class TestJwt(AuthenticatorContract):
    @pytest.fixture
    def authenticator(self) -> Authenticator:
        authenticator: Authenticator = example("acme_jwt").Jwt(SECRET)
        return authenticator

    @pytest.fixture
    def valid(self) -> Credentials:
        return bearer(SECRET)

    @pytest.fixture
    def wrong(self) -> Credentials:
        return bearer("another secret")

    async def test_a_tenant_of_the_token_is_that_of_the_account(
        self, authenticator: Authenticator
    ) -> None:
        principal = await authenticator.authenticate(bearer(SECRET, tenant="acme"))
        assert principal is not None
        assert (principal.id, principal.account) == ("jwt:ann", "tenant:acme")
        with pytest.raises(AuthenticationError):
            await authenticator.authenticate(bearer(SECRET, tenant=["acme"]))


def bearer(secret: str, **claims: object) -> Credentials:
    """Return credentials with a signed token."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    parts = ({"alg": "HS256"}, {"sub": "ann", "exp": time.time() + 600} | claims)
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    signature = encoded(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))
    token = f"Bearer {signed}.{signature}"
    return Credentials(headers={"authorization": token}, query={}, remote="::1")


class TestJournal(EventSinkContract):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> EventSink:
        sink: EventSink = example("acme_journal").Journal(tmp_path / "journal.txt")
        return sink


class TestWords(IndexContract):
    @pytest.fixture
    def index(self) -> Index:
        index: Index = example("acme_index").Words()
        return index


class TestCount(CommandContract):
    @pytest.fixture
    def spec(self) -> CommandSpec:
        spec: CommandSpec
        (spec,) = example("acme_count").pdfsluice_register_commands()
        return spec

    @pytest.fixture
    def calls(self) -> Sequence[Sequence[str]]:
        return [[], ["--owner", "ann"]]


class TestHello(CommandContract):
    @pytest.fixture
    def spec(self) -> CommandSpec:
        spec: CommandSpec
        (spec,) = example("pdfsluice_example").pdfsluice_register_commands()
        return spec

    @pytest.fixture
    def calls(self) -> Sequence[Sequence[str]]:
        return [[]]


class TestReceipts(ImporterContract):
    @pytest.fixture
    def importer(self, tmp_path: Path) -> Importer:
        importer: Importer = example("pdfsluice_example").Receipts(tmp_path / "receipts")
        return importer

    @pytest.fixture
    def case(self, tmp_path: Path) -> ImportCase:
        async def receipts() -> object:
            return [path.read_text() for path in (tmp_path / "receipts").iterdir()]

        return ImportCase(effects=receipts)


class TestWebhook(ImporterContract):
    @pytest.fixture
    async def importer(self) -> AsyncIterator[Importer]:
        async with webhook() as url, aiohttp.ClientSession() as http:
            yield example("acme_webhook").Webhook(url, http)


@asynccontextmanager
async def webhook() -> AsyncIterator[str]:
    """Run a webhook that takes every call."""

    async def take(request: web.Request) -> web.Response:
        await request.json()
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.mark.skipif(which("tesseract") is None, reason="tesseract is not installed")
class TestOcr(ImporterContract):
    @pytest.fixture
    def importer(self) -> Importer:
        importer: Importer = example("acme_ocr").Ocr()
        return importer

    @pytest.fixture
    def case(self) -> ImportCase:
        return ImportCase(pages=[PageText(1, "")], renderers=[Dot()])


class Dot:
    """A renderer that draws a picture without words, which tesseract reads in no time."""

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        await asyncio.sleep(0)
        if page != 1:
            raise NotFound(f"There is no page {page}.")
        return b"P1\n32 32\n" + b"0 " * (32 * 32)
