"""The command copes with odd files, streams, keys and options, and says what is wrong with them."""

import os
from pathlib import Path

from tests.support.commands import pdfsluice
from tests.support.servers import RunningServer

FAILED = 1


def test_a_pipe_is_refused_and_not_waited_for(server: RunningServer, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pdf"
    os.mkfifo(pipe)
    outcome = pdfsluice("upload", pipe, "--server", server.base_url)
    assert outcome.code == FAILED
    assert f"{pipe} is not a regular file" in outcome.err
