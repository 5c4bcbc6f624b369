"""Link signers keep their contract; nginx itself checks ``secure-link``."""

import base64
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import SecretStr

from pdfsluice.core import LinkedFile, LinkSigner
from pdfsluice.core.testing.contracts import LinkSignerContract
from pdfsluice.plugins.secure_link.options import SecureLinkOptions
from pdfsluice.plugins.secure_link.signer import SecureLinkSigner
from tests.support.documents import ROOT
from tests.support.nginx import NGINX, nginx
from tests.support.ports import free_port

PAGE = ROOT / "docs" / "how-to" / "redirect-downloads.md"
SECRET = "A-LONG-RANDOM-TEXT"

Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]


def documented(port: int, documents: Path) -> str:
    """Return the manual's configuration without TLS, for a folder and a port."""
    (block,) = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    block = re.sub(r"\n    ssl_[^\n]*", "", block).replace("listen 443 ssl", f"listen {port}")
    assert "/var/lib/pdfsluice/documents/" in block
    return block.replace("/var/lib/pdfsluice/documents/", f"{documents}/")


@dataclass(frozen=True, slots=True)
class Served:
    """A folder of documents behind nginx."""

    url: str
    folder: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("links"), free_port()
    documents = folder / "documents"
    documents.mkdir()
    with nginx(folder, documented(port, documents)):
        yield Served(f"http://127.0.0.1:{port}/documents", documents)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
class TestSecureLink(LinkSignerContract):
    @pytest.fixture
    def signer(self, served: Served) -> LinkSigner:
        options = SecureLinkOptions(url=served.url, secret=SecretStr(SECRET))
        return SecureLinkSigner(options)

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [SECRET]

    @pytest.fixture
    def file(self, served: Served) -> LinkedFile:
        file = self.example()
        path = served.folder / file.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self.content)
        return file

    @pytest.fixture
    def fetch(self, http: aiohttp.ClientSession) -> Fetch:
        async def fetched(url: str) -> tuple[int, bytes]:
            async with http.get(url) as answer:
                return answer.status, await answer.read()

        return fetched

    async def test_the_answer_has_name_type_and_ranges(
        self, signer: LinkSigner, file: LinkedFile, http: aiohttp.ClientSession
    ) -> None:
        url = await signer.link(replace(file, filename='Prüf "bericht" 100%.pdf')) or ""
        async with http.get(url, headers={"Range": "bytes=1-3"}) as answer:
            assert (answer.status, await answer.read()) == (206, b"PDF")
            assert answer.content_type == "application/pdf"
            assert answer.content_disposition is not None
            assert answer.content_disposition.filename == 'Prüf "bericht" 100%.pdf'
            assert "immutable" in answer.headers["Cache-Control"]
        for other in ("evil.pdf", "a%0d%0aSet-Cookie:%20a=b.pdf"):
            async with http.get(re.sub(r"name=.*", f"name={other}", url)) as answer:
                assert answer.status == 403


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    private = rsa.generate_private_key(65537, 2048)
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


class TestCloudFront(LinkSignerContract):
    """The signature is checked as the service describes it, with the public key."""

    @pytest.fixture
    def signer(self, key: Path, monkeypatch: pytest.MonkeyPatch) -> LinkSigner:
        monkeypatch.syspath_prepend(ROOT / "tests" / "third_party" / "acme-cloudfront")
        module = import_module("acme_cloudfront")
        sys.modules.pop("acme_cloudfront")
        options = module.Options(url="https://cdn.example.org", key_pair_id="K1", key_file=key)
        signer: LinkSigner = module.CloudFront(options)
        return signer

    @pytest.fixture
    def secrets(self, key: Path) -> Sequence[str]:
        return [key.read_text(), str(key)]

    @pytest.fixture
    def fetch(self, key: Path) -> Fetch:
        public = serialization.load_pem_private_key(key.read_bytes(), None).public_key()
        assert isinstance(public, rsa.RSAPublicKey)

        async def fetched(url: str) -> tuple[int, bytes]:
            resource, _, rest = url.partition("&Expires=")
            query = parse_qs(f"Expires={rest}")
            (expires,), (text,), (pair,) = (
                query[n] for n in ("Expires", "Signature", "Key-Pair-Id")
            )
            condition = {"DateLessThan": {"AWS:EpochTime": int(expires)}}
            statement = {"Resource": resource, "Condition": condition}
            policy = json.dumps({"Statement": [statement]}, separators=(",", ":"))
            signature = base64.b64decode(text.translate(str.maketrans("-_~", "+=/")))
            try:
                public.verify(signature, policy.encode(), padding.PKCS1v15(), hashes.SHA1())
            except InvalidSignature:
                return 403, b""
            assert pair == "K1"
            return (200, self.content) if int(expires) > time.time() else (403, b"")

        return fetched

    async def test_the_store_is_asked_for_name_and_type(
        self, signer: LinkSigner, file: LinkedFile
    ) -> None:
        query = parse_qs(urlsplit(await signer.link(file) or "").query)
        assert query["response-content-disposition"] == [file.content_disposition]
        assert query["response-content-type"] == [file.content_type]
