"""`pdfsluice new-plugin` writes distributions that install, pass their tests, and run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pdfsluice.cli.new_plugin import Kind
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice, pdfsluice_here
from tests.support.servers import Serve

pytestmark = pytest.mark.xdist_group("new_plugin")
KINDS = [kind.value for kind in Kind]


def pdfsluice_with(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the plugins of a folder."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "pdfsluice.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new plugin of each kind."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind in KINDS:
        done = pdfsluice("new-plugin", f"acme-{kind}", "--kind", kind, "--in", folder)
        assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    """A folder in which pip has installed them all, without any network."""
    site = folder / "site"
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
    projects = [str(folder / f"acme-{kind}") for kind in KINDS]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *projects], check=True)
    return site


def test_their_tests_pass(folder: Path) -> None:
    """One run for all: most of the time is spent on imports."""
    projects = [str(folder / f"acme-{kind}") for kind in KINDS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(projects)}
    settings = ["-c", f"{projects[0]}/pyproject.toml", "--rootdir", str(folder)]
    options = ["-v", "-p", "no:cacheprovider", "--import-mode=importlib"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, *options, *projects],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for kind in KINDS:
        name = kind.replace("-", "_")
        assert re.search(rf"test_acme_{name}.py::\S+ PASSED", done.stdout), done.stdout


def test_it_is_tidy(folder: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "100"]
    for command in (["check", "--select", "E,F,I,B,UP"], ["format", "--check"]):
        paths = [str(folder / f"acme-{kind}") for kind in KINDS]
        done = subprocess.run(
            [*ruff, *command, *options, *paths], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_server_runs_with_all_of_them(site: Path, tmp_path: Path, serve: Serve) -> None:
    server = serve(PYTHONPATH=str(site))
    listed = json.loads(pdfsluice_with(site, "plugins", "--json").stdout)["parts"]
    for kind in KINDS:
        parts = listed[f"{kind.replace('-', '_')}s"]
        assert f"acme-{kind}" in [each if isinstance(each, str) else each["name"] for each in parts]
    file = tmp_path / "letter.pdf"
    file.write_bytes(make_pdf(["This is CONFIDENTIAL."], compress=False))
    sent = pdfsluice("upload", file, "--wait", "--server", server.base_url)
    assert sent.code == 0, sent.err
    shown = pdfsluice("documents", "show", "1", "--json", "--server", server.base_url).out
    document = json.loads(shown)
    assert "confidential" in {finding["kind"] for finding in document["findings"]}
    assert document["metadata"]["words"] == "3"
    assert "is completed" in server.log_tail()


@pytest.mark.parametrize("name", ["", "Acme", "a_b", "../up", "a--b", "a-", "9a", "x" * 61, "é"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    done = pdfsluice_here("new-plugin", "--in", tmp_path, "--", name)
    assert done.code == 1
    assert "name for a plugin" in done.err
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(folder: Path) -> None:
    readme = folder / "acme-gate" / "README.md"
    before = readme.read_bytes()
    done = pdfsluice_here("new-plugin", "acme-gate", "--in", folder)
    assert done.code == 1
    assert "exists already" in done.err
    assert readme.read_bytes() == before
