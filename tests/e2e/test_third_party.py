"""Parts of a third party, through an entry point alone."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.servers import Serve

SOURCE = Path(__file__).parents[1] / "third_party" / "pdfsluice_example"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder as pip would fill it: the package and the metadata of its distribution."""
    folder = tmp_path / "site"
    shutil.copytree(SOURCE, folder / "pdfsluice_example")
    about = folder / "pdfsluice_example-2.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pdfsluice-example\nVersion: 2.5\n"
    )
    (about / "entry_points.txt").write_text("[pdfsluice]\nexample = pdfsluice_example\n")
    return folder


def pdfsluice(site: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site), "NO_COLOR": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "pdfsluice.cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.nightly
def test_the_plugin_is_listed_with_its_distribution(site: Path) -> None:
    listed = pdfsluice(site, "plugins")
    assert "pdfsluice-example" in listed
    assert "example-length" in listed
    order = json.loads(pdfsluice(site, "plugins", "--json"))["parts"]["stream_stages"]
    names = [part if isinstance(part, str) else part["name"] for part in order]
    assert names.index("example-length") < names.index("digest")


def test_its_command_runs(site: Path) -> None:
    assert "hello from a third party" in pdfsluice(site, "hello")


@pytest.mark.long
def test_an_upload_goes_through_its_stage_store_and_importer(
    site: Path, tmp_path: Path, serve: Serve
) -> None:
    receipts = tmp_path / "receipts"
    server = serve(
        PYTHONPATH=str(site),
        PDFSLUICE_UPLOAD_STORE="example-memory",
        PDFSLUICE_PLUGINS__EXAMPLE__RECEIPTS=str(receipts),
    )
    file = tmp_path / "letter.pdf"
    file.write_bytes(make_pdf(["A letter.", "Its second page."]))
    pdfsluice(site, "upload", str(file), "--server", server.base_url)
    shown = pdfsluice(site, "documents", "show", "1", "--json", "--server", server.base_url)
    document = json.loads(shown)
    assert "length" in {finding["kind"] for finding in document["findings"]}
    receipt = receipts / f"{document['id']}.txt"
    for _ in range(600):
        if receipt.exists():
            break
        time.sleep(0.1)
    assert receipt.read_text() == f"letter: {file.stat().st_size} bytes"
    assert not list((server.data_dir / "uploads").glob("**/*.part"))
