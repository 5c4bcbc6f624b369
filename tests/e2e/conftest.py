"""A reader of the documentation, with a home directory and files."""

import shutil
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf, write_large_pdf
from tests.support import active_pdfs
from tests.support.preloaded import preloaded_parent
from tests.support.reader import DATA


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that pages name: large.pdf, report.pdf, invoice.pdf, folders."""
    folder = tmp_path_factory.mktemp("files")
    write_large_pdf(folder / "large.pdf", 6 * 2**20, text="Filling a lock takes time: {number}.")
    (folder / "report.pdf").write_bytes(make_pdf(["It was decided to build a lock."] * 2))
    active_pdfs.write(folder / "invoice.pdf", active_pdfs.opens_with(active_pdfs.javascript()))
    for name in ("incoming", "archive"):
        (folder / name).mkdir()
        shutil.copy(folder / "invoice.pdf", folder / name)
    return folder


@pytest.fixture
def home(tmp_path: Path, files: Path) -> Path:
    """A reader's home directory, with the files that pages name."""
    folder = tmp_path / "home"
    shutil.copytree(files, folder)
    (folder / DATA).parent.mkdir(parents=True)
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    mail = folder / "bin" / "mail"
    mail.parent.mkdir()
    mail.write_text("#!/bin/sh\n")
    mail.chmod(0o755)
    preloaded_parent().write_command(folder / "bin" / "pdfsluice")
    return folder
