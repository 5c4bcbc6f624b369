"""API keys: authenticator, command, and the file of earlier releases."""

import asyncio
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pdfsluice.core import (
    ApiKey,
    Hint,
    HintKind,
    KeyRates,
    KeyStore,
    Need,
    Scope,
    SessionStore,
)
from pdfsluice.core.errors import AuthenticationError, NotFound, StorageFailed
from pdfsluice.core.plugins.ports.access import Credentials
from pdfsluice.core.plugins.ports.cluster import Alone
from pdfsluice.core.runtime.needs import opened_needs
from pdfsluice.core.testing.memory_sessions import MemorySessionStore
from pdfsluice.plugins.api_keys.authenticator import ApiKeyAuthenticator, opened
from pdfsluice.plugins.api_keys.commands import app
from pdfsluice.plugins.api_keys.file import KeyFile
from pdfsluice.plugins.api_keys.keys import (
    adding,
    id_of,
    new_key,
    revoking,
)
from pdfsluice.plugins.api_keys.storing import stored_keys
from tests.support.databases import sql_context, sql_stores

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@asynccontextmanager
async def sql_sessions(folder: Path) -> AsyncIterator[SessionStore]:
    async with sql_stores(sql_context(folder)) as (sessions, _):
        yield sessions


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[KeyStore]:
    async with sql_sessions(tmp_path) as sessions:
        yield await stored_keys(sessions, tmp_path)


async def added(keys: KeyStore, name: str = "alice", *scopes: Scope) -> str:
    stored, key = new_key(name, scopes or (Scope.UPLOAD,), NOW)
    await keys.change(adding(stored))
    return key


def showing(**headers: str) -> Credentials:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Credentials(headers=fields, query={}, remote="127.0.0.1")


def test_processes_that_change_the_file_exclude_each_other(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from datetime import UTC, datetime; from pathlib import Path;"
        "from pdfsluice.core import Scope;"
        "from pdfsluice.plugins.api_keys.file import KeyFile;"
        "from pdfsluice.plugins.api_keys.keys import adding, new_key\n"
        "for _ in range(20):\n"
        "    key = new_key('x', [Scope.READ], datetime.now(UTC))[0]\n"
        "    asyncio.run(KeyFile(Path(sys.argv[1])).change(adding(key)))\n"
    )
    path = tmp_path / "keys.json"
    children = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert len(asyncio.run(KeyFile(path).keys())) == 60


async def test_no_store_has_the_key_itself(tmp_path: Path, keys: KeyStore) -> None:
    sent = [await added(keys), await added(KeyFile(tmp_path / "keys.json"))]
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert {"keys.json", "keys.lock", "pdfsluice.db"} <= {path.name for path in files}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        for key in sent:
            secret = key.split("_", 2)[2]  # which may have an underscore
            assert secret.encode() not in path.read_bytes()


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
    with pytest.raises(ValueError, match="a name has"):
        new_key("ann", [Scope.READ], NOW, tenant=name)


async def test_each_way_to_show_a_key(keys: KeyStore) -> None:
    key = await added(keys, "alice", Scope.UPLOAD, Scope.READ)
    authenticator = ApiKeyAuthenticator(keys, max_age=0)
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


async def test_what_is_not_ours_is_left_to_others(keys: KeyStore) -> None:
    await added(keys)
    authenticator = ApiKeyAuthenticator(keys, max_age=0)
    for credentials in (
        showing(),
        showing(authorization="Basic YTpi"),
        showing(authorization="Bearer eyJhbGciOi.J9"),
        showing(authorization=""),
        showing(sec_websocket_protocol="pdfsluice.v1"),
    ):
        assert await authenticator.authenticate(credentials) is None


