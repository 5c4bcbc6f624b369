"""Every hook is documented, used by pdfsluice itself, and open to third parties."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pdfsluice.config import load
from pdfsluice.core.errors import PluginError
from pdfsluice.core.plugins import hookspecs
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.kinds import KINDS
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import PluginInfo
from pdfsluice.core.plugins.ports.context import CommandSpec, OptionsSpec, PluginContext
from pdfsluice.core.plugins.registry import Registry
from tests.support.parts import part_of

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "hooks.md"
PREFIX = "pdfsluice_register_"
HOOKS: Mapping[str, Callable[..., Any]] = {
    name: hook for name, hook in vars(hookspecs).items() if name.startswith("pdfsluice_")
}
WITHOUT_CONTEXT = {"options": OptionsSpec, "commands": CommandSpec}
THIRD_PARTY = PluginInfo("acme", "acme_plugin", "acme-plugins", "3.1")


@pytest.fixture
def context(tmp_path: Path) -> PluginContext:
    manager = PluginManager.load(third_party=False)
    sections = {spec.name: spec.model for _, spec in manager.options()}
    loaded = load(sections=sections, environment={"PDFSLUICE_DATA_DIR": str(tmp_path)})
    return PluginContext(
        data_dir=loaded.settings.data_dir,
        upload_dir=loaded.settings.upload_dir,
        state_dir=loaded.settings.state_dir,
        settings=loaded.settings,
        section=loaded.section,
        publish=lambda _: None,
    )


def spec_of(kind: str) -> type[Any]:
    return WITHOUT_CONTEXT[kind] if kind in WITHOUT_CONTEXT else KINDS[kind].descriptor


def descriptor(kind: str, name: str) -> Any:
    """Return a descriptor of a kind; its content does not matter to registering."""
    spec = spec_of(kind)
    needed = {field.name for field in fields(spec) if field.default is MISSING}
    given: dict[str, Any] = dict.fromkeys(needed, "any:any")
    if kind in KINDS:
        part = part_of(KINDS[kind].protocol)
        given[KINDS[kind].field] = part if KINDS[kind].shape is None else lambda *_: part
    return spec(**{**given, "name": name})


def plugin(kind: str, hook: Callable[[], Any]) -> object:
    """Return a plugin that implements one hook."""

    def with_context(context: PluginContext) -> Any:
        return hook()

    module = ModuleType(THIRD_PARTY.module)
    implementation = hook if kind in WITHOUT_CONTEXT else with_context
    setattr(module, PREFIX + kind, hookimpl(implementation))
    return module


def manager_with(kind: str, hook: Callable[[], Any]) -> PluginManager:
    manager = PluginManager()
    manager.register(plugin(kind, hook), THIRD_PARTY)
    return manager


def collected(manager: PluginManager, kind: str, context: PluginContext) -> list[Any]:
    """Return what was registered, by the way that the program takes."""
    if kind in WITHOUT_CONTEXT:
        return [spec for _, spec in getattr(manager, kind)()]
    return list(getattr(Registry.build(manager, context), kind))


PLACES = ("event loop", "worker thread", "main thread", "stage process")


def test_the_framework_asks_for_every_hook() -> None:
    assert {PREFIX + kind for kind in (*KINDS, *WITHOUT_CONTEXT)} == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_documents_its_thread_and_what_raising_does(name: str) -> None:
    text = " ".join((inspect.getdoc(HOOKS[name]) or "").split())
    assert text.startswith("Register ")
    assert "called" in text
    assert any(place in text for place in PLACES)
    assert "aising" in text
    assert "Returns:" in text


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_described_in_the_reference(name: str) -> None:
    _, _, section = REFERENCE.read_text().partition(f"\n## `{name}`\n")
    described = section.partition("\n## ")[0]
    summary = (inspect.getdoc(HOOKS[name]) or "").split("\n\n")[0]
    assert summary.replace("``", "`") in described


WITHOUT_BUILT_IN = {"chunk_stages"}  # those of the how-to are installed by test_docs_plugins.py


@pytest.mark.parametrize("kind", sorted({*WITHOUT_CONTEXT, *KINDS} - WITHOUT_BUILT_IN))
def test_a_built_in_plugin_uses_the_hook(kind: str, context: PluginContext) -> None:
    found = collected(PluginManager.load(third_party=False), kind, context)
    assert found
    assert all(isinstance(each, spec_of(kind)) for each in found)


@pytest.mark.parametrize("kind", [*WITHOUT_CONTEXT, *KINDS])
def test_a_third_party_may_use_the_hook(kind: str, context: PluginContext) -> None:
    ours = descriptor(kind, "of-acme")
    assert collected(manager_with(kind, lambda: [ours]), kind, context) == [ours]


@pytest.mark.parametrize("kind", [*WITHOUT_CONTEXT, *KINDS])
def test_a_hook_that_raises_names_its_distribution(kind: str, context: PluginContext) -> None:
    def broken() -> list[Any]:
        raise RuntimeError("out of luck")

    with pytest.raises(PluginError, match=r"acme-plugins 3\.1.*out of luck"):
        collected(manager_with(kind, broken), kind, context)


@pytest.mark.parametrize("kind", [*WITHOUT_CONTEXT, *KINDS])
def test_a_hook_that_returns_something_else_is_refused(kind: str, context: PluginContext) -> None:
    with pytest.raises(PluginError, match=f"acme-plugins returned str.*{spec_of(kind).__name__}"):
        collected(manager_with(kind, lambda: ["a name"]), kind, context)
