"""A server whose index was lost: it reports that, and does not only find nothing."""

import json
import shutil
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice_here
from tests.support.servers import Serve
from tests.support.waiting import wait_until

LOST = "The index is empty, although documents were indexed"


@pytest.mark.long
def test_a_lost_index_is_reported_until_it_is_built_again(serve: Serve, tmp_path: Path) -> None:
    pdf = tmp_path / "otters.pdf"
    pdf.write_bytes(make_pdf(["Otters sleep on their backs."]))
    server = serve()
    at = ("--server", server.base_url)
    assert LOST not in pdfsluice_here("search", "otters", *at).err, "nothing was indexed yet"
    uploaded = pdfsluice_here("upload", pdf, "--index", "--json", "-q", *at)
    number = str(json.loads(uploaded.out)["id"])
    server.stop()
    shutil.rmtree(server.data_dir / "index")
    server.start()
    assert LOST in server.log_tail()
    lost = pdfsluice_here("search", "otters", *at)
    assert "'pdfsluice documents index ID'" in " ".join(lost.err.split())
    assert pdfsluice_here("documents", "index", number, *at).code == 0
    wait_until(lambda: "1. otters" in pdfsluice_here("search", "otters", *at).out.lower())
    assert LOST not in pdfsluice_here("search", "otters", *at).err