async def test_wrong_keys_are_refused(keys: KeyStore) -> None:
    key = await added(keys)
    other = new_key("mallory", [Scope.ADMIN], NOW)[1]
    same_id = key[:-1] + ("A" if key[-1] != "A" else "B")
    authenticator = ApiKeyAuthenticator(keys, max_age=0)
    for wrong in (other, same_id, key + "x", key[:-1], key.upper(), "wrong"):
        with pytest.raises(AuthenticationError) as caught:
            await authenticator.authenticate(showing(x_api_key=wrong))
        assert wrong not in str(caught.value)
    for wrong in (other, same_id):
        with pytest.raises(AuthenticationError):
            await authenticator.authenticate(showing(authorization=f"Bearer {wrong}"))


async def test_without_keys_no_request_is_asked_for_one(keys: KeyStore) -> None:
    authenticator = ApiKeyAuthenticator(keys, max_age=0)
    assert await authenticator.authenticate(showing(x_api_key="anything")) is None
    assert not authenticator.enforced


async def test_changes_count_after_a_second_and_new_keys_earlier(keys: KeyStore) -> None:
    time = 0.0
    authenticator = ApiKeyAuthenticator(keys, clock=lambda: time)
    assert await authenticator.authenticate(showing()) is None
    key = await added(keys)
    time = 0.2
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None
    assert authenticator.enforced
    await keys.change(revoking("alice", NOW))
    time = 1.1
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None
    time = 1.2
    with pytest.raises(AuthenticationError):
        await authenticator.authenticate(showing(x_api_key=key))


async def test_a_hint_of_another_node_counts_immediately(keys: KeyStore) -> None:
    key = await added(keys)
    authenticator = ApiKeyAuthenticator(keys, clock=lambda: 0.0)
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None
    await keys.change(revoking("alice", NOW))
    authenticator.receive(Hint(HintKind.JOBS))
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None
    authenticator.receive(Hint(HintKind.KEYS))
    with pytest.raises(AuthenticationError):
        await authenticator.authenticate(showing(x_api_key=key))


async def test_lost_keys_never_open_the_server(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    key = await added(file)
    authenticator = ApiKeyAuthenticator(file, max_age=0)
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None
    (tmp_path / "keys.json").unlink()
    with pytest.raises(AuthenticationError):
        await authenticator.authenticate(showing(x_api_key=key))
    assert authenticator.enforced


async def test_a_damaged_file_admits_no_request(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = await added(KeyFile(path))
    authenticator = ApiKeyAuthenticator(KeyFile(path), max_age=0)
    assert await authenticator.authenticate(showing(x_api_key=key)) is not None
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
        async with sql_sessions(tmp_path) as sessions:
            with pytest.raises(StorageFailed):
                await stored_keys(sessions, tmp_path, retire_file=True)
    assert path.exists()


async def test_an_unreadable_file_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "keys.json").mkdir()
    with pytest.raises(StorageFailed):
        await KeyFile(tmp_path / "keys.json").keys()
    with pytest.raises(StorageFailed):
        await added(KeyFile(tmp_path / "keys.json"))


async def test_a_key_that_is_revoked_anywhere_is_revoked_after_the_merge(
    tmp_path: Path, keys: KeyStore
) -> None:
    stored, _ = new_key("ann", [Scope.READ], NOW)
    await keys.change(adding(stored))
    file = KeyFile(tmp_path / "keys.json")
    await file.change(adding(stored))
    await keys.change(revoking("ann", NOW))
    async with sql_sessions(tmp_path) as sessions:
        await stored_keys(sessions, tmp_path)
        assert [each.revoked_at for each in await keys.keys()] == [NOW], "an old file revives none"
    other, _ = new_key("bob", [Scope.READ], NOW)
    await keys.change(adding(other))
    await file.change(adding(other))
    await file.change(revoking("bob", NOW))
    async with sql_sessions(tmp_path) as sessions:
        await stored_keys(sessions, tmp_path)
        assert {each.revoked_at for each in await keys.keys()} == {NOW}
    assert (tmp_path / "keys.json").exists(), "a command leaves it to the server"


async def test_a_session_store_without_keys_leaves_them_in_the_file(tmp_path: Path) -> None:
    key = await added(KeyFile(tmp_path / "keys.json"))
    async with opened(MemorySessionStore(), Alone(), tmp_path) as authenticator:
        assert authenticator.enforced
        assert await authenticator.authenticate(showing(x_api_key=key)) is not None
    assert (tmp_path / "keys.json").exists()


class Command:
    """Runs ``pdfsluice keys`` for a folder, on a thread without an event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Return the exit code and what was printed."""
        where = ["--data-dir", str(self.folder)]
        outcome = CliRunner().invoke(
            app, [*arguments, *where], env={"COLUMNS": "200"} | environment
        )
        if isinstance(outcome.exception, NotFound):
            return 1, outcome.exception.message
        return outcome.exit_code, outcome.output

    async def keys(self) -> list[ApiKey]:
        """Return the keys of the folder."""
        needs = frozenset({Need.SETTINGS, Need.SESSIONS})
        async with opened_needs(needs, None, data_dir=self.folder) as resources:
            assert resources.sessions is not None
            return list(await (await stored_keys(resources.sessions, self.folder)).keys())


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path / "data")


