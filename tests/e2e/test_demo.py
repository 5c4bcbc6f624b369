"""The demonstration, as `make demo ONCE=1` runs it."""

import socket
from pathlib import Path

import pytest

from pdfsluice.cli.demo.command import free_port
from pdfsluice.client import ClientError
from tests.support.commands import pdfsluice

pytestmark = pytest.mark.xdist_group("port 8000")  # the demonstration takes it if it is free


@pytest.mark.long
def test_demonstration_finds_the_page(tmp_path: Path) -> None:
    _demonstrate(tmp_path)


@pytest.mark.nightly
def test_demonstration_can_be_repeated(tmp_path: Path) -> None:
    _demonstrate(tmp_path)
    again = pdfsluice("demo", "--once", "--data-dir", tmp_path / "demo")
    assert again.code == 0, again.err
    assert "nothing was sent" in again.out
    assert "Canals, Locks and Sluices, page 11" in again.out


def _demonstrate(tmp_path: Path) -> None:
    first = pdfsluice("demo", "--once", "--data-dir", tmp_path / "demo")
    assert first.code == 0, first.err
    assert "15 pages, imported and indexed" in first.out
    assert "Canals, Locks and Sluices, page 11" in first.out
    assert "200,000 cubic metres" in first.out


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = pdfsluice("demo", "--once", "--port", port, "--data-dir", tmp_path)
    assert done.code == 1
    assert f"Port {port} of 127.0.0.1 cannot be used: Address already in use" in done.err
    assert "Leave --port out" in done.err


def test_an_address_without_a_free_port_is_no_fault_of_the_port_option() -> None:
    with pytest.raises(ClientError, match=r"no port of 203\.0\.113\.1 can be used") as caught:
        free_port("203.0.113.1", None)
    assert "--port" not in caught.value.hint
