"""What is sent is sent: a server that restarts during the import fails no upload."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.servers import RunningServer, Serve

_SECONDS = 120
UNREACHABLE = 4


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return a file that takes long to import, and a small one."""
    long, small = tmp_path / "long.pdf", tmp_path / "small.pdf"
    words = " ".join(os.urandom(4).hex() for _ in range(40))
    long.write_bytes(make_pdf([f"Page {number} {words}" for number in range(20)]))
    small.write_bytes(make_pdf([f"Small {os.urandom(8).hex()}"]))
    return long, small


def uploading(server: RunningServer, *arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "pdfsluice.cli", "upload", "--index"),
            *("--server", server.base_url, *map(str, arguments)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: "subprocess.Popen[str]", there: Callable[[str], bool]) -> str:
    """Read the command's messages up to a line, and return them all."""
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if there(line):
            return told
    raise AssertionError(f"it ended before: {told}")


def being_indexed(line: str) -> bool:
    return line == "long.pdf: indexing\n"


@pytest.mark.nightly
def test_a_restart_during_the_import_fails_no_upload(
    serve: Serve, files: tuple[Path, Path]
) -> None:
    server = serve()
    with uploading(server, *files) as process:
        try:
            read_until(process, being_indexed)
            server.kill()
            told = read_until(process, lambda line: line.startswith("long.pdf: waiting: "))
            server.start()
            out, err = process.communicate(timeout=_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, told + err
    assert "long.pdf is document 1" in out
    assert "small.pdf is document 2" in out
    assert "resume" not in told + err


@pytest.mark.nightly
def test_what_is_a_document_is_not_to_be_resumed(serve: Serve, files: tuple[Path, Path]) -> None:
    server = serve()
    with uploading(server, "--patience", "1", files[0]) as process:
        try:
            read_until(process, being_indexed)
            server.kill()
            _, err = process.communicate(timeout=_SECONDS)
        finally:
            process.kill()
    assert process.returncode == UNREACHABLE, err
    assert "long.pdf is document 1" in err
    assert "resume" not in err
