"""The Python code of the documentation, run against a real server.

The blocks of a page share their names and run in their order; fragments may await.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.documents import ADDRESS, ROOT, blocks, is_a_file, pages_with, write_files
from tests.support.reader import DATA, environment
from tests.support.servers import Serve
from tests.support.shares import share

SECONDS = 120
COSTLY = {
    "docs/how-to/choose-an-embedding-model.md",
    "docs/how-to/connect-a-language-model.md",
    "docs/how-to/manage-jobs.md",
    "docs/how-to/read-markdown.md",
    "docs/how-to/replace-a-document.md",
    "docs/how-to/resume-an-upload.md",
    "docs/how-to/search-documents.md",
    "docs/how-to/use-tus.md",
    "docs/reference/testing.md",
}
"""Pages whose programs load a framework or a model, or do what their commands do as well."""


@dataclass(frozen=True)
class Python:
    """How the Python blocks of one page are run.

    Attributes:
        prepare: Shell code for what the page takes for granted.
        given: Python code for the names that its fragments use.
        skip: Why the page is not run.
    """

    prepare: str = ""
    given: str = ""
    skip: str = ""


CLIENT = """
import asyncio, os
from pdfsluice.client import Client
os.environ["PDFSLUICE_API_KEY"] = "pdfsluice_0_0"
client = await stack.enter_async_context(Client(os.environ["PDFSLUICE_SERVER"]))

def note(now):
    global session_id
    session_id = now.session_id

await client.upload("report.pdf", on_progress=note)
"""
KEY = """
import os
os.environ["PDFSLUICE_API_KEY"] = "pdfsluice_0_0"
"""
EXTRACTOR = """
from pdfsluice.core import TextExtractorSpec, closing
options = None
class AcmeText:
    def __init__(self, options): ...
"""

PYTHON: Mapping[str, Python] = {
    "docs/explanation/stability.md": Python(given=EXTRACTOR),
    "docs/how-to/add-a-store.md": Python(skip="test_a_store_as_described_keeps_the_contract"),
    "docs/how-to/choose-an-embedding-model.md": Python(
        prepare="pdfsluice upload report.pdf --index --wait"
    ),
    "docs/how-to/connect-a-language-model.md": Python(
        prepare="pdfsluice upload report.pdf --index --wait"
    ),
    "docs/how-to/encrypt-uploads.md": Python(
        skip="tests/integration/client/test_client_encryption.py"
    ),
    "docs/how-to/replace-a-document.md": Python(prepare="pdfsluice upload report.pdf --wait"),
    "docs/how-to/upload-from-python.md": Python(given=CLIENT),
    "docs/how-to/read-markdown.md": Python(prepare="pdfsluice upload report.pdf --wait"),
    "docs/how-to/read-scans.md": Python(skip="tests/e2e/test_docs_plugins.py"),
    "docs/how-to/search-documents.md": Python(
        given="import os\nos.environ['PDFSLUICE_API_KEY'] = 'pdfsluice_0_0'\n"
    ),
    "docs/how-to/use-tus.md": Python(given="key = 'pdfsluice_0_0'\n"),
    "docs/how-to/write-plugins.md": Python(skip="tests/e2e/test_docs_plugins.py"),
    "docs/tutorial/first-plugin.md": Python(skip="tests/e2e/test_tutorial.py"),
}

DRIVER = """
import ast, asyncio, contextlib, json, sys
stack = contextlib.AsyncExitStack()
names = {"__name__": "__main__", "stack": stack}
with asyncio.Runner() as runner:
    for place, source in json.load(sys.stdin):
        print(place, file=sys.stderr)
        code = compile(source, place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waiting = eval(code, names)
        if waiting is not None:
            runner.run(waiting)
    runner.run(stack.aclose())
"""


@pytest.mark.parametrize("name", share(pages_with("python"), every=5, nightly=COSTLY))
def test_python_does_what_its_page_claims(name: str, home: Path, serve: Serve) -> None:
    page = PYTHON.get(name, Python())
    if page.skip:
        return  # it is run elsewhere, or the reason is given
    found = blocks(ROOT / name, "python")
    assert not [block.place for block in found if is_a_file(block)], "run it as a file"
    server = serve(data_dir=home / DATA)
    sources = [(block.place, block.text.replace(ADDRESS, server.base_url)) for block in found]
    surroundings = environment(home, server.base_url)
    subprocess.run(["bash", "-ec", page.prepare], cwd=home, env=surroundings, check=True)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps([(f"what {name} takes for granted", page.given), *sources]),
        cwd=home,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nCorrect {name}, or say in PYTHON of {__file__}"
        " what it takes for granted or why it cannot be run here."
    )


@pytest.mark.nightly
def test_a_store_as_described_keeps_the_contract(tmp_path: Path) -> None:
    write_files(ROOT / "docs/how-to/add-a-store.md", tmp_path)
    check = "import my_store; print(my_store.pdfsluice_register_upload_stores.__name__)"
    for command in (["-c", check], ["-m", "pytest", "-q", "tests"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
