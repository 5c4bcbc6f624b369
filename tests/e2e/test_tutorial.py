"""The tutorial, followed to the letter."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.servers import Serve

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "first-plugin.md"
REFUSED = 3
Command = Callable[..., subprocess.CompletedProcess[str]]


def block(name: str) -> str:
    """Return the code block whose first line is a comment with a file's name."""
    blocks = re.findall(r"```\w+\n# (\S+)\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)
    return str(dict(blocks)[name])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin of the tutorial, installed by pip into a folder of its own."""
    project = tmp_path_factory.mktemp("tutorial") / "pdfsluice-wordwatch"
    project.mkdir()
    for name in ("pyproject.toml", "pdfsluice_wordwatch.py"):
        (project / name).write_text(block(name))
    site = project.parent / "site"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(project)], check=True)
    return site


@pytest.fixture
def pdfsluice(site: Path) -> Command:
    """The command, in an environment with the plugin."""
    environment = {**os.environ, "PYTHONPATH": str(site), "NO_COLOR": "1", "COLUMNS": "200"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pdfsluice.cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A PDF that has the word in plain sight."""
    file = tmp_path / "secret.pdf"
    file.write_bytes(make_pdf(["This is TOP SECRET."], compress=False))
    return file


@pytest.mark.nightly
def test_without_the_rule_the_word_is_noted(
    site: Path, secret: Path, serve: Serve, pdfsluice: Command
) -> None:
    server = serve(PYTHONPATH=str(site), PDFSLUICE_PLUGINS__WORDWATCH__WORD="TOP SECRET")
    assert pdfsluice("upload", str(secret), "--server", server.base_url).returncode == 0
    shown = pdfsluice("documents", "show", "1", "--json", "--server", server.base_url).stdout
    document = json.loads(shown)
    assert document["decision"] == "note"
    assert "forbidden_word" in {finding["kind"] for finding in document["findings"]}


@pytest.mark.long
def test_the_plugin_of_the_tutorial_refuses_an_upload(
    site: Path, secret: Path, tmp_path: Path, serve: Serve, pdfsluice: Command
) -> None:
    plugins = pdfsluice("plugins").stdout
    assert "wordwatch" in plugins
    assert "pdfsluice-wordwatch" in plugins
    settings = tmp_path / "pdfsluice.toml"
    settings.write_text(block("pdfsluice.toml"))
    server = serve(PYTHONPATH=str(site), PDFSLUICE_CONFIG=str(settings))
    refused = pdfsluice("upload", str(secret), "--server", server.base_url)
    assert refused.returncode == REFUSED, refused.stdout + refused.stderr
    said = refused.stdout + refused.stderr
    assert "TOP SECRET" in said
    assert "ask for an exception" in said
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(make_pdf(["Nothing to see."], compress=False))
    assert pdfsluice("upload", str(plain), "--server", server.base_url).returncode == 0
