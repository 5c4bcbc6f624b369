"""A server whose index was lost: it reports that, and does not only find nothing."""

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
    assert pdfsluice_here("upload", pdf, "--index", "-q", *at).code == 0
    server.stop()
    shutil.rmtree(server.data_dir / "index")
    server.start()
    assert LOST in server.log_tail()
    lost = pdfsluice_here("search", "otters", *at)
    assert "'pdfsluice documents index --all'" in " ".join(lost.err.split())
    again = pdfsluice_here("documents", "index", "--all", *at)
    assert (again.code, again.out) == (0, "1 document queued for the index.\n")
    wait_until(lambda: "1. otters" in pdfsluice_here("search", "otters", *at).out.lower())
    assert LOST not in pdfsluice_here("search", "otters", *at).err
