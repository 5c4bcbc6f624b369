"""What a stage process is started with, and what it loads of that."""

import subprocess
import sys
from pathlib import Path

import pytest

from pdfsluice import config
from pdfsluice.core.errors import PluginError
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.runtime.registry import build_registry
from pdfsluice.core.scanning.bootstrap import Bootstrap
from pdfsluice.plugins.pdf.streaming.options import PdfOptions

IN_THE_PROCESS = """
import sys
from pdfsluice.core.scanning import worker_main
print(*(spec.name for spec in worker_main.Bootstrap.unpacked(sys.argv[1]).specs()))
print(*sys.modules.keys() & {"pydantic", "pdfsluice.config", "importlib.metadata"})
"""


@pytest.fixture
def bootstrap(tmp_path: Path) -> Bootstrap:
    """That of the built-in plugins, as it arrives in the process."""
    manager = PluginManager.load(third_party=False)
    loaded = config.load(
        sections={spec.name: spec.model for _, spec in manager.options()},
        environment={"PDFSLUICE_PLUGINS__PDF__HYPERSCAN": "no"},
        command_line={"data_dir": tmp_path, "port": 1234},
    )
    registry = build_registry(loaded, manager, EventHub())
    return Bootstrap.unpacked(Bootstrap.of(loaded, manager, registry, 0).packed())


def test_the_process_of_the_built_in_stages_loads_neither_settings_nor_models(
    bootstrap: Bootstrap,
) -> None:
    command = [sys.executable, "-c", IN_THE_PROCESS, bootstrap.packed()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "digest pdf-structure pdf-security\n\n"


def test_hooks_read_settings_and_their_section_there(bootstrap: Bootstrap, tmp_path: Path) -> None:
    context = bootstrap.context()
    assert (context.data_dir, context.settings.port) == (tmp_path, 1234)
    assert context.options("pdf", PdfOptions) == PdfOptions(hyperscan=False)
    assert context.option("pdf", "hyperscan", bool) is False


def test_sections_of_plugins_without_stages_stay_in_the_server(bootstrap: Bootstrap) -> None:
    with pytest.raises(PluginError, match="'clamav' is not one of a plugin with stream stages"):
        bootstrap.context().section("clamav")


def test_an_option_of_another_kind_is_an_error_of_the_plugin(bootstrap: Bootstrap) -> None:
    with pytest.raises(TypeError, match="'hyperscan' in section 'pdf' is bool"):
        bootstrap.context().option("pdf", "hyperscan", str)
