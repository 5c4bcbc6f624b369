"""The documented Uppy example, on a page of another origin, against a real server."""

import functools
import http.server
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.deployments import ONE_SERVER, Deployed
from tests.support.page import SlowNetwork
from tests.support.servers import RunningServer, Serve

OpenPage = Callable[..., Page]

ROOT = Path(__file__).parents[2]
_FORMER_ATTEMPTS = 6
MODULES = ROOT / "tests" / "js" / "node_modules"
EXAMPLE = ROOT / "docs" / "how-to" / "use-uppy.md"
DRIVER = """
import { makeUppy, uppyDocuments } from './example.js';
window.run = async (server, file) => {
  const uppy = makeUppy(server, '');
  const problems = [];
  uppy.on('upload-error', (_, error) => {
    const body = error.originalResponse?.getBody() ?? '{}';
    const { code, details } = JSON.parse(body);
    const kinds = details?.findings?.map(({ kind }) => kind);
    problems.push({ message: error.message, code, kinds });
  });
  const progress = [];
  uppy.on('upload-progress', (_, { bytesUploaded }) => progress.push(bytesUploaded));
  uppy.addFile({ name: file.name, type: file.type, data: file });
  const { successful, failed } = await uppy.upload();
  const documents = [...uppyDocuments.values()];
  return { successful: successful.length, failed: failed.length, documents, problems, progress };
};
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with the example, bundled as its readers would, on an origin of its own."""
    tmp_path = tmp_path_factory.mktemp("site")
    bundler = MODULES / ".bin" / "esbuild"
    if not bundler.exists():
        pytest.skip("the test tools are not installed: npm --prefix tests/js ci")
    blocks = re.findall(r"^```js\n(.*?)^```", EXAMPLE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "example.js").write_text(blocks[0])
    (tmp_path / "driver.js").write_text(DRIVER)
    public = tmp_path / "public"
    public.mkdir()
    (public / "index.html").write_text(
        "<!doctype html><title>Uppy</title><input type=file>"
        "<script type=module src=page.js></script>"
    )
    (tmp_path / "node_modules").symlink_to(MODULES)
    subprocess.run(
        [bundler, "driver.js", "--bundle", "--format=esm", f"--outfile={public / 'page.js'}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    handler = functools.partial(_Quiet, directory=str(public))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def listening(request: pytest.FixtureRequest, deployment: str, site: str) -> Deployed:
    """A server or cluster that accepts requests of the site's pages."""
    if deployment != ONE_SERVER:
        cluster: Deployed = request.getfixturevalue("deployed")
        return cluster
    serve_module: Serve = request.getfixturevalue("serve_module")
    return serve_module(PDFSLUICE_CORS_ORIGINS=json.dumps([site]))


def _upload(page: Page, server: Deployed, file: Path) -> dict[str, Any]:
    page.set_input_files("input", file)
    run = "async (server) => run(server, document.querySelector('input').files[0])"
    outcome: dict[str, Any] = page.evaluate(run, server.base_url)
    return outcome


@pytest.mark.long
def test_the_example_uploads(
    site: str, listening: Deployed, open_page: OpenPage, pdfs: Path
) -> None:
    page = open_page(site)
    outcome = _upload(page, listening, pdfs / "canal-survey.pdf")
    assert outcome["successful"] == 1, outcome["problems"]
    assert len(outcome["progress"]) > 1
    (address,) = outcome["documents"]
    document = page.request.get(f"{listening.base_url}{address}").json()
    assert document["filename"] == "canal-survey.pdf"
    assert document["file_size"] == (pdfs / "canal-survey.pdf").stat().st_size


@pytest.mark.nightly
def test_a_refused_file_ends_with_the_reason(
    site: str, listening: Deployed, open_page: OpenPage, pdfs: Path
) -> None:
    page = open_page(site)
    SlowNetwork(page, bytes_per_second=5_000_000)  # so that the verdict is there before the end
    outcome = _upload(page, listening, pdfs / "invoice.pdf")
    assert outcome["failed"] == 1
    (problem,) = outcome["problems"]
    assert problem["code"] == "content-rejected", problem
    assert "launch" in problem["kinds"]
    assert max(outcome["progress"], default=0) < (pdfs / "invoice.pdf").stat().st_size


@pytest.mark.nightly
def test_a_file_waits_for_its_turn_however_long_others_take(
    tmp_path: Path, site: str, open_page: OpenPage, serve: Serve
) -> None:
    """The old settings gave a file up after five retries, 19 seconds in all."""
    busy = serve(
        PDFSLUICE_CORS_ORIGINS=json.dumps([site]),
        PDFSLUICE_PLUGINS__BACKPRESSURE__PATIENCE="0.1",
        STREAMING_MAX_CONCURRENT_UPLOADS="1",
    )
    file = tmp_path / "waiting.pdf"
    file.write_bytes(make_pdf(["It waits for its turn."]))
    page = open_page(site)
    page.clock.install()
    refused: list[str] = []
    page.on("response", lambda each: refused.append(each.url) if each.status == 503 else None)
    page.set_input_files("input", file)
    with other_upload(busy):
        page.evaluate(
            "(server) => { run(server, document.querySelector('input').files[0])"
            ".then((outcome) => { window.outcome = outcome; }); }",
            busy.base_url,
        )
        while len(refused) < _FORMER_ATTEMPTS + 2:
            assert page.evaluate("window.outcome ?? null") is None
            page.clock.run_for(11_000)
            page.wait_for_timeout(50)
    while (outcome := page.evaluate("window.outcome ?? null")) is None:
        page.clock.run_for(11_000)
        page.wait_for_timeout(50)
    assert (outcome["successful"], outcome["failed"]) == (1, 0), outcome["problems"]


@contextmanager
def other_upload(server: RunningServer) -> Iterator[None]:
    """Keep the only place for uploads taken: a chunk comes in a few bytes at a time."""
    http = HTTPConnection("127.0.0.1", server.port)
    http.request(
        "POST",
        "/api/documents/streaming/initiate",
        json.dumps({"filename": "slow.pdf", "file_size": 1_000_000}),
        {"Content-Type": "application/json"},
    )
    session = json.loads(http.getresponse().read())
    content = make_pdf(["slow"])
    http.putrequest("PUT", f"{session['upload_url']}?chunk_id=0&chunk_offset=0")
    http.putheader("Content-Type", "application/octet-stream")
    http.putheader("Content-Length", "1000000")
    http.endheaders()
    ended = threading.Event()

    def send() -> None:
        for at in range(len(content)):
            if ended.wait(0.2):
                return
            http.send(content[at : at + 1])

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        ended.set()
        sender.join()
        http.close()
