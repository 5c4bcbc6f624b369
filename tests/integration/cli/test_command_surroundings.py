"""The command copes with odd files, streams and keys, and names the mistake."""

import json
import os
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice, pdfsluice_as_user, pdfsluice_here, pdfsluice_started
from tests.support.servers import RunningServer
from tests.support.shares import share

FAILED, USAGE, AUTHENTICATION = 1, 2, 5

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def new_pdf(path: Path) -> Path:
    path.write_bytes(make_pdf([f"Report {os.urandom(8).hex()}"]))
    return path


@pytest.mark.long
def test_a_name_is_text_in_every_locale(server: RunningServer, tmp_path: Path) -> None:
    file = new_pdf(tmp_path / "Kanäle.pdf")
    outcome = pdfsluice_started("upload", file, "--server", server.base_url, env=C_LOCALE)
    assert outcome.code == 0, outcome.err
    assert "Kan?le.pdf: reading" in outcome.err
    assert "Kan?le.pdf is document" in outcome.out


def test_a_pipe_is_refused_and_not_waited_for(server: RunningServer, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pdf"
    os.mkfifo(pipe)
    outcome = pdfsluice("upload", pipe, "--server", server.base_url)
    assert outcome.code == FAILED
    assert f"{pipe} is not a regular file" in outcome.err


@pytest.mark.long
@pytest.mark.parametrize(
    "env",
    share(
        [{"PYTHONIOENCODING": "latin-1"}, C_LOCALE],
        every=2,
        nightly=[C_LOCALE],  # a query has it in test_command_for_programs.py
    ),
    ids=["latin-1", "C"],
)
def test_a_poor_encoding_is_no_failure(
    server: RunningServer, tmp_path: Path, env: dict[str, str]
) -> None:
    files = [new_pdf(tmp_path / name) for name in ("first.pdf", "second.pdf")]
    at = ("--server", server.base_url)

    outcome = pdfsluice_started("upload", *files, *at, env=env)

    assert outcome.code == 0, outcome.err
    assert "first.pdf is document" in outcome.out
    assert "second.pdf is document" in outcome.out

    titled = new_pdf(tmp_path / "third.pdf")
    plain = pdfsluice_started("upload", titled, "--title", "Ωmega", "--json", "-q", *at, env=env)
    assert json.loads(plain.out.encode(env.get("PYTHONIOENCODING", "utf-8")))["title"] == "Ωmega"


@pytest.mark.parametrize(
    ("option", "value"),
    [("--limit-rate", "0"), ("--limit-rate", "8XB"), ("--chunk-size", "0")],
)
def test_a_wrong_size_is_reported_with_its_option(tmp_path: Path, option: str, value: str) -> None:
    outcome = pdfsluice_here("upload", new_pdf(tmp_path / "a.pdf"), option, value)
    assert outcome.code == USAGE
    assert option in outcome.err


@pytest.mark.parametrize("ending", ["\n", "\r\n", " "])
def test_what_surrounds_a_key_is_no_part_of_it(server: RunningServer, ending: str) -> None:
    env = {"PDFSLUICE_API_KEY": f"key{ending}"}
    outcome = pdfsluice_here("sessions", "--json", "--server", server.base_url, env=env)
    assert outcome.code == 0, outcome.err


def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("secret-one\nsecret-two\n")
    by_file = pdfsluice_here("documents", "--api-key-file", file)
    by_name = pdfsluice_here("documents", env={"PDFSLUICE_API_KEY": "secret-ö"})
    for outcome, origin in ((by_file, str(file)), (by_name, "PDFSLUICE_API_KEY")):
        assert outcome.code == AUTHENTICATION
        assert f"What is in {origin} is not an API key" in outcome.err
        assert "secret" not in outcome.err


def test_keys_are_not_looked_for_without_a_folder(tmp_path: Path) -> None:
    absent = tmp_path / "typo"
    for arguments in (("list",), ("revoke", "alice")):
        outcome = pdfsluice_here("keys", *arguments, "--data-dir", absent)
        assert outcome.code == USAGE
        assert "--data-dir" in outcome.err
        assert not absent.exists()


def test_keys_are_listed_for_programs(tmp_path: Path) -> None:
    at = ("--data-dir", tmp_path)
    pdfsluice_here("keys", "add", "alice", "--request-rate", "2.5", "--scope", "read", *at)
    (key,) = map(json.loads, pdfsluice_here("keys", "list", "--json", *at).out.splitlines())
    assert (key["name"], key["scopes"], key["request_rate"]) == ("alice", ["read"], 2.5)
    assert (key["bandwidth"], key["revoked_at"], key["tenant"]) == (None, None, "")
    assert "digest" not in key


@pytest.mark.parametrize("name", ["class", "os", "match", "Acme", "acme_words", "../x"])
def test_a_plugin_has_a_name_that_can_be_imported(tmp_path: Path, name: str) -> None:
    outcome = pdfsluice_here("new-plugin", name, "--in", tmp_path)
    assert outcome.code == USAGE
    assert "cannot be the name of a plugin" in outcome.err
    assert not list(tmp_path.iterdir())


def test_the_demonstration_keeps_away_from_another_server(
    server: RunningServer, tmp_path: Path
) -> None:
    port = server.base_url.rpartition(":")[2]
    outcome = pdfsluice_here("demo", "--port", port, "--data-dir", tmp_path)
    assert outcome.code == FAILED
    assert f"Port {port} of 127.0.0.1 cannot be used: Address already in use" in outcome.err
    assert outcome.out == ""


def test_a_folder_that_takes_no_key_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    outcome = pdfsluice_as_user("keys", "add", "alice", "--data-dir", closed)
    assert outcome.code == FAILED
    assert "cannot be opened for writing: Permission denied" in outcome.err
    assert "Permission denied" in outcome.err
    assert "which owns its data directory" in outcome.err
