"""API keys: file, authenticator and command."""

import re
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pdfsluice.core.errors import AuthenticationError, NotFound, StorageFailed
from pdfsluice.core.models import Scope
from pdfsluice.core.plugins.ports.access import Credentials
from pdfsluice.plugins.api_keys.authenticator import ApiKeyAuthenticator
from pdfsluice.plugins.api_keys.commands import app
from pdfsluice.plugins.api_keys.keys import KeyFile, id_of, new_key

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def added(path: Path, name: str = "alice", *scopes: Scope) -> str:
    stored, key = new_key(name, scopes or (Scope.UPLOAD,), NOW)
    KeyFile(path).add(stored)
    return key


def showing(**headers: str) -> Credentials:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Credentials(headers=fields, query={}, remote="127.0.0.1")


def test_the_file_holds_no_key_and_is_private(path: Path) -> None:
    key = added(path)
    assert key not in path.read_text()
    assert key.rsplit("_", 1)[1] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["keys.json", "keys.lock"]


def test_keys_differ_and_name_themselves() -> None:
    keys = [new_key("alice", [Scope.READ], NOW) for _ in range(100)]
    assert len({key for _, key in keys}) == 100
    assert all(id_of(key) == stored.id for stored, key in keys)
    assert all(stored.matches(key) and not stored.matches(key + "x") for stored, key in keys)


@pytest.mark.parametrize("text", ["", "x", "pdfsluice_", "pdfsluice_0123abcd_short", "\ud800"])
def test_other_text_is_no_key(text: str) -> None:
    assert id_of(text) is None


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "x\n", "ä", "a" * 65, "../x"])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name has"):
        new_key(name, [Scope.READ], NOW)


async def test_each_way_to_show_a_key(path: Path) -> None:
    key = added(path, "alice", Scope.UPLOAD, Scope.READ)
    authenticator = ApiKeyAuthenticator(path, check_interval=0)
    ways = (
        showing(authorization=f"Bearer {key}"),
        showing(authorization=f"bearer  {key} "),
        showing(x_api_key=key),
        showing(sec_websocket_protocol=f"pdfsluice.v1, bearer.{key}"),
    )
    for credentials in ways:
        principal = await authenticator.authenticate(credentials)
        assert principal is not None
        assert (principal.id, principal.name) == ("key:alice", "alice")
        assert principal.scopes == {Scope.UPLOAD, Scope.READ}
        assert not principal.may(Scope.ADMIN)


async def test_what_is_not_ours_is_left_to_others(path: Path) -> None:
    added(path)
    authenticator = ApiKeyAuthenticator(path, check_interval=0)
    for credentials in (
        showing(),
        showing(authorization="Basic YTpi"),
        showing(authorization="Bearer eyJhbGciOi.J9"),
        showing(authorization=""),
        showing(sec_websocket_protocol="pdfsluice.v1"),
    ):
        assert await authenticator.authenticate(credentials) is None


async def test_wrong_keys_are_refused(path: Path) -> None:
    key = added(path)
    other = new_key("mallory", [Scope.ADMIN], NOW)[1]
    same_id = key[:-1] + ("A" if key[-1] != "A" else "B")
    authenticator = ApiKeyAuthenticator(path, check_interval=0)
    for wrong in (other, same_id, key + "x", key[:-1], key.upper(), "wrong"):
        with pytest.raises(AuthenticationError) as caught:
            await authenticator.authenticate(showing(x_api_key=wrong))
        assert wrong not in str(caught.value)
    for wrong in (other, same_id):
        with pytest.raises(AuthenticationError):
            await authenticator.authenticate(showing(authorization=f"Bearer {wrong}"))


async def test_without_keys_no_request_is_asked_for_one(path: Path) -> None:
    authenticator = ApiKeyAuthenticator(path, check_interval=0)
    assert not authenticator.enforced
    assert await authenticator.authenticate(showing(x_api_key="anything")) is None


async def test_a_new_key_counts_immediately(path: Path) -> None:
    authenticator = ApiKeyAuthenticator(path, check_interval=0)
    enforced = [authenticator.enforced]
    key = added(path)
    enforced.append(authenticator.enforced)
    assert enforced == [False, True]
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None


async def test_revocation_counts_immediately_and_never_opens_the_server(path: Path) -> None:
    key = added(path)
    authenticator = ApiKeyAuthenticator(path, check_interval=0)
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None
    (revoked,) = KeyFile(path).revoke("alice", NOW)
    assert revoked.id == id_of(key)
    with pytest.raises(AuthenticationError):
        await authenticator.authenticate(showing(x_api_key=key))
    assert authenticator.enforced
    path.unlink()
    assert authenticator.enforced
    with pytest.raises(AuthenticationError):
        await authenticator.authenticate(showing(x_api_key=key))


