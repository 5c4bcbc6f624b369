"""`pdfsluice documents`, `search`, `plugins`, `settings` and the help."""

import json
import os
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from pdfsluice.cli.download import target_of
from pdfsluice.cli.exits import Exit
from pdfsluice.client import Document
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice, pdfsluice_here
from tests.support.servers import RunningServer


@pytest.mark.long
def test_a_document_is_indexed_found_shown_renamed_and_deleted(
    server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "otters.pdf"
    marker = f"quillwort{os.urandom(4).hex()}"
    path.write_bytes(make_pdf(["Nothing of note.", f"Otters sleep beside the {marker} weir."]))
    at = ("--server", server.base_url)

    uploaded = pdfsluice_here("upload", path, "--index", "--json", "-q", *at)
    document = json.loads(uploaded.out)
    assert document["index_status"] == "done", uploaded.err

    found = pdfsluice_here("search", "where", "do", "otters", "sleep", marker, *at)
    assert "1. otters" in found.out.lower()
    assert "page 2" in found.out
    raw = pdfsluice_here("search", marker, "--json", "-k", "1", *at)
    assert json.loads(raw.out)["document_id"] == document["id"]

    number = str(document["id"])
    assert pdfsluice_here("documents", "rename", number, "Sleeping otters", *at).code == 0
    assert "Sleeping otters" in pdfsluice_here("documents", *at).out
    shown = pdfsluice_here("documents", *at, "show", number)
    assert document["sha256"] in shown.out
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert any(line.startswith("text done: ") for line in lines), shown.out
    again = pdfsluice_here("documents", "retry", number, "text", *at)
    assert again.out.startswith(f"The importer text of document {number} is ")
    unknown = pdfsluice_here("documents", "retry", number, "webhook", *at)
    assert unknown.code == 1
    assert "no importer 'webhook'" in unknown.err
    assert pdfsluice_here("documents", "delete", number, *at).code == 0
    gone = pdfsluice_here("documents", "show", number, *at)
    assert gone.code == 1
    assert "Traceback" not in gone.err


def test_options_before_a_command_count_for_it(server: RunningServer) -> None:
    elsewhere, here = ("--server", "127.0.0.1:9"), ("--server", server.base_url)
    own = pdfsluice_here("quota", *here, "--json", "show")
    assert json.loads(own.out)["account"] == "local", own.err
    assert pdfsluice_here("quota", *elsewhere, "show").code == Exit.UNREACHABLE
    listed = pdfsluice_here("documents", *elsewhere, "list", *here)
    assert listed.code == 0, "the option after the command is the last: " + listed.err
    assert listed.out == pdfsluice_here("documents", *here).out


@pytest.mark.long
def test_a_document_is_replaced_and_its_versions_are_listed(
    server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "otters.pdf"
    texts = [f"Otters {os.urandom(4).hex()}", "Weirs"]
    path.write_bytes(make_pdf(texts, noise_per_page=50_000))
    at = ("--server", server.base_url)
    first = str(json.loads(pdfsluice_here("upload", path, "--json", "-q", *at).out)["id"])
    path.write_bytes(make_pdf([*texts, "Locks"], noise_per_page=50_000))
    replaced = pdfsluice_here("upload", path, "--replaces", first, *at)
    assert "version 2" in replaced.out, replaced.err
    listed = pdfsluice_here("documents", "versions", first, "--json", *at)
    second, before = map(json.loads, listed.out.splitlines())
    assert (second["version"], before["version"]) == (2, 1)
    assert before["replaced_by"] == second["id"]
    table = pdfsluice_here("documents", "versions", str(second["id"]), *at)
    assert first in table.out
    shown = pdfsluice_here("documents", "show", first, *at)
    assert f"1, replaced by document {second['id']}" in shown.out
    refused = pdfsluice_here("upload", path, "--replaces", first, *at)
    assert refused.code == 1
    assert str(second["id"]) in refused.err
    two = pdfsluice_here("upload", path, path, "--replaces", first, *at)
    assert two.code == 2
    gone = pdfsluice_here("documents", "delete", str(second["id"]), "--all-versions", *at)
    assert gone.code == 0
    assert pdfsluice_here("documents", "show", first, *at).code == 1


def test_a_document_is_downloaded(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "otters.pdf"
    path.write_bytes(make_pdf([f"Otters {os.urandom(4).hex()}"]))
    at = ("--server", server.base_url)
    document = json.loads(pdfsluice_here("upload", path, "--json", "-q", *at).out)
    number = str(document["id"])
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    fetched = pdfsluice_here("download", number, *at)
    assert (fetched.code, fetched.err) == (0, "")
    assert "otters.pdf" in fetched.out
    assert (folder / "otters.pdf").read_bytes() == path.read_bytes()

    (folder / "otters.pdf").write_text("my own")
    refused = pdfsluice_here("download", number, *at)
    assert refused.code == 1
    assert "exists already" in refused.err
    assert (folder / "otters.pdf").read_text() == "my own"
    forced = pdfsluice_here("download", number, "--force", "--json", *at)
    assert json.loads(forced.out)["document"]["sha256"] == document["sha256"]
    assert (folder / "otters.pdf").read_bytes() == path.read_bytes()

    assert pdfsluice_here("download", number, "-o", "renamed.pdf", *at).code == 0
    assert (folder / "renamed.pdf").read_bytes() == path.read_bytes()
    assert pdfsluice_here("download", "999999", *at).code == 1
    absent = pdfsluice_here("download", number, "-o", "absent/", *at)
    assert (absent.code, "there is no folder 'absent/'" in absent.err) == (2, True)
    assert sorted(each.name for each in folder.iterdir()) == ["otters.pdf", "renamed.pdf"]


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("../../report.pdf", "report.pdf"),
        ("..", "document-7.pdf"),
        (".bashrc", "bashrc"),
        ("a\\b\n.pdf", "b.pdf"),
    ],
)
def test_a_name_from_a_server_stays_in_the_folder(
    tmp_path: Path, filename: str, expected: str
) -> None:
    document = Document(
        id=7, title="", filename=filename, file_size=1, created_at=datetime.now(UTC)
    )
    assert target_of(document, tmp_path) == tmp_path / expected


def test_plugins_are_listed_with_origin_and_order(tmp_path: Path) -> None:
    env = {"PDFSLUICE_DATA_DIR": str(tmp_path)}
    text = pdfsluice_here("plugins", env=env)
    listed = json.loads(pdfsluice_here("plugins", "--json", env=env).out)

    assert text.code == 0, text.err
    assert {plugin["distribution"] for plugin in listed["plugins"]} >= {"pdfsluice"}
    stages = [stage["name"] for stage in listed["parts"]["stream_stages"]]
    assert len(stages) == len(set(stages)) > 1
    positions = [text.out.index(f"\n  {stage}") for stage in stages]
    assert positions == sorted(positions)
    assert list(tmp_path.iterdir()) == [], "looking changes nothing"


def test_a_disabled_plugin_is_not_listed(tmp_path: Path) -> None:
    config = tmp_path / "pdfsluice.toml"
    config.write_text('disable = ["digest"]\n')
    listed = json.loads(pdfsluice_here("plugins", "--json", "--config", config).out)
    assert "digest" not in {plugin["name"] for plugin in listed["plugins"]}


def test_settings_name_their_origin(tmp_path: Path) -> None:
    config = tmp_path / "pdfsluice.toml"
    config.write_text('port = 8123\nchunk_size = "4 MiB"\n')
    outcome = pdfsluice_here(
        *("settings", "--json", "--config", config),
        env={"STREAMING_CHUNK_SIZE_MB": "2"},
    )
    settings = {row["name"]: row for row in map(json.loads, outcome.out.splitlines())}
    assert settings["port"] == {"name": "port", "value": 8123, "origin": str(config)}
    assert settings["chunk_size"]["origin"] == "STREAMING_CHUNK_SIZE_MB"
    assert settings["host"]["origin"] == "default"
    assert pdfsluice_here("settings", "--config", config).out.count(str(config)) == 2


def test_a_wrong_setting_is_an_error_of_use() -> None:
    outcome = pdfsluice_here("settings", env={"STREAMING_CHUNK_SIZE_MB": "lots"})
    assert outcome.code == 2
    assert "STREAMING_CHUNK_SIZE_MB" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_wrong_setting_is_named_alone() -> None:
    outcome = pdfsluice_here("settings", env={"PDFSLUICE_PORT": "99999"})
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1
    assert "error: port = " in outcome.err, "a name keeps its letters"


def test_what_is_no_setting_is_reported_with_those_that_are() -> None:
    outcome = pdfsluice_here("settings", env={"STREAMING_ROOMS": "2", "PDFSLUICE_DOORS": "3"})
    assert outcome.code == 0
    assert re.findall("has ([A-Z_]+), which is no setting", outcome.err) == [
        "STREAMING_ROOMS",
        "PDFSLUICE_DOORS",
    ]


def test_help_lists_the_commands_of_plugins_too() -> None:
    outcome = pdfsluice("--help")
    assert outcome.code == 0
    for command in ("upload", "resume", "serve", "keys", "scan", "plugins", "settings"):
        assert f" {command} " in outcome.out


def test_the_version_is_that_of_the_distribution() -> None:
    assert pdfsluice("--version").out == f"pdfsluice {version('pdfsluice')}\n"
