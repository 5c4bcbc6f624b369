"""Errors that people read: they name what is wrong, in units that can be compared."""

from pathlib import Path

import pytest

from pdfsluice.core.models.sessions import Scope
from tests.support.commands import pdfsluice
from tests.support.keys import add_key
from tests.support.servers import Serve
from tests.support.web import STREAMING, a_server, problem_of

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "shown", [{"X-API-Key": "no-key-of-ours"}, {"Authorization": "Bearer no-key-of-ours"}]
)
async def test_a_key_of_another_kind_is_called_invalid(
    tmp_path: Path, shown: dict[str, str]
) -> None:
    add_key(tmp_path, "ann", [Scope.READ])
    async with a_server(tmp_path) as web:
        async with web.http.get("/api/documents", headers=shown) as response:
            problem = await problem_of(response, 401, "authentication-required")
        assert "API key is not valid" in problem["detail"]
        async with web.http.get("/api/documents") as response:
            problem = await problem_of(response, 401, "authentication-required")
        assert problem["detail"] == "this server needs an API key"


async def test_sizes_can_be_compared(tmp_path: Path) -> None:
    async with a_server(tmp_path, max_file_size=10 * MIB) as web:
        wanted = {"filename": "a.pdf", "file_size": 60 * MIB + 1}
        async with web.http.post(f"{STREAMING}/initiate", json=wanted) as response:
            problem = await problem_of(response, 413, "size-exceeded")
    assert "62914561 bytes (60.0 MiB)" in problem["detail"]
    assert "10485760 bytes (10.0 MiB)" in problem["detail"]


async def test_a_preset_of_the_policy_is_printed(serve: Serve) -> None:
    server = serve(PDFSLUICE_PLUGINS__POLICY__PRESET="strict")
    assert "policy: rules (strict);" in server.log_tail()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "documents").write_text("a file")
    done = pdfsluice("serve", "--data-dir", tmp_path, env={"COLUMNS": "1000"})
    said = " ".join((done.out + done.err).split())
    assert done.code == 1
    assert f"The storage cannot use {tmp_path / 'documents'}: File exists." in said
    assert "Let the user that runs the server write there" in said
