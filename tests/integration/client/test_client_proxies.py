"""Proxies with answers of their own, and private authorities."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from pdfsluice.client import Client, ClientError, UnexpectedAnswer, Unreachable
from pdfsluice.client.connection import proxy_for

NGINX = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
)
INFO = {
    "name": "pdfsluice",
    "version": "1",
    "authentication_required": False,
    "limits": {
        "max_file_size": 1,
        "chunk_size": 1,
        "max_chunk_size": 1,
        "max_concurrent_uploads": 1,
    },
}


@asynccontextmanager
async def answering(
    respond: Callable[[], web.Response], context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    async def handler(_request: web.BaseRequest) -> web.Response:
        return respond()

    server = web.ServerRunner(web.Server(handler), shutdown_timeout=0)
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield server.addresses[0][1]
    finally:
        await server.cleanup()


@pytest.mark.parametrize(
    ("status", "title", "explanation", "advice", "retryable"),
    [
        (413, "413 Request Entity Too Large", "accepts no request of this size", "smaller", False),
        (403, "403 Forbidden", "forbids the request", "which rule", False),
        (502, "502 Bad Gateway", "gets no valid answer", "Is the server running", True),
        (504, "504 Gateway Time-out", "did not wait", "timeout", True),
        (418, "I&#39;m a teapot", "not from pdfsluice", "address", False),
    ],
)
async def test_a_page_of_a_proxy_is_explained(
    status: int, title: str, explanation: str, advice: str, *, retryable: bool
) -> None:
    def page() -> web.Response:
        return web.Response(
            status=status,
            text=NGINX.format(title),
            content_type="text/html",
            headers={"Server": "nginx/1.22.1"},
        )

    async with answering(page) as port, Client(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(UnexpectedAnswer) as caught:
            await client.info()
    error = caught.value
    assert explanation in error.message
    assert str(status) in error.message
    assert "nginx" in error.message
    assert "<" not in error.message
    assert advice in error.hint
    assert (error.status, error.retryable) == (status, retryable)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 of an unknown authority, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=private", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *names],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "cert.pem"


async def test_a_private_authority_is_trusted_if_it_is_named(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    async with answering(lambda: web.json_response(INFO), context) as port:
        address = f"https://127.0.0.1:{port}"
        async with Client(address) as client:
            with pytest.raises(Unreachable, match="is not trusted") as caught:
                await client.info()
        assert "--ca" in caught.value.hint
        async with Client(address, ca=certificate) as client:
            assert (await client.info()).name == "pdfsluice"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with Client(address) as client:
            assert (await client.info()).name == "pdfsluice"


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(ClientError, match="holds no certificate"):
        Client("https://pdf.example.org", ca=file)
    with pytest.raises(ClientError, match="No such file"):
        Client("https://pdf.example.org", ca=tmp_path / "absent.pem")


async def test_requests_go_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as listener:
        monkeypatch.setenv(
            "HTTP_PROXY", f"http://user:word@127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        )
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with Client("http://pdf.example.org") as client:
            with pytest.raises(ClientError, match="proxy asks for a login"):
                await client.info()
    assert asked[0].startswith(b"GET http://pdf.example.org/api/info HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic" in asked[0]


@pytest.mark.parametrize(
    ("server", "environment", "proxy"),
    [
        ("https://pdf.example.org", {"https_proxy": "http://p:3128"}, "http://p:3128"),
        ("https://pdf.example.org", {"HTTPS_PROXY": "p:3128"}, "http://p:3128"),
        ("https://pdf.example.org", {"http_proxy": "http://p:3128"}, None),
        ("http://pdf.example.org", {"all_proxy": "http://p:3128"}, "http://p:3128"),
        ("http://pdf.example.org", {"http_proxy": "http://p", "no_proxy": ".example.org"}, None),
        ("http://localhost:8000", {"http_proxy": "http://p:3128"}, None),
        ("http://127.0.0.1:8000", {"http_proxy": "http://p:3128"}, None),
        ("http://[::1]:8000", {"http_proxy": "http://p:3128"}, None),
    ],
)
def test_the_proxy_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, server: str, environment: dict[str, str], proxy: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(URL(server))
    assert (found and str(found)) == proxy


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://p:1080")
    with pytest.raises(ClientError, match="not an HTTP proxy"):
        proxy_for(URL("https://pdf.example.org"))
