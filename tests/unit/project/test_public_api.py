"""The public interface: light, complete, and enough for documented plugins."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsluice import core
from tests.support.documents import ROOT

PUBLIC = ("pdfsluice.core", "pdfsluice.core.testing", "pdfsluice.core.testing.contracts")
HEAVY = ("aiohttp", "asyncio", "orjson", "psutil", "pydantic", "sqlalchemy")


def names_of_type_checkers() -> list[str]:
    """Return what a type checker sees imported in ``pdfsluice.core``."""
    tree = ast.parse((ROOT / "core/__init__.py").read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If) and node.body[1:])
    imports = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in imports for alias in node.names]


def test_every_name_is_there_for_programs_and_for_type_checkers() -> None:
    assert sorted(names_of_type_checkers()) == sorted(core.__all__)
    for name in core.__all__:
        assert getattr(core, name) is not None
    assert set(core.__all__) <= set(dir(core))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Unheard'"):
        core.Unheard  # type: ignore[attr-defined] # noqa: B018


def test_the_names_of_a_hook_module_import_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from pdfsluice.core import Finding, PluginContext, StreamStageSpec, hookimpl\n"
        f"print(*(name for name in {HEAVY} if name in sys.modules))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_name_is_in_one_row_of_the_page() -> None:
    page = (ROOT / "docs/explanation/stability.md").read_text()
    table = page.partition("| subject | names |")[2].partition("<!--")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(core.__all__)


def deep_imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.startswith("pdfsluice.core") and module not in PUBLIC:
                yield f"{module}: {', '.join(alias.name for alias in node.names)}"
        if isinstance(node, ast.Import):
            yield from (
                alias.name
                for alias in node.names
                if alias.name.startswith("pdfsluice.core") and alias.name not in PUBLIC
            )


def python_in(document: Path) -> str:
    blocks = document.read_text().split("```python\n")[1:]
    return "\n".join(block.partition("```")[0] for block in blocks)


def test_documents_import_public_names_only() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    sources = {document: python_in(document) for document in documents}
    assert sum(map(bool, sources.values())) > 5
    deep = {document: list(deep_imports(source)) for document, source in sources.items()}
    assert {document: names for document, names in deep.items() if names} == {}


@pytest.mark.parametrize("folder", ["tests/third_party", "core/testing/contracts"])
def test_third_parties_and_contracts_import_public_names_only(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    deep = {line for file in files for line in deep_imports(file.read_text())}
    assert deep <= {"pdfsluice.core.uploads.lifecycle: OPEN"}


INSIDE = {
    "importers": {"documents"},
    "local_store": {"directories", "storage_errors"},
    "object_store": {"segments"},
    "markdown": {"documents"},
    "pdfium": {"documents"},
    "pypdf_text": {"documents"},
    "scan": {"events", "plugins", "runtime", "scanning"},
    "sql": {"background", "directories", "models", "threads", "uploads"},
    "tesseract": {"documents"},
    "api_keys": {"runtime"},
}
"""Rooms of the core that a built-in plugin uses beyond the public interface."""


@pytest.mark.parametrize(
    "plugin", sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir())
)
def test_a_built_in_plugin_imports_public_names(plugin: str) -> None:
    rooms = set()
    for file in (ROOT / "plugins" / plugin).rglob("*.py"):
        for line in deep_imports(file.read_text()):
            rooms.add(line.removeprefix("pdfsluice.core.").partition(":")[0].partition(".")[0])
    assert rooms <= INSIDE.get(plugin, set())
