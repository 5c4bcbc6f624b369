"""`pdfsluice new-plugin` writes distributions that install, pass tests and run."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pdfsluice.cli.new_plugin import Kind, files, module_of
from pdfsluice.config import load
from pdfsluice.core import OptionsSpec
from pdfsluice.core.plugins.checks import check_module, check_spec, object_problems
from pdfsluice.core.plugins.kinds import KINDS as PART_KINDS
from pdfsluice.core.plugins.kinds import Shape
from pdfsluice.core.plugins.parts import PluginInfo
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice_here
from tests.support.servers import Serve

pytestmark = pytest.mark.xdist_group("new_plugin")
KINDS = [kind.value for kind in Kind]


def plural(kind: str) -> str:
    """Return what the registry calls the parts of a kind."""
    name = kind.replace("-", "_")
    return {"policy": "policies", "index": "indexes"}.get(name, f"{name}s")


def part_name(kind: str) -> str:
    """Return the name of the part; that of a checksum is what clients announce."""
    return "adler32" if kind == Kind.CHECKSUM else f"new-{kind}"


def pdfsluice(*arguments: str, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    command = [sys.executable, "-m", "pdfsluice.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new plugin of each kind."""
    folder = tmp_path_factory.mktemp("plugins")
    for kind in Kind:
        for path, text in files(f"new-{kind}", kind).items():
            file = folder / f"new-{kind}" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    """A folder in which pip has installed them all, without any network."""
    site = folder / "site"
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
    projects = [str(folder / f"new-{kind}") for kind in KINDS]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *projects], check=True)
    return site


def test_there_is_a_template_for_every_kind_of_part() -> None:
    assert {plural(kind) for kind in KINDS} == {*PART_KINDS, "commands"}


@pytest.mark.parametrize("kind", KINDS)
async def test_it_registers_its_part(
    folder: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fast half of what the server with all of them shows."""
    module = module_of(f"new-{kind}")
    monkeypatch.syspath_prepend(folder / f"new-{kind}")
    plugin = import_module(module)
    info = PluginInfo(module, module, f"new-{kind}", "0.1.0")
    check_module(plugin, info)
    options: list[OptionsSpec] = getattr(plugin, "pdfsluice_register_options", list)()
    loaded = load(
        sections={spec.name: spec.model for spec in options},
        environment={"PDFSLUICE_DATA_DIR": str(tmp_path)},
    )
    context = PluginContext(
        data_dir=tmp_path,
        upload_dir=tmp_path,
        state_dir=tmp_path,
        settings=loaded.settings,
        section=loaded.sections.__getitem__,
        publish=lambda _: None,
    )
    register = getattr(plugin, f"pdfsluice_register_{plural(kind)}")
    (spec,) = register() if kind == Kind.COMMAND else register(context)
    assert spec.name == part_name(kind)
    check_spec(plural(kind), spec, info)
    part_kind = PART_KINDS.get(plural(kind))
    if part_kind is not None and part_kind.shape is Shape.ENTERED:
        async with spec.open() as part:
            assert list(object_problems("open", part, part_kind.protocol)) == []


def test_it_is_tidy(folder: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "100"]
    for command in (["check", "--select", "E,F,I,B,UP"], ["format", "--check"]):
        paths = [str(folder / f"new-{kind}") for kind in KINDS]
        done = subprocess.run(
            [*ruff, *command, *options, *paths], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.nightly
def test_their_tests_pass(folder: Path) -> None:
    """All in one run; each project has the same configuration of pytest."""
    projects = [folder / f"new-{kind}" for kind in KINDS]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, projects))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", str(projects[0] / "pyproject.toml"), "--rootdir", str(folder), "-rA"]
    done = subprocess.run(
        [*command, *(str(project / "tests") for project in projects)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for kind in KINDS:
        assert f"PASSED new-{kind}/tests/" in done.stdout
        (test,) = (folder / f"new-{kind}/tests").glob("*.py")
        assert "Contract" in test.read_text()


@pytest.mark.nightly
def test_a_server_runs_with_all_of_them(site: Path, tmp_path: Path, serve: Serve) -> None:
    server = serve(
        PYTHONPATH=str(site),
        PDFSLUICE_INDEX="new-index",
        PDFSLUICE_UPLOAD_STORE="new-upload-store",
        PDFSLUICE_SESSION_STORE="new-session-store",
        PDFSLUICE_CATALOGUE="new-catalogue",
        PDFSLUICE_POLICY="new-policy",
    )
    listed = json.loads(pdfsluice("plugins", "--json", site=site).stdout)["parts"]
    for kind in set(KINDS) - {Kind.COMMAND}:
        parts = listed[plural(kind)]
        names = [each if isinstance(each, str) else each["name"] for each in parts]
        assert part_name(kind) in names
    file = tmp_path / "letter.pdf"
    file.write_bytes(make_pdf(["This is CONFIDENTIAL."], compress=False))
    at = ("--server", server.base_url)
    sent = pdfsluice("upload", str(file), "--wait", "--index", *at, site=site)
    assert sent.returncode == 0, sent.stderr
    shown = pdfsluice("documents", "show", "1", "--json", *at).stdout
    document = json.loads(shown)
    assert "confidential" in {finding["kind"] for finding in document["findings"]}
    assert document["metadata"]["words"] == "3"
    hits = pdfsluice("search", "confidential", "--json", *at).stdout
    assert json.loads(hits.splitlines()[0])["document_id"] == 1
    log = server.log_tail()
    assert "is completed" in log
    assert "which nothing registers" not in log


@pytest.mark.parametrize("name", ["", "Acme", "a_b", "../up", "a--b", "a-", "9a", "x" * 61, "é"])
def test_a_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    done = pdfsluice_here("new-plugin", "--in", str(tmp_path), "--", name)
    assert done.code == 2
    assert "cannot be the name of a plugin" in done.err
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(folder: Path) -> None:
    readme = folder / "new-gate" / "README.md"
    before = readme.read_bytes()
    done = pdfsluice_here("new-plugin", "new-gate", "--in", str(folder))
    assert done.code == 1
    assert "exists already" in done.err
    assert readme.read_bytes() == before


def test_the_next_steps_are_named(tmp_path: Path) -> None:
    done = pdfsluice_here("new-plugin", "acme-count", "--kind", "checksum", "--in", str(tmp_path))
    assert done.code == 0
    assert f"Wrote the checksum acme-count to {tmp_path / 'acme-count'}" in done.out
    assert "pip install" in done.out
    assert sorted(path.name for path in (tmp_path / "acme-count").iterdir()) == [
        "README.md",
        "acme_count.py",
        "pyproject.toml",
        "tests",
    ]