async def test_a_damaged_file_admits_no_request(path: Path) -> None:
    key = added(path)
    authenticator = ApiKeyAuthenticator(path, check_interval=0)
    assert authenticator.enforced
    for content in (
        "{",
        "[]",
        "null",
        '{"version": 2, "keys": []}',
        '{"version": 1, "keys": [{}]}',
    ):
        path.write_text(content)
        with pytest.raises(StorageFailed):
            await authenticator.authenticate(showing(x_api_key=key))
        with pytest.raises(StorageFailed):
            await ApiKeyAuthenticator(path).authenticate(showing())


def test_one_key_of_a_name_is_revoked_by_its_id(path: Path) -> None:
    first, second = added(path), added(path)
    file = KeyFile(path)
    assert [key.id for key in file.revoke(id_of(first) or "", NOW)] == [id_of(first)]
    assert {key.id: key.revoked_at for key in file.read()} == {
        id_of(first): NOW,
        id_of(second): None,
    }
    assert [key.id for key in file.revoke("alice", NOW)] == [id_of(second)]
    with pytest.raises(NotFound):
        file.revoke("alice", NOW)


def test_changes_at_the_same_time_exclude_each_other(path: Path) -> None:
    script = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path;"
        "from pdfsluice.core.models import Scope;"
        "from pdfsluice.plugins.api_keys.keys import KeyFile, new_key\n"
        "for _ in range(20):\n"
        "    KeyFile(Path(sys.argv[1])).add(new_key('x', [Scope.READ], datetime.now(UTC))[0])\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert len(KeyFile(path).read()) == 60


def test_the_command_adds_lists_and_revokes(path: Path) -> None:
    runner, where = CliRunner(), ["--data-dir", str(path.parent)]
    result = runner.invoke(app, ["add", "alice", "--scope", "admin", *where])
    assert result.exit_code == 0, result.output
    key = result.stdout.strip()
    assert id_of(key), "standard output holds the key and nothing else"
    listed = runner.invoke(app, ["list", *where], env={"COLUMNS": "200"})
    assert re.search(rf"{id_of(key)}.*alice.*admin.*valid", listed.stdout)
    assert key not in listed.stdout
    assert runner.invoke(app, ["revoke", "alice", *where]).exit_code == 0
    assert "revoked" in runner.invoke(app, ["list", *where], env={"COLUMNS": "200"}).stdout
    assert isinstance(runner.invoke(app, ["revoke", "alice", *where]).exception, NotFound)
    assert runner.invoke(app, ["add", "a b", *where]).exit_code == 2


async def test_the_command_changes_the_limits_of_keys(path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        outcome = CliRunner().invoke(app, [*arguments, "--data-dir", str(path.parent)])
        return outcome.exit_code, outcome.output

    code, out = run("add", "ann", "--bandwidth", "5MiB", "--request-rate", "0.5")
    assert code == 0, out
    key = out.split()[-1]
    authenticator = ApiKeyAuthenticator(path, check_interval=0.0)

    async def limits() -> tuple[int | None, float | None]:
        credentials = Credentials(headers={"x-api-key": key}, query={}, remote="::1")
        principal = await authenticator.authenticate(credentials)
        assert principal is not None
        return principal.bandwidth, principal.request_rate

    assert await limits() == (5 * 1024 * 1024, 0.5)
    assert "5.2 MB/s, 0.5 requests/s" in run("list")[1]
    assert run("limit", "ann", "--bandwidth", "0")[0] == 0
    assert await limits() == (0, 0.5)
    assert run("limit", "ann", "--bandwidth", "default", "--request-rate", "default")[0] == 0
    assert await limits() == (None, None)
    for wrong in (
        *(("--bandwidth", text) for text in ("fast", "-1", "nan")),
        *(("--request-rate", text) for text in ("many", "-2", "nan", "inf")),
        (),
    ):
        assert run("limit", "ann", *wrong)[0] == 2, wrong
    code, out = run("limit", "bob", "--bandwidth", "1MiB")
    assert code != 0


def test_a_key_reads_and_uploads_by_default(path: Path) -> None:
    CliRunner().invoke(app, ["add", "alice", "--data-dir", str(path.parent)])
    (stored,) = KeyFile(path).read()
    assert stored.scopes == {Scope.READ, Scope.UPLOAD}


def test_the_settings_name_the_file_of_keys(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDFSLUICE_DATA_DIR", str(path.parent))
    result = CliRunner().invoke(app, ["add", "alice"])
    assert result.exit_code == 0, result.output
    assert len(KeyFile(path).read()) == 1
    config = tmp_path / "pdfsluice.toml"
    config.write_text(f'data_dir = "{tmp_path / "other"}"\n')
    monkeypatch.delenv("PDFSLUICE_DATA_DIR")
    CliRunner().invoke(app, ["add", "bob", "--config", str(config)])
    assert len(KeyFile(tmp_path / "other" / "keys.json").read()) == 1


def test_an_unreadable_file_is_reported_as_such(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StorageFailed):
        KeyFile(path).read()
