"""What operators and programs ask: health, numbers, plugins, the description."""

import json
import logging
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.models.sessions import Scope
from tests.support.keys import add_key
from tests.support.servers import Serve
from tests.support.stored import get_json
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of

DATA = bytes(200_000)


async def test_health_has_the_memory_of_each_stage_process(serve: Serve) -> None:
    server = serve(PDFSLUICE_STAGE_PROCESSES="2")
    sizes = get_json(f"{server.base_url}/health")["stage_memory"]
    assert len(sizes) == 2
    assert min(sizes) > 1


async def test_health(web: WebServer) -> None:
    async with web.http.get("/health") as response:
        health = await body_of(response)
    assert health["status"] in {"healthy", "warning"}
    assert health["memory_usage"] > 1
    assert health["stage_memory"] == []  # stages run in threads here
    assert health["active_uploads"] == 0
    async with web.http.get("/health/live") as response:
        assert (response.status, await body_of(response)) == (200, {"status": "alive"})
    async with web.http.get("/health/ready") as response:
        assert response.status == 200
        ready = await body_of(response)
    assert ready == {"status": "ready", "checks": {"stores": "ok", "disk": "ok"}}


async def test_a_server_close_to_its_memory_limit_warns(tmp_path: Path) -> None:
    async with a_server(tmp_path, memory_limit_mb=1) as web, web.http.get("/health") as response:
        assert (await body_of(response))["status"] == "warning"


async def test_a_full_disk_is_not_ready(tmp_path: Path) -> None:
    async with (
        a_server(tmp_path, min_free_space="1EiB") as web,
        web.http.get("/health/ready") as response,
    ):
        assert response.status == 503
        assert (await body_of(response))["checks"]["stores"] == "ok"


async def test_a_store_that_fails_is_not_ready(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise StorageFailed("the disk is gone")

    monkeypatch.setattr(web.runtime.uploads, "stats", fail)
    async with web.http.get("/health/ready") as response:
        assert response.status == 503
        checks = (await body_of(response))["checks"]
    assert checks["stores"] == "StorageFailed"
    async with web.http.get("/health/live") as response:
        assert response.status == 200
    async with web.http.get("/health") as response:
        await problem_of(response, 503, "storage-failed")
        assert int(response.headers["Retry-After"]) > 0


async def test_an_unexpected_error_shows_nothing_and_is_logged(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("secret inner workings")

    monkeypatch.setattr(web.runtime.uploads, "stats", fail)
    with caplog.at_level(logging.ERROR):
        async with web.http.get("/health") as response:
            problem = await problem_of(response, 500, "internal-error")
    assert "secret" not in json.dumps(problem)
    assert "ZeroDivisionError" in caplog.text


async def test_memory_statistics(web: WebServer) -> None:
    session = await web.initiate(DATA)
    await web.put(session["session_id"], DATA, 0)
    async with web.http.get(f"{STREAMING}/memory-stats") as response:
        stats = await body_of(response)
    assert stats.keys() == {
        "active_sessions", "memory_usage_mb", "peak_memory_mb", "temp_files_count",
        "temp_files_size_mb", "concurrent_uploads", "memory_limit_mb", "disk_space_available_mb",
    }  # fmt: skip
    assert (stats["active_sessions"], stats["temp_files_count"]) == (1, 1)
    assert stats["peak_memory_mb"] >= stats["memory_usage_mb"] > 1
    assert stats["memory_limit_mb"] == 500


async def test_metrics(web: WebServer) -> None:
    await web.upload(DATA)
    async with web.http.get("/nowhere"):
        pass
    async with web.http.get("/metrics") as response:
        assert response.content_type == "text/plain"
        families = {f.name: f for f in text_string_to_metric_families(await response.text())}
    values = {s.name: s.value for f in families.values() for s in f.samples if not s.labels}
    assert values["pdfsluice_committed_bytes_total"] == len(DATA)
    assert values["pdfsluice_chunks_total"] == 4
    assert values["pdfsluice_sessions"] == 0
    (ended,) = families["pdfsluice_uploads"].samples
    assert (ended.labels, ended.value) == ({"status": "completed"}, 1)
    counted = {
        (s.labels["route"], s.labels["status"])
        for s in families["pdfsluice_request_seconds"].samples
        if s.name.endswith("_count")
    }
    assert (f"{STREAMING}/chunk/{{session_id}}", "200") in counted
    assert ("(none)", "404") in counted


async def test_information_and_plugins(tmp_path: Path) -> None:
    key = add_key(tmp_path, "ann", [Scope.READ])
    async with a_server(tmp_path, max_file_size="2MiB") as web:
        async with web.http.get("/api/info") as response:
            info = await body_of(response)
        assert info["name"] == "pdfsluice"
        assert info["authentication_required"] is True
        assert info["limits"]["max_file_size"] == 2 << 20
        async with web.http.get("/api/plugins", headers=key) as response:
            plugins = await body_of(response)
        assert plugins["parts"]["upload_stores"] == ["local"]
        assert plugins["parts"]["stream_stages"] == ["digest", "word"]
        assert "sql" in {plugin["name"] for plugin in plugins["plugins"]}
        assert key["Authorization"].removeprefix("Bearer ") not in json.dumps([info, plugins])


class Page(HTMLParser):
    """Collects what a strict policy forbids, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag in {"script", "style"} or "style" in names or any(n.startswith("on") for n in names):
            self.forbidden.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_description_as_a_page(web: WebServer) -> None:
    async with web.http.get("/docs") as response:
        assert response.content_type == "text/html"
        assert "script-src" not in response.headers["Content-Security-Policy"]
        page = Page()
        page.feed(await response.text())
    assert page.forbidden == []
    for wanted in (f"{STREAMING}/initiate", "Send a chunk as a form", "InitiateRequest"):
        assert wanted in page.text
    async with web.http.get("/docs/style.css") as response:
        assert (response.status, response.content_type) == (200, "text/css")


async def test_the_type_of_a_problem_leads_to_its_explanation(web: WebServer) -> None:
    async with web.http.get(f"{STREAMING}/x") as response:
        problem = await problem_of(response, 404, "session-not-found")
    async with web.http.get(problem["type"]) as response:
        assert response.status == 200
        page = Page()
        page.feed(await response.text())
    assert "no such upload session" in page.text
    async with web.http.get("/problems/nothing") as response:
        await problem_of(response, 404, "not-found")


async def test_the_description_names_every_documented_endpoint(web: WebServer) -> None:
    async with web.http.get("/openapi.json") as response:
        document = await body_of(response)
    assert document["openapi"].startswith("3.1")
    for method, path in (
        ("post", "initiate"), ("post", "chunk/{session_id}"), ("post", "complete/{session_id}"),
        ("post", "resume"), ("post", "cancel/{session_id}"), ("get", "resumable"),
        ("get", "memory-stats"),
    ):  # fmt: skip
        assert method in document["paths"][f"{STREAMING}/{path}"]
    operations = [
        operation for methods in document["paths"].values() for operation in methods.values()
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] and operation["description"] for operation in operations)
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references <= document["components"]["schemas"].keys()
