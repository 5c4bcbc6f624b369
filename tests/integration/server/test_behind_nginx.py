"""The manual's configurations of nginx, run by nginx before a real server."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import pytest
from aiohttp import ClientSession

from pdfsluice.client import Client
from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.wire import eventually
from tests.support.ports import free_port
from tests.support.servers import RunningServer, Serve

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "deploy.md"
TUS = {"Tus-Resumable": "1.0.0"}
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class Proxied(NamedTuple):
    """A server behind nginx.

    Attributes:
        url: Its address as clients see it, without a slash at the end.
        host: The same without the path.
    """

    url: str
    host: str


def documented(port: int, server: int, *, mounted: bool) -> str:
    """Return a whole configuration made of the manual's blocks, without TLS."""
    whole, location = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    if mounted:
        whole = re.sub(
            r"    location / \{.*?\n    \}\n", lambda _: location, whole, flags=re.DOTALL
        )
    assert whole.count("proxy_pass") == 1
    whole = re.sub(r"\n    ssl_[^\n]*", "", whole).replace("listen 443 ssl", f"listen {port}")
    return whole.replace("127.0.0.1:8000", f"127.0.0.1:{server}")


@pytest.fixture(scope="module", params=["at the root", "under a path"])
def proxied(
    request: pytest.FixtureRequest, serve_module: Serve, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    port, folder = free_port(), tmp_path_factory.mktemp("nginx")
    mounted = request.param == "under a path"
    host = f"http://127.0.0.1:{port}"
    url = f"{host}/pdf" if mounted else host
    server: RunningServer = serve_module(PDFSLUICE_PUBLIC_URL=url if mounted else "")
    blocks = documented(port, server.port, mounted=mounted)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {paths}\n{blocks}\n}}\n"
    )
    assert NGINX is not None
    nginx = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config)])
    try:
        eventually(lambda: (folder / "nginx.pid").exists() or nginx.poll() is not None)
        assert nginx.poll() is None, (folder / "error.log").read_text()
        yield Proxied(url, host)
    finally:
        nginx.terminate()
        nginx.wait(30)


@pytest.mark.long
async def test_tus_and_resumable_uploads_find_their_way_back(proxied: Proxied) -> None:
    data = make_pdf(["Behind a proxy."])
    async with ClientSession() as http:
        create = TUS | {"Upload-Length": str(len(data))}
        async with http.post(f"{proxied.url}/files", headers=create) as response:
            assert response.status == 201
            where = response.headers["Location"]
            place = urljoin(f"{proxied.url}/files", where)
        assert place.startswith(f"{proxied.url}/files/")
        send = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        async with http.patch(place, data=data, headers=send) as response:
            assert response.status == 204, await response.text()
            document = response.headers["Content-Location"]
        async with http.get(proxied.host + document) as response:
            assert response.status == 200
        other = make_pdf(["Behind a proxy, again."])
        async with http.post(f"{proxied.url}/resumable", data=other) as response:
            assert response.status == 200, await response.text()
            document = response.headers["Content-Location"]
        async with http.get(proxied.host + document) as response:
            assert response.status == 200


async def test_the_page_and_its_websocket_work(proxied: Proxied) -> None:
    browser = {"Origin": proxied.host}
    async with ClientSession() as http:
        async with http.get(f"{proxied.url}/") as response:
            assert response.status == 200
            page = await response.text()
        assets = re.findall(r'(?:href|src)="(/[^"]+)"', page)
        assert len(assets) > 5
        for asset in assets:
            async with http.get(proxied.host + asset) as response:
                assert response.status == 200, asset
        script = f"{proxied.url}/assets/js/main.js"
        async with http.get(script) as response:
            (imported, *_) = re.findall(r"from '(/[^']+)'", await response.text())
        async with http.get(proxied.host + imported) as response:
            assert response.status == 200, imported
        async with http.ws_connect(f"{proxied.url}/ws/me", headers=browser) as socket:
            await socket.send_json({"type": "ping"})
            assert await socket.receive_json() == {"type": "pong"}
        wanted = {"filename": "a.pdf", "file_size": 10}
        async with http.post(
            f"{proxied.url}/api/documents/streaming/initiate", json=wanted, headers=browser
        ) as response:
            assert response.status == 200, await response.text()
            upload_url = (await response.json())["upload_url"]
        assert (proxied.host + upload_url).startswith(f"{proxied.url}/api/")


async def test_the_description_names_where_it_is(proxied: Proxied) -> None:
    async with ClientSession() as http:
        async with http.get(f"{proxied.url}/openapi.json") as response:
            (server,) = (await response.json())["servers"]
        assert (proxied.host + server["url"]).rstrip("/") == proxied.url
        async with http.get(f"{proxied.url}/docs") as response:
            page = await response.text()
        for link in re.findall(r'href="(/[^"]+)"', page):
            async with http.get(proxied.host + link) as response:
                assert response.status == 200, link


async def test_the_python_client_uploads(proxied: Proxied, tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(make_pdf(["Through nginx."], noise_per_page=3_000_000))
    async with Client(proxied.url) as client:
        done = await client.upload(file)
    assert done is not None