def test_the_command_adds_lists_and_revokes(command: Command) -> None:
    code, out = command.run("add", "alice", "--scope", "admin")
    assert code == 0, out
    assert stat.S_IMODE(command.folder.stat().st_mode) == 0o700
    key = out.split()[-1]
    assert id_of(key)
    code, out = command.run("list")
    assert re.search(rf"{id_of(key)}.*alice.*admin.*valid", out)
    assert key not in out
    assert command.run("revoke", "alice")[0] == 0
    assert "revoked" in command.run("list")[1]
    assert command.run("revoke", "alice") == (1, "There is no valid key 'alice'.")
    assert command.run("add", "a b")[0] == 2
    assert Command(command.folder / "none").run("list")[0] == 2, "only 'add' makes a folder"


async def test_the_command_changes_the_limits_of_keys(command: Command) -> None:
    run = partial(asyncio.to_thread, command.run)

    async def limits() -> KeyRates:
        (key,) = await command.keys()
        return key.rates

    code, out = await run("add", "ann", "--bandwidth", "5MiB", "--request-rate", "0.5")
    assert code == 0, out
    assert await limits() == KeyRates(bandwidth=5 * 1024 * 1024, requests=0.5)
    assert "5.2 MB/s, 0.5 requests/s" in (await run("list"))[1]
    assert (await run("limit", "ann", "--bandwidth", "0"))[0] == 0
    assert await limits() == KeyRates(bandwidth=0, requests=0.5)
    code, _ = await run("limit", "ann", "--bandwidth", "default", "--request-rate", "default")
    assert code == 0
    assert await limits() == KeyRates()
    for wrong in (
        *(("--bandwidth", text) for text in ("fast", "-1", "nan")),
        *(("--request-rate", text) for text in ("many", "-2", "nan", "inf")),
        (),
    ):
        assert (await run("limit", "ann", *wrong))[0] == 2, wrong
    code, out = await run("limit", "bob", "--bandwidth", "1MiB")
    assert code != 0


async def test_a_key_reads_and_uploads_by_default(command: Command) -> None:
    await asyncio.to_thread(command.run, "add", "alice")
    (stored,) = await command.keys()
    assert stored.scopes == {Scope.READ, Scope.UPLOAD}


async def test_the_settings_name_where_the_keys_are(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*arguments: str) -> int:
        return (await asyncio.to_thread(CliRunner().invoke, app, arguments)).exit_code

    monkeypatch.setenv("PDFSLUICE_DATA_DIR", str(command.folder))
    assert await run("add", "alice") == 0
    assert [key.name for key in await command.keys()] == ["alice"]
    monkeypatch.delenv("PDFSLUICE_DATA_DIR")
    other = Command(tmp_path / "other")
    config = tmp_path / "pdfsluice.toml"
    config.write_text(f'data_dir = "{other.folder}"\n')
    assert await run("add", "bob", "--config", str(config)) == 0
    assert [key.name for key in await other.keys()] == ["bob"]
