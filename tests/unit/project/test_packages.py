"""What is installed: every package and every file that it needs, from anywhere."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("cli", "client", "config", "core", "plugins", "server")
BESIDE = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "CONTRIBUTING.md", "Makefile")
WITH_SOURCE = ("tests", "benchmarks", "docs")
"""Folders of the source distribution alone."""
NOT_INSTALLED = ("client/js/*.*", "client/js/types/*")
"""What serves the npm package alone."""


def packages_in_the_tree() -> dict[str, str]:
    """Return every package by its name, with its folder."""
    found = {}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            place = init.parent.relative_to(ROOT)
            found["pdfsluice." + ".".join(place.parts)] = place.as_posix()
    return found


def files_in_the_tree() -> set[str]:
    """Return the places in a wheel of all files, code or not."""
    files = {file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()}
    left_out = {file for pattern in NOT_INSTALLED for file in ROOT.glob(pattern)}
    return {
        f"pdfsluice/{file.relative_to(ROOT).as_posix()}"
        for file in files - left_out
        if "__pycache__" not in file.parts
    }


def test_every_package_is_listed_twice() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert sorted(setup["packages"]) == sorted(packages_in_the_tree())
    assert setup["package-dir"] == packages_in_the_tree()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_not_imported_under_its_bare_name(folder: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"import this package as 'pdfsluice.{folder}'" in done.stderr


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, made in a copy, so that nothing is left in the tree."""
    copy = tmp_path_factory.mktemp("source")
    leave_out = shutil.ignore_patterns("*.egg-info", "node_modules")
    for folder in (*FOLDERS, *WITH_SOURCE):
        shutil.copytree(ROOT / folder, copy / folder, ignore=leave_out)
    for name in BESIDE:
        shutil.copy(ROOT / name, copy)
    made = tmp_path_factory.mktemp("sdist")
    code = f"from setuptools.build_meta import build_sdist; build_sdist({str(made)!r})"
    run(sys.executable, "-W", "ignore", "-c", code, cwd=copy)
    (archive,) = made.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the source distribution alone."""
    made = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(made), str(sdist))
    (archive,) = made.glob("*.whl")
    return archive


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed, without its dependencies."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    pip("install", "--no-compile", "--target", str(folder), str(wheel))
    return folder


@pytest.mark.nightly
def test_a_source_distribution_holds_the_texts_next_to_the_code(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= set(BESIDE)
    assert names >= {"tests/conftest.py", "tests/unit/project/test_packages.py", "docs/generate.py"}


@pytest.mark.nightly
def test_a_source_distribution_holds_nothing_that_was_made(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    made = {name for name in names if Path(name).suffix in {".pyc", ".so"} or "__pycache__" in name}
    assert made == set()
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders <= {*FOLDERS, *WITH_SOURCE, "pdfsluice.egg-info"}


@pytest.mark.nightly
def test_a_wheel_holds_every_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == files_in_the_tree()
    assert {Path(name).suffix for name in held} >= {".js", ".css", ".html", ".woff2", ".txt"}
    assert {f"pdfsluice/{folder}/py.typed" for folder in FOLDERS} <= held


@pytest.mark.nightly
def test_an_installed_wheel_works_from_anywhere(site: Path, tmp_path: Path) -> None:
    names = sorted(packages_in_the_tree())
    lines = [
        "import importlib",
        f"for name in {names!r}:",
        "    package = importlib.import_module(name)",
        f"    assert package.__file__.startswith({str(site)!r}), package.__file__",
    ]
    python("-c", "\n".join(lines), cwd=tmp_path, path=site)
    shown = python("-m", "pdfsluice.cli", "--help", cwd=tmp_path, path=site)
    assert "upload" in shown
    assert "serve" in shown


@pytest.mark.nightly
@pytest.mark.parametrize("runner", [("uvx", "--from"), ("pipx", "run", "--spec")])
def test_a_wheel_runs_without_an_installation(
    runner: tuple[str, ...], wheel: Path, tmp_path: Path
) -> None:
    """The runners fetch what the wheel requires, into a fresh environment."""
    program = str(Path(sys.executable).with_name(runner[0]))
    own = {name: str(tmp_path / name) for name in ("UV_CACHE_DIR", "UV_TOOL_DIR", "PIPX_HOME")}
    command = (program, *runner[1:], str(wheel), "pdfsluice", "--version")
    shown = run(*command, cwd=tmp_path, environment={**os.environ, **own})
    assert shown.startswith(f"pdfsluice {version('pdfsluice')}")


def python(*arguments: str, cwd: Path, path: Path) -> str:
    """Run Python with an installed copy in front of the project under test."""
    environment = {**os.environ, "PYTHONPATH": str(path), "COLUMNS": "120"}
    return run(sys.executable, *arguments, cwd=cwd, environment=environment)


def pip(*arguments: str) -> None:
    first, *rest = arguments
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    run(sys.executable, "-m", "pip", first, *options, *rest)


def run(*command: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
