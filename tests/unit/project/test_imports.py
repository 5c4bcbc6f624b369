"""What a program loads: the heavy libraries only where they are used."""

import subprocess
import sys

import pytest

HEAVY = {
    "PIL", "aiohttp", "apsw", "hyperscan", "llama_index", "numpy", "onnxruntime", "pdf_inspector",
    "pikepdf",    "pypdf", "pypdfium2", "rich", "sqlalchemy", "tokenizers", "typer", "yara_x",
}  # fmt: skip
WITH_SETTINGS = {"orjson", "psutil", "pydantic"}

ALL_OF_CORE = """
import importlib, pkgutil
import pdfsluice.core
for module in pkgutil.walk_packages(pdfsluice.core.__path__, "pdfsluice.core."):
    if not module.name.startswith("pdfsluice.core.testing."):
        importlib.import_module(module.name)
"""
PORTS = """
from pdfsluice.core import errors
from pdfsluice.core.models import findings, sessions
from pdfsluice.core.plugins import hookspecs
from pdfsluice.core.plugins.ports import access, context, documents, policy, sinks, stages, stores
"""
PLUGINS = """
from pdfsluice.core.plugins.manager import PluginManager
assert PluginManager.load(third_party=False).options()
"""
CLIENT = "import pdfsluice.cli.program"


def loaded(code: str, names: set[str]) -> list[str]:
    """Return which of these a fresh interpreter has loaded after running the code."""
    script = f"{code}\nimport sys\nprint(*sorted({names!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("code", ["import pdfsluice.core", PORTS], ids=["core", "ports"])
def test_what_plugins_import_is_light(code: str) -> None:
    assert loaded(code, HEAVY | WITH_SETTINGS) == []


@pytest.mark.parametrize("code", [ALL_OF_CORE, PLUGINS], ids=["core", "plugins"])
def test_the_framework_and_registering_load_no_heavy_library(code: str) -> None:
    assert loaded(code, HEAVY) == []


def test_the_command_loads_nothing_of_the_server() -> None:
    assert loaded(CLIENT, HEAVY - {"typer", "rich"}) == []


def test_the_check_can_fail() -> None:
    assert loaded("import numpy", HEAVY) == ["numpy"]
